// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Distinct words in order of first appearance, and how often each occurs: what subword learners read.
public struct TrainingWords: ~Copyable {
  private var table = PieceTable()
  public private(set) var counts: [UInt64] = []

  public init() {}

  /// Number of distinct words.
  public var count: Int { table.count }

  /// Adds occurrences of a word.
  ///
  /// - Throws: `StreamError` without a place when the count exceeds 2^63.
  public mutating func add(
    _ word: UnsafeBufferPointer<UInt8>, count: UInt64 = 1
  ) throws(StreamError) {
    let number = Int(table.insert(word))
    if number == counts.count { counts.append(0) }
    let (sum, isOver) = counts[number].addingReportingOverflow(count)
    guard !isOver, sum < 1 << 63 else {
      throw StreamError(.none, "the count of a word exceeds 2^63")
    }
    counts[number] = sum
  }

  /// The bytes of a word by its number; borrowed until the next `add`.
  public func word(_ number: Int) -> UnsafeBufferPointer<UInt8> {
    table.spelling(of: Token(number))
  }

  /// Reads records of `word<TAB>count`.
  ///
  /// - Throws: `StreamError` with the line when there is no TAB or no whole number after it.
  public mutating func addWeighted(_ block: RecordBlock) throws(StreamError) {
    try block.forEachRecord { (record, lineNumber) throws(StreamError) in
      func fail(_ problem: String) -> StreamError {
        StreamError(
          .line(block.name, lineNumber), problem, advice: "give 'word<TAB>count' on each line")
      }
      guard let tab = record.lastIndex(of: 0x09) else { throw fail("no TAB") }
      let digits = String(decoding: record[(tab + 1)...], as: UTF8.self)
      guard let count = UInt64(digits), count < 1 << 63 else {
        throw fail("'\(digits)' is no count")
      }
      guard tab > 0 else { throw fail("no word before the TAB") }
      do throws(StreamError) {
        try add(UnsafeBufferPointer(rebasing: record[..<tab]), count: count)
      } catch {
        throw fail(error.problem)
      }
    }
  }
}
