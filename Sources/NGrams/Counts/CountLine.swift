// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// One line of counts as text: `w1 w2 w3<TAB>count`.
enum CountLine {
  /// The n-gram's part of a line, and its count.
  ///
  /// - Throws: `StreamError` without a place when it is no such line.
  static func split(_ line: UnsafeBufferPointer<UInt8>) throws(StreamError) -> (
    key: UnsafeBufferPointer<UInt8>, count: UInt64
  ) {
    var tab = line.count - 1
    while tab >= 0, line[tab] != 0x09 { tab -= 1 }
    guard tab > 0, line[..<tab].contains(where: { $0 != 0x20 && $0 != 0x09 }) else {
      throw StreamError(.none, "no n-gram before a TAB", advice: "a line is 'word word<TAB>count'")
    }
    var count: UInt64 = 0
    var isOverflow = false
    for byte in line[(tab + 1)...] {
      guard byte &- 0x30 < 10 else {
        let text = String(decoding: line[(tab + 1)...].prefix(30), as: UTF8.self)
        throw StreamError(.none, "'\(text)' is no count", advice: "counts are whole numbers")
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
      isOverflow = isOverflow || overflow || carry
      count = sum
    }
    guard !isOverflow else { throw countOverflow }
    guard count > 0 else {
      throw StreamError(
        .none, tab + 1 == line.count ? "no count after the TAB" : "a count of 0",
        advice: "counts are whole numbers from 1")
    }
    return (UnsafeBufferPointer(rebasing: line[..<tab]), count)
  }

  /// Appends a line.
  static func append(
    _ key: UnsafeBufferPointer<UInt8>, _ count: UInt64, to output: inout ByteBuffer
  ) {
    output.append(key)
    output.append(0x09)
    output.append(decimal: count)
    output.append(0x0A)
  }
}

/// A count that 64 bits do not hold.
let countOverflow = StreamError(.none, "a count is above 18446744073709551615 (64 bits)")

/// The first column of positional counts: the position of the predicted token, from 1, as `\@17`.
///
/// No canonical spelling has a backslash before `@`, so a mark is never taken for a word.
public enum PositionMark {
  /// The spelling of the mark of a position.
  public static func spelling(of position: Int) -> [UInt8] { Array("\\@\(position)".utf8) }

  /// The position that a spelling marks, or nothing when it is a word.
  public static func position(of spelling: UnsafeBufferPointer<UInt8>) -> Int? {
    guard isMark(spelling) else { return nil }
    return Int(String(decoding: spelling.dropFirst(2), as: UTF8.self))
  }

  static func isMark(_ spelling: UnsafeBufferPointer<UInt8>) -> Bool {
    spelling.count > 2 && spelling[0] == 0x5C && spelling[1] == UInt8(ascii: "@")
      && spelling.dropFirst(2).allSatisfy { (0x30...0x39).contains($0) }
  }
}

extension PieceTable {
  /// The token of a spelling as it stands in a text stream, canonical or not.
  mutating func token(asWritten spelling: UnsafeBufferPointer<UInt8>) -> Token {
    if let token = find(spelling) { return token }
    if Spelling.isCanonical(spelling) || PositionMark.isMark(spelling) { return insert(spelling) }
    var bytes = ByteBuffer(capacity: spelling.count)
    Spelling.appendBytes(of: spelling, to: &bytes)
    var canonical = ByteBuffer(capacity: spelling.count)
    Spelling.append(bytes.bytes, to: &canonical)
    return insert(canonical.bytes)
  }
}
