// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort

/// The levels of a model file, piece by piece with their checksums, until what stands before them is
/// known.
struct PieceSpool: ~Copyable {
  private let store: BlockStore
  private var piece = ByteBuffer(capacity: PackedTrieLayout.pieceByteCount)
  private(set) var sums: [UInt64] = []
  private(set) var byteCount = 0

  init(allowance: MemoryAllowance, directory: String) {
    store = BlockStore(allowance: allowance, directory: directory, isCompressed: false)
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(StreamError) {
    byteCount += bytes.count
    var rest = bytes
    while !rest.isEmpty {
      let count = min(rest.count, PackedTrieLayout.pieceByteCount - piece.count)
      piece.append(UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      if piece.count == PackedTrieLayout.pieceByteCount { try flush() }
    }
  }

  private mutating func flush() throws(StreamError) {
    sums.append(fourfoldChecksum(of: UnsafeRawBufferPointer(piece.bytes)))
    try store.append(piece)
    piece.removeAll()
  }

  /// Says that no more bytes come.
  mutating func finish() throws(StreamError) {
    if !piece.isEmpty { try flush() }
    store.finish()
  }

  func write(to sink: ByteSink) throws(StreamError) {
    var scratch = BlockStore.Scratch()
    for index in 0..<store.count {
      try sink.write(try store.bytes(of: index, scratch: &scratch))
      store.release(index)
    }
  }
}

/// A section of bit fields, being written: records or slots.
///
/// Unsafe: `chunk` has room for `chunkCount` + 1 fields and a section's end, allocated and freed here.
struct FieldSection: ~Copyable {
  /// A multiple of 64, so that all but the last of them are whole words.
  private static let chunkCount = 1 << 13

  private let width: Int
  private let chunk: UnsafeMutableRawBufferPointer
  private var writer: BitWriter
  /// Fields in the chunk.
  private var count = 0

  /// - width: bits of a field, all its parts together.
  init(width: Int) {
    self.width = width
    chunk = .allocate(byteCount: FieldSection.chunkCount / 8 * width + 64, alignment: 8)
    writer = BitWriter(chunk.baseAddress!)
    clear()
  }

  deinit { chunk.deallocate() }

  private mutating func clear() {
    chunk.initializeMemory(as: UInt8.self, repeating: 0)
    writer = BitWriter(chunk.baseAddress!)
    count = 0
  }

  mutating func append(
    to pieces: inout PieceSpool, _ body: (inout BitWriter) -> Void
  ) throws(StreamError) {
    if count == FieldSection.chunkCount { try flush(count / 8 * width, to: &pieces) }
    body(&writer)
    count += 1
  }

  /// Fills the section up, as `PackedTrieLayout` counts its bytes.
  mutating func finish(to pieces: inout PieceSpool) throws(StreamError) {
    try flush(((count * width + 7) / 8 + 15) / 8 * 8, to: &pieces)
  }

  private mutating func flush(_ byteCount: Int, to pieces: inout PieceSpool) throws(StreamError) {
    writer.finish()
    try pieces.append(UnsafeRawBufferPointer(rebasing: chunk[..<byteCount]))
    clear()
  }
}
