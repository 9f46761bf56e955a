// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// One stream of counts in byte order, read line by line: text as it is, anything else as lines made
/// for the purpose.
final class CountLines {
  let name: String
  private let nextBlock: () throws -> RecordBlock?
  /// Whether the lines are known to be sorted and well-formed.
  private let isTrusted: Bool
  private var block: RecordBlock?
  private var start = 0
  private var lineNumber = 0
  private var previous = ByteBuffer()
  private var normal = ByteBuffer()
  /// The n-gram of the current line, pieces joined by single spaces; its first eight bytes as a number.
  private(set) var key = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  private(set) var prefix: UInt64 = 0
  private(set) var count: UInt64 = 0
  /// Columns of the n-grams.
  private(set) var columnCount = 0

  init(name: String, isTrusted: Bool, nextBlock: @escaping () throws -> RecordBlock?) {
    self.name = name
    self.isTrusted = isTrusted
    self.nextBlock = nextBlock
  }

  /// Moves on to the next line; false at the end.
  ///
  /// - Throws: `StreamError` for a malformed line, another number of columns than before, and a line that
  ///   comes before the one before it in byte order.
  func advance() throws -> Bool {
    while true {
      if let block, start < block.bytes.count {
        try read(block)
        return true
      }
      // The line before is remembered: its block goes.
      keepKey()
      guard let next = try nextBlock() else {
        block = nil
        return false
      }
      block = next
      start = 0
      lineNumber = next.firstLineNumber - 1
    }
  }

  private func keepKey() {
    guard key.count > 0, key.baseAddress != UnsafePointer(previous.base) else { return }
    previous.removeAll()
    previous.append(key)
    key = previous.bytes
  }

  private func read(_ block: RecordBlock) throws {
    let base = block.bytes.base + start
    let rest = block.bytes.count - start
    let end = memchr(base, 0x0A, rest).map {
      base.distance(to: $0.assumingMemoryBound(to: UInt8.self))
    }
    let line = UnsafeBufferPointer(start: base, count: end ?? rest)
    start += line.count + 1
    lineNumber += 1
    do throws(StreamError) {
      let (written, count) = try CountLine.split(line)
      self.count = count
      let before = key
      if isTrusted {
        key = written
        if columnCount == 0 { columnCount = 1 + key.count { $0 == 0x20 } }
      } else {
        keepNormal(before)
        key = try normalised(written)
        guard before.isEmpty || !bytesPrecede(key, before) else {
          throw StreamError(
            .none, "not in byte order after the line before", advice: "sort with LC_ALL=C sort")
        }
      }
      prefix = bigEndianPrefix(of: key)
    } catch { throw error.located(at: .line(block.name, lineNumber)) }
  }

  /// Moves a key out of the buffer that the next one may need.
  private func keepNormal(_ key: UnsafeBufferPointer<UInt8>) {
    if key.baseAddress == UnsafePointer(normal.base) { swap(&normal, &previous) }
  }

  /// The n-gram with its pieces spelt canonically and joined by single spaces.
  private func normalised(_ written: UnsafeBufferPointer<UInt8>) throws(StreamError)
    -> UnsafeBufferPointer<UInt8>
  {
    var columns = 1
    var isNormal = written[0] != 0x20 && written[written.count - 1] != 0x20
    var isAfterSpace = false
    for byte in written {
      if byte == 0x20 {
        columns &+= 1
        if isAfterSpace { isNormal = false }
        isAfterSpace = true
      } else {
        isAfterSpace = false
        if byte < 0x21 || byte > 0x7E || byte == 0x5C { isNormal = false }
      }
    }
    var key = written
    if !isNormal {
      normal.removeAll()
      columns = 0
      forEachPiece(in: written) { piece in
        if columns > 0 { normal.append(0x20) }
        columns += 1
        if Spelling.isCanonical(piece) || PositionMark.isMark(piece) {
          normal.append(piece)
        } else {
          var plain = ByteBuffer(capacity: piece.count)
          Spelling.appendBytes(of: piece, to: &plain)
          Spelling.append(plain.bytes, to: &normal)
        }
      }
      key = normal.bytes
    }
    if columnCount > 0, columnCount != columns {
      throw StreamError(
        .none, "an n-gram of order \(columns) among those of order \(columnCount)",
        advice: "counts hold one order")
    }
    guard columns <= CountBlock.maximumOrder else { throw CountBlock.tooLong(columns) }
    columnCount = columns
    return key
  }
}

/// Whether `a` stands before `b` in byte order.
func bytesPrecede(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
  let common = min(a.count, b.count)
  let order = common == 0 ? 0 : memcmp(a.baseAddress!, b.baseAddress!, common)
  return order < 0 || (order == 0 && a.count < b.count)
}

/// The first eight bytes as a number that is ordered as they are.
private func bigEndianPrefix(of bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
  if bytes.count >= 8 {
    return UInt64(bigEndian: UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(as: UInt64.self))
  }
  var prefix: UInt64 = 0
  for index in 0..<8 { prefix = prefix << 8 | UInt64(index < bytes.count ? bytes[index] : 0) }
  return prefix
}
