// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// A stretch of token text that ends where a piece ends: a record may begin in one and end in another.
final class TokenTextBlock: @unchecked Sendable {
  /// The text; memory is readable for eight bytes beyond.
  let bytes: ByteBuffer
  let terminator: UInt8
  let name: String
  /// The number of the record that the block begins in, from 1.
  let lineNumber: Int
  /// Whether a record begins with the block.
  let beginsRecord: Bool

  init(
    bytes: consuming ByteBuffer, terminator: UInt8, name: String, lineNumber: Int,
    beginsRecord: Bool
  ) {
    var bytes = bytes
    bytes.reserve(16)
    self.bytes = bytes
    self.terminator = terminator
    self.name = name
    self.lineNumber = lineNumber
    self.beginsRecord = beginsRecord
  }
}

/// Reads one file of token text in blocks of about equal size, however long its records are.
struct TokenTextBlocks: ~Copyable {
  private let file: InputFile
  private let terminator: UInt8
  private let blockByteCount: Int
  private var rest = ByteBuffer()
  private var lineNumber = 1
  private var beginsRecord = true

  init(_ file: InputFile, terminator: UInt8, blockByteCount: Int) {
    self.file = file
    self.terminator = terminator
    self.blockByteCount = blockByteCount
  }

  /// The next block, or nothing at the end; the last one ends with a terminator, which is supplied
  /// where the file lacks it.
  mutating func next() throws(StreamError) -> TokenTextBlock? {
    var bytes = ByteBuffer(capacity: blockByteCount + 64)
    bytes.append(rest.bytes)
    rest.removeAll()
    var end = 0
    var searched = 0
    while end == 0 {
      let wanted = max(blockByteCount - bytes.count, blockByteCount / 4)
      if try file.read(upTo: wanted, appendingTo: &bytes) {
        // A block is filled as far as it goes, whatever the sizes that a pipe delivers.
        if bytes.count < blockByteCount { continue }
        end = lastSeparator(in: bytes, from: searched).map { $0 + 1 } ?? 0
        searched = bytes.count
      } else {
        if bytes.isEmpty { return nil }
        if bytes.base[bytes.count - 1] != terminator { bytes.append(terminator) }
        end = bytes.count
      }
    }
    rest.append(UnsafeBufferPointer(rebasing: bytes.bytes[end...]))
    bytes.count = end
    let endsRecord = bytes.base[end - 1] == terminator
    let block = TokenTextBlock(
      bytes: bytes, terminator: terminator, name: file.name, lineNumber: lineNumber,
      beginsRecord: beginsRecord)
    lineNumber += RecordBlock.occurrences(of: terminator, in: block.bytes.bytes)
    beginsRecord = endsRecord
    return block
  }

  private func lastSeparator(in bytes: borrowing ByteBuffer, from start: Int) -> Int? {
    var index = bytes.count
    while index > start {
      index -= 1
      let byte = bytes.base[index]
      if byte == terminator || byte == 0x20 || byte == 0x09 { return index }
    }
    return nil
  }
}
