// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams

/// A list such as `1,10,50`.
struct Lags: ExpressibleByArgument {
  let values: [Int]
  init(_ values: [Int]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Int($0) }.filter { (0...100_000).contains($0) }
    if values.isEmpty || values.count != parts.count { return nil }
  }

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}

/// A square matrix from a file: one row of numbers a line.
func readMatrix(_ path: String) throws -> [[Double]] {
  let reader = RecordReader(paths: [path])
  var rows: [[Double]] = []
  while let block = try reader.nextBlock() {
    try block.forEachRecord { record, number in
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

/// A number with six significant digits.
func digits(_ number: Double) -> String {
  var buffer = [CChar](repeating: 0, count: 64)
  withVaList([number]) { _ = vsnprintf(&buffer, buffer.count, "%.6g", $0) }
  return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}
