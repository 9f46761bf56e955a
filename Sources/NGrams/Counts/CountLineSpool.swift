// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// Sorted counts whose vocabulary is known only when all have come: they wait as numbers, in memory or in a
/// temporary file, and are then written as a binary stream, which has its vocabulary in front.
final class CountLineSpool {
  private let store: BlockStore
  private let table = SharedPieceTable(isShared: false)
  private let memoryByteCount: Int
  private let allowance: MemoryAllowance
  private var buffer = ByteBuffer(capacity: 1 << 17)
  private var count = 0
  private var blockCounts: [Int] = []
  private var hasSpecial = [false, false, false]
  private(set) var isPositional = false

  /// - memoryByteCount: memory for the n-grams and what their words take; words may exceed it.
  init(memoryByteCount: Int, directory: String) {
    self.memoryByteCount = memoryByteCount
    allowance = MemoryAllowance(byteCount: memoryByteCount)
    store = BlockStore(allowance: allowance, directory: directory)
  }

  /// Appends an n-gram; memory is readable for eight bytes beyond `key`.
  func append(_ key: UnsafeBufferPointer<UInt8>, _ value: UInt64) throws(StreamError) {
    if count == 0, blockCounts.isEmpty {
      isPositional = PositionMark.isMark(
        UnsafeBufferPointer(rebasing: key[..<(key.firstIndex(of: 0x20) ?? key.count)]))
    }
    var start = 0
    while start < key.count {
      var end = start
      while end < key.count, key[end] != 0x20 { end &+= 1 }
      buffer.append(
        varint: UInt64(number(UnsafeBufferPointer(rebasing: key[start..<end]))))
      start = end + 1
    }
    buffer.append(varint: value)
    count += 1
    if count == SortedCounts.blockCount { try flush() }
  }

  private func number(_ piece: UnsafeBufferPointer<UInt8>) -> Token {
    let bytes = piece.baseAddress!
    let first = SharedPieceTable.tail(bytes, piece.count)
    let hash = SharedPieceTable.hash(first, bytes, piece.count)
    let token =
      SharedPieceTable.find(bytes, piece.count, first: first, hash: hash, in: table.slots)
      ?? table.insert(piece)
    if token <= 2 { hasSpecial[Int(token)] = true }
    return token
  }

  private func flush() throws(StreamError) {
    // When all have come the words are sorted beside the table.
    allowance.resize(to: memoryByteCount - 2 * table.byteCount)
    try store.append(buffer)
    blockCounts.append(count)
    buffer.removeAll()
    count = 0
  }

  /// Writes all that was appended; nothing can be appended any more.
  func write(
    to sink: ByteSink, header: CountHeader, form: CountWriter.Form, threads: Int
  ) throws {
    if count > 0 { try flush() }
    store.finish()
    let hasSpecial = hasSpecial
    let pieces = RankedPieces(table) { $0 > 2 || hasSpecial[Int($0)] }
    var writer = try CountWriter(sink, header: header, vocabulary: pieces, form: form)
    let formatting = CountFormatting(form: form, order: header.order, vocabulary: pieces)
    var scratch = BlockStore.Scratch()
    var next = 0
    try orderedParallelMap(
      threads: threads,
      next: { () -> NumberedCounts? in
        guard next < store.count else { return nil }
        var bytes = ByteBuffer(capacity: 1 << 17)
        bytes.append(try store.bytes(of: next, scratch: &scratch))
        store.release(next)
        next += 1
        return NumberedCounts(bytes, count: blockCounts[next - 1])
      },
      transform: { block in
        var cursor = ByteCursor(block.bytes.bytes)
        return try formatting.block(block.count) { tokens in
          for column in 0..<header.order { tokens[column] = pieces.ranks[Int(try cursor.varint())] }
          return try cursor.varint()
        }
      },
      emit: { try writer.write($0) })
    try writer.finish()
  }
}

/// A block of n-grams as varints: the number of each piece, then the count.
private final class NumberedCounts: Sendable {
  let bytes: ByteBuffer
  let count: Int

  init(_ bytes: consuming ByteBuffer, count: Int) {
    self.bytes = bytes
    self.count = count
  }
}
