// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import Optimization

// The probes' findings as tables: a row of names, then numbers with six digits.

extension GradientProbe {
  /// Each tensor's gradient beside that of windows of `windowSteps` steps, or beside central
  /// differences, and the largest difference of all.
  public func comparison(windowSteps: Int?) -> [[String]] {
    let rows = windowSteps.map(truncate) ?? check()
    let largest = rows.map(\.difference).max() ?? 0
    return [["tensor", "parameters", "gradient_norm", "relative_difference"]]
      + rows.map {
        [$0.name, "\($0.parameterCount)", significant($0.norm), significant($0.difference)]
      }
      + [["largest", "\(rows.reduce(0) { $0 + $1.parameterCount })", "", significant(largest)]]
  }

  /// The gradient's norm by time lag and layer.
  public func lagTable() -> [[String]] {
    let table = lags()
    return [["lag"] + table[0].indices.map { "layer_\($0)" }]
      + table.enumerated().map { lag, norms in ["\(lag)"] + norms.map { significant($0) } }
  }

  /// The singular values of a model's recurrent weights.
  public static func singularValueTable(_ file: RecurrentModelFile) -> [[String]] {
    [["layer", "gate", "number", "singular_value"]]
      + recurrentSingularValues(file).flatMap { block in
        block.values.enumerated().map { number, value in
          ["\(block.layer)", "\(block.gate)", "\(number + 1)", significant(value)]
        }
      }
  }
}

extension LagProbe {
  /// The stretch of a gradient by time lag, and with a limit what clipping leaves of it.
  public func table(atLags lags: [Int], clip: Double?) -> [[String]] {
    [["lag", "gradient_norm"] + (clip == nil ? [] : ["clipped"])]
      + zip(lags, stretches(atLags: lags)).map { lag, stretch in
        ["\(lag)", significant(stretch)]
          + (clip.map { [significant(stretch * clippingScale(norm: stretch, limit: $0))] } ?? [])
      }
  }

  /// Reads a square matrix: one row of numbers a line.
  ///
  /// - Throws: `StreamError` at the line that is no such row, and when the matrix is not square.
  public static func matrix(at path: String) throws(StreamError) -> [[Double]] {
    let reader = RecordReader(paths: [path])
    var rows: [[Double]] = []
    while let block = try reader.nextBlock() {
      try block.forEachRecord { (record, number) throws(StreamError) in
        let fields = record.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 })
        if fields.isEmpty { return }
        let row = fields.compactMap { Double(String(decoding: $0, as: UTF8.self)) }
        guard row.count == fields.count, row.allSatisfy(\.isFinite),
          row.count == rows.first?.count ?? row.count
        else {
          throw StreamError(
            .line(block.name, number), "a row of \(row.count) numbers of \(fields.count)",
            advice: "write as many numbers in every row")
        }
        rows.append(row)
      }
    }
    guard !rows.isEmpty, rows.count == rows[0].count else {
      throw StreamError(
        .file(path), "a matrix of \(rows.count) rows and \(rows.first?.count ?? 0) columns",
        advice: "give a square one")
    }
    return rows
  }
}
