// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// How well a model's tokens fit a text.
struct TokenReport {
  /// How often each token stands in the text.
  private var counts: [Int] = []
  /// What stands between white space.
  private var wordCount = 0
  private var characterCount = 0

  mutating func add(
    _ record: UnsafeBufferPointer<UInt8>, _ tokens: Slice<UnsafeBufferPointer<Token>>
  ) {
    for token in tokens {
      if Int(token) >= counts.count {
        counts += repeatElement(0, count: Int(token) + 1 - counts.count)
      }
      counts[Int(token)] += 1
    }
    let text = TextScanner(record)
    WhitespaceScanner.forEachPiece(in: text) { _, _ in wordCount += 1 }
    characterCount += record.count { $0 & 0xC0 != 0x80 }
  }

  mutating func add(_ other: TokenReport) {
    wordCount += other.wordCount
    characterCount += other.characterCount
    if counts.count < other.counts.count {
      counts += repeatElement(0, count: other.counts.count - counts.count)
    }
    for (token, count) in other.counts.enumerated() { counts[token] += count }
  }

  /// Lines of a name, a TAB and a number.
  func table(_ totals: TextTokenization.Totals, vocabularyCount: Int) -> String {
    let used = counts.count { $0 > 0 }
    let rows: [(String, String)] = [
      ("records", "\(totals.recordCount)"), ("bytes", "\(totals.byteCount)"),
      ("characters", "\(characterCount)"), ("words", "\(wordCount)"),
      ("tokens", "\(totals.tokenCount)"), ("unknown", "\(totals.unknownCount)"),
      ("bytes-per-token", ratio(totals.byteCount, totals.tokenCount)),
      ("tokens-per-word", ratio(totals.tokenCount, wordCount)),
      ("vocabulary", "\(vocabularyCount)"), ("used", "\(used)"),
      ("unused", "\(vocabularyCount - used)"),
    ]
    return rows.map { "\($0)\t\($1)\n" }.joined()
  }

  /// Four decimals, rounded down.
  private func ratio(_ a: Int, _ b: Int) -> String {
    guard b > 0 else { return "-" }
    let scaled = a.multipliedFullWidth(by: 10_000)
    let (value, _) = b.dividingFullWidth(scaled)
    let digits = "\(value % 10_000)"
    return "\(value / 10_000)." + String(repeating: "0", count: 4 - digits.count) + digits
  }
}

extension TextTokenization.View {
  /// Appends what the view shows of a record.
  ///
  /// - ranges: of the tokens in bytes, at least `count` of them where places are shown.
  func append(
    _ record: UnsafeBufferPointer<UInt8>, _ ranges: [Range<Int>], count: Int,
    to output: inout ByteBuffer
  ) {
    switch self {
    case .tokens, .report: break
    case .count: output.append(decimal: UInt64(count))
    case .byteOffsets, .characterOffsets:
      let characters = self == .characterOffsets ? TextTokenization.View.characters(record) : []
      for (index, range) in ranges.prefix(count).enumerated() {
        if index > 0 { output.append(0x20) }
        // A token of part of a character stands on the whole one.
        let start = characters.isEmpty ? range.lowerBound : characters[range.lowerBound]
        let end =
          characters.isEmpty
          ? range.upperBound
          : range.isEmpty ? start : characters[range.upperBound - 1] + 1
        output.append(decimal: UInt64(start))
        output.append(UInt8(ascii: ":"))
        output.append(decimal: UInt64(end))
      }
    }
  }

  /// The number of the character that each byte belongs to, and one past the end.
  private static func characters(_ record: UnsafeBufferPointer<UInt8>) -> [Int] {
    var numbers: [Int] = []
    numbers.reserveCapacity(record.count + 1)
    var number = 0
    forEachScalar(of: record) { _, range in
      for _ in range { numbers.append(number) }
      number += 1
    }
    numbers.append(number)
    return numbers
  }
}
