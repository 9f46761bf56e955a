// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Some lines of an ARPA file that one worker reads: n-grams of one order, or other lines.
struct ARPAStretch: Sendable {
  let block: RecordBlock
  /// Where in the block it lies.
  let range: Range<Int>
  let firstLineNumber: Int
  /// The order that the last section line before it named.
  let sectionLength: Int?

  /// The end of the memory that may be read.
  var limit: UnsafePointer<UInt8> { UnsafePointer(block.bytes.base + block.bytes.count) }

  /// Calls `body` with each line, without blanks and CR around it, and its number.
  @inline(__always) func forEachLine(
    _ body: (UnsafeBufferPointer<UInt8>, Int) throws(StreamError) -> Void
  ) throws(StreamError) {
    let base = UnsafePointer(block.bytes.base)
    var start = range.lowerBound
    var number = firstLineNumber
    while start < range.upperBound {
      let end =
        UnsafeBufferPointer(start: base + start, count: range.upperBound - start).firstIndex(
          ofByte: 0x0A
        ).map { start + $0 } ?? range.upperBound
      var (first, last) = (start, end)
      while first < last, ARPAStretch.isBlank(base[first]) { first &+= 1 }
      while last > first, ARPAStretch.isBlank(base[last &- 1]) { last &-= 1 }
      try body(UnsafeBufferPointer(start: base + first, count: last - first), number)
      start = end + 1
      number += 1
    }
  }

  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D
  }
}

/// Cuts the blocks of an ARPA file at the lines that begin with a backslash, so that what lies between
/// is of one order.
struct ARPAStretches {
  private let records: RecordReader
  private var block: RecordBlock?
  private var place = 0
  /// The number of the line at `place`.
  private var nextLineNumber = 1
  private var sectionLength: Int?

  init(_ records: RecordReader) { self.records = records }

  /// The number of the last line read.
  var lineNumber: Int { nextLineNumber - 1 }

  /// - Throws: `StreamError` when the file cannot be read.
  mutating func next() throws(StreamError) -> ARPAStretch? {
    if block == nil || place == block!.bytes.count {
      guard let following = try records.nextBlock() else { return nil }
      block = following
      place = 0
    }
    let bytes = block!.bytes.bytes
    let start = place
    let isSectionLine = ARPAStretches.isSectionLine(bytes, at: start)
    if isSectionLine {
      let line = UnsafeBufferPointer(rebasing: bytes[start...])
      let end = line.firstIndex(ofByte: 0x0A).map { start + $0 + 1 } ?? bytes.count
      sectionLength = ARPAStretches.sectionLength(bytes[start..<end])
      place = end
    } else {
      place = ARPAStretches.sectionLine(in: bytes, after: start) ?? bytes.count
    }
    defer {
      let rest = UnsafeBufferPointer(rebasing: bytes[start..<place])
      nextLineNumber +=
        RecordBlock.occurrences(of: 0x0A, in: rest) + (rest.last == 0x0A || rest.isEmpty ? 0 : 1)
    }
    return ARPAStretch(
      block: block!, range: start..<place, firstLineNumber: nextLineNumber,
      sectionLength: isSectionLine ? nil : sectionLength)
  }

  /// Whether the line at `start` begins with a backslash, after blanks.
  private static func isSectionLine(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
    var index = start
    while index < bytes.count, ARPAStretch.isBlank(bytes[index]) { index += 1 }
    return index < bytes.count && bytes[index] == 0x5C
  }

  /// The start of the first line after the one at `start` that begins with a backslash.
  private static func sectionLine(
    in bytes: UnsafeBufferPointer<UInt8>, after start: Int
  ) -> Int? {
    var index = start
    while let found = UnsafeBufferPointer(rebasing: bytes[index...]).firstIndex(ofByte: 0x5C) {
      var lineStart = index + found
      while lineStart > start, ARPAStretch.isBlank(bytes[lineStart - 1]) { lineStart -= 1 }
      if lineStart > start, bytes[lineStart - 1] == 0x0A { return lineStart }
      index += found + 1
    }
    return nil
  }

  /// k of `\k-grams:`.
  private static func sectionLength(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
    let digits = line.drop { ARPAStretch.isBlank($0) }.dropFirst().prefix { $0 != 0x2D }
    return Int(String(decoding: digits.prefix(3), as: UTF8.self))
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate func firstIndex(ofByte byte: UInt8) -> Int? {
    guard let baseAddress, let found = memchr(baseAddress, CInt(byte), count) else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(baseAddress)
  }
}
