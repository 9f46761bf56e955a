// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// Some n-grams of one length with their values: what a model is written from.
final class LevelBlock: Sendable {
  let length: Int
  /// N-grams in the form of `NGramLevel.tokens`.
  let tokens: ByteBuffer
  /// [count] p(w|h), and the weight of the lower order after hw.
  let probabilities: [Double]
  let backoffs: [Double]
  /// [count] How often they occurred; empty where that does not matter.
  let occurrences: [UInt64]
  /// [count] Whether they are written; empty when all are.
  let isKept: [Bool]
  /// [count] How many written n-grams of the next length begin with each.
  let childCounts: [UInt32]

  var count: Int { probabilities.count }

  init(
    length: Int, tokens: consuming ByteBuffer, probabilities: [Double], backoffs: [Double],
    occurrences: [UInt64], isKept: [Bool], childCounts: [UInt32]
  ) {
    self.length = length
    self.tokens = tokens
    self.probabilities = probabilities
    self.backoffs = backoffs
    self.occurrences = occurrences
    self.isKept = isKept
    self.childCounts = childCounts
  }

  /// Calls `body` with the tokens of each n-gram that is written, its index, and how many of its tokens
  /// stay from the last call.
  @inline(__always)
  func forEachKept(
    _ body: (UnsafePointer<Token>, _ index: Int, _ shared: Int) throws -> Void
  ) rethrows {
    let buffer = UnsafeMutablePointer<Token>.allocate(capacity: length)
    buffer.initialize(repeating: 0, count: length)
    defer { buffer.deallocate() }
    var cursor = NGramTokenCursor(tokens.bytes, length: length)
    var shared = 0
    for index in 0..<count {
      shared = min(shared, cursor.next(buffer))
      if !isKept.isEmpty, !isKept[index] { continue }
      try body(buffer, index, shared)
      shared = length
    }
  }
}

/// Numbers in order: written once, then read, once if nothing is said.
final class ValueStore<Value: BitwiseCopyable> {
  private let store: BlockStore
  private var block = ByteBuffer(capacity: 1 << 16)
  private let decompression: BlockStore.Decompression
  private var scratch: BlockStore.Scratch
  private var nextBlock = 0
  private var values: UnsafePointer<Value>?
  private var remaining = 0
  /// Whether what was read stays, to be read again.
  private var keepsBlocks = false

  /// - isCompressed: whether the numbers get fewer bytes in a temporary file.
  init(
    allowance: MemoryAllowance, directory: String, isCompressed: Bool = false,
    decompression: BlockStore.Decompression = BlockStore.Decompression()
  ) {
    self.decompression = decompression
    scratch = BlockStore.Scratch(decompression)
    store = BlockStore(allowance: allowance, directory: directory, isCompressed: isCompressed)
  }

  @inline(__always)
  func append(_ value: Value) throws(StreamError) {
    block.append(bytesOf: value)
    if block.count >= 1 << 16 { try flush() }
  }

  /// Begins to read from the first number.
  func rewind(keepingBlocks: Bool) {
    (nextBlock, remaining, keepsBlocks) = (0, 0, keepingBlocks)
  }

  private func flush() throws(StreamError) {
    try store.append(block)
    block.removeAll()
  }

  /// Says that no more values come.
  func finish() throws(StreamError) {
    if !block.isEmpty { try flush() }
    store.finish()
    block = ByteBuffer(capacity: 16)
  }

  /// Gives the memory of its reader back; nothing is read any more.
  func drop() { scratch = BlockStore.Scratch(decompression) }

  /// The next value; there is one.
  @inline(__always)
  func next() throws(StreamError) -> Value {
    if remaining == 0 { try open() }
    let value = values![0]
    values! += 1
    remaining &-= 1
    return value
  }

  private func open() throws(StreamError) {
    if nextBlock > 0, !keepsBlocks { store.release(nextBlock - 1) }
    let bytes = UnsafeRawBufferPointer(try store.bytes(of: nextBlock, scratch: &scratch))
    nextBlock += 1
    values = bytes.baseAddress!.assumingMemoryBound(to: Value.self)
    remaining = bytes.count / MemoryLayout<Value>.stride
  }
}

/// For each n-gram of a level, the places on the next level of those that end with it.
final class LinkReader {
  private let store: BlockStore
  private var scratch = BlockStore.Scratch()
  private var nextBlock = 0
  private var bytes: UnsafePointer<UInt8>?
  private var end: UnsafePointer<UInt8>?

  init(_ store: BlockStore) { self.store = store }

  /// Calls `body` with each place of the next n-gram.
  @inline(__always)
  func forEachPlace(_ body: (Int) throws(StreamError) -> Void) throws(StreamError) {
    if bytes == end { try open() }
    var bytes = bytes!
    let count = Int(takeVarint(&bytes))
    for _ in 0..<count {
      try body(Int(UnsafeRawPointer(bytes).loadUnaligned(as: UInt32.self)))
      bytes += 4
    }
    self.bytes = bytes
  }

  private func open() throws(StreamError) {
    if nextBlock > 0 { store.release(nextBlock - 1) }
    let block = try store.bytes(of: nextBlock, scratch: &scratch)
    nextBlock += 1
    bytes = block.baseAddress
    end = bytes! + block.count
  }
}
