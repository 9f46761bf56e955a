// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A sequence of columns of numbers, and what is to be written below them.
///
///     01 00 11<TAB>1 0 -        three columns of two numbers; targets of one unit, none at the last
///
/// A column is a run of digits 0 and 1, or numbers with commas between them (`0.5,-1`). A target is a
/// run of 0, 1 and `-`, one for each output unit; `-` has no loss.
public struct ColumnRecord: Sendable {
  /// [steps][width]
  public var columns: [[Double]]
  /// [steps][outputs], NaN where there is no target; empty when the record has none.
  public var targets: [[Double]]

  /// Reads a record.
  ///
  /// - place: of the record, for messages.
  /// - Throws: `StreamError` for a column that is none, of another width than the first, or targets
  ///   that are not as many.
  public init(
    _ record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) {
    let parts = record.split(separator: 0x09, maxSplits: 1, omittingEmptySubsequences: false)
    func pieces(_ number: Int) -> [[UInt8]] {
      guard number < parts.count else { return [] }
      return parts[number].split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).map(Array.init)
    }
    columns = []
    targets = []
    for piece in pieces(0) {
      guard let column = ColumnRecord.column(piece) else {
        throw StreamError(
          place, "a column reads \(String(decoding: piece, as: UTF8.self))",
          advice: "write 0s and 1s, or numbers with commas between them")
      }
      guard column.count == columns.first?.count ?? column.count else {
        throw StreamError(place, "a column of \(column.count) after one of \(columns[0].count)")
      }
      columns.append(column)
    }
    for piece in pieces(1) {
      guard piece.allSatisfy({ $0 == 0x30 || $0 == 0x31 || $0 == 0x2D }) else {
        throw StreamError(
          place, "a target reads \(String(decoding: piece, as: UTF8.self))",
          advice: "write 0, 1 or - for each output")
      }
      targets.append(piece.map { $0 == 0x2D ? .nan : Double($0 - 0x30) })
      guard targets.last!.count == targets[0].count else {
        throw StreamError(
          place, "a target of \(targets.last!.count) after one of \(targets[0].count)")
      }
    }
    guard targets.isEmpty || targets.count == columns.count else {
      throw StreamError(place, "\(targets.count) targets below \(columns.count) columns")
    }
  }

  private static func column(_ piece: [UInt8]) -> [Double]? {
    if piece.allSatisfy({ $0 == 0x30 || $0 == 0x31 }) { return piece.map { Double($0 - 0x30) } }
    let numbers = piece.split(separator: 0x2C, omittingEmptySubsequences: false).map {
      Double(String(decoding: $0, as: UTF8.self)) ?? .nan
    }
    return numbers.allSatisfy(\.isFinite) ? numbers : nil
  }

  /// Reads all records that hold columns.
  public static func all(_ reader: RecordReader) throws(StreamError) -> [ColumnRecord] {
    var records: [ColumnRecord] = []
    while let block = try reader.nextBlock() {
      try block.forEachRecord { (bytes, number) throws(StreamError) in
        let record = try ColumnRecord(bytes, place: .line(block.name, number))
        if !record.columns.isEmpty { records.append(record) }
      }
    }
    return records
  }
}
