// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort

/// Counted words in parts, each in the order in which its words were added.
final class WordRecords {
  static let partCount = 256
  private static let blockByteCount = 1 << 12

  private var bytes: PagedArray<UInt8>
  /// By part: what is in no block yet, and where its blocks lie.
  private var pending = [[UInt8]](repeating: [], count: WordRecords.partCount)
  private var blocks = [[Range<Int>]](repeating: [], count: WordRecords.partCount)
  private var record = ByteBuffer()

  init(_ memory: LearningMemory) {
    bytes = PagedArray(allowance: memory.allowance, directory: memory.directory)
  }

  /// - number: where the word stands among all words.
  func append(
    _ word: UnsafeBufferPointer<UInt8>, count: Int, number: Int, to part: Int
  ) throws(StreamError) {
    record.removeAll()
    record.append(varint: UInt64(word.count))
    record.append(word)
    record.append(varint: UInt64(count))
    record.append(varint: UInt64(number))
    if pending[part].count + record.count > WordRecords.blockByteCount { try flush(part) }
    pending[part].append(contentsOf: record.bytes)
  }

  private func flush(_ part: Int) throws(StreamError) {
    if pending[part].isEmpty { return }
    let block = bytes.count..<bytes.count + pending[part].count
    try bytes.grow(by: block.count)
    bytes.touch(block.lowerBound, count: block.count)
    (bytes.base + block.lowerBound).update(from: pending[part], count: block.count)
    blocks[part].append(block)
    pending[part].removeAll(keepingCapacity: true)
  }

  /// Says that no words come any more.
  func finish() throws(StreamError) {
    for part in pending.indices { try flush(part) }
    pending = []
  }

  func byteCount(ofPart part: Int) -> Int { blocks[part].reduce(0) { $0 + $1.count } }

  /// Calls `body` with the words of a part: word, count and number; after `finish`.
  func forEachWord(
    inPart part: Int, _ body: (UnsafeBufferPointer<UInt8>, Int, Int) throws -> Void
  ) throws {
    for block in blocks[part] {
      bytes.touch(block.lowerBound, count: block.count)
      var cursor = ByteCursor(
        UnsafeBufferPointer(start: bytes.base + block.lowerBound, count: block.count))
      while cursor.remainingCount > 0 {
        let word = try cursor.bytes(Int(try cursor.varint()))
        let count = Int(try cursor.varint())
        try body(word, count, Int(try cursor.varint()))
      }
    }
  }
}
