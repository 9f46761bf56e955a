// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// Counts in blocks that several threads can read, in a model's numbering, in any order; equal n-grams
/// may come more than once.
protocol CountSource: Sendable {
  var order: Int { get }
  var vocabulary: Vocabulary { get }
  var blockCount: Int { get }
  var nGramCount: Int { get }
  /// What the blocks in memory have taken their bytes from; a block that was read gives its own back.
  var allowance: MemoryAllowance { get }
  /// Bytes of memory in use besides.
  var memoryByteCount: Int { get }

  /// Calls `body` with the tokens of each n-gram of a block, [order], and its count.
  func forEachNGram(
    ofBlock block: Int, scratch: inout BlockStore.Scratch,
    _ body: (UnsafePointer<Token>, UInt64) throws -> Void
  ) throws
}

extension NGramCounts: CountSource {
  var order: Int { rows.order }
  var vocabulary: Vocabulary { rows.vocabulary }
  var blockCount: Int { (rows.count + NGramLevel.blockCount - 1) / NGramLevel.blockCount }
  var nGramCount: Int { rows.count }
  var allowance: MemoryAllowance { MemoryAllowance(byteCount: 0) }
  var memoryByteCount: Int { 0 }

  func forEachNGram(
    ofBlock block: Int, scratch: inout BlockStore.Scratch,
    _ body: (UnsafePointer<Token>, UInt64) throws -> Void
  ) throws {
    let tokens = UnsafeMutablePointer<Token>.allocate(capacity: order)
    defer { tokens.deallocate() }
    let first = block * NGramLevel.blockCount
    for row in first..<min(first + NGramLevel.blockCount, rows.count) {
      for position in 0..<order { tokens[position] = rows.columns[position][row] }
      try body(tokens, rows.counts[row])
    }
  }
}

extension CountSource {
  /// The n-grams in the order of their tokens, each once.
  func sorted(
    _ packing: TokenPacking, _ resources: CountingResources, allowance: MemoryAllowance,
    chunkByteCount: Int
  ) throws -> SortedRecords {
    let sorter = ExternalSorter(
      keyBitCount: order * packing.bitsPerToken, hasPayload: true, equalKeys: .sum,
      allowance: allowance, mergeByteCount: chunkByteCount, directory: resources.directory)
    let pass = CountSorting(
      self, packing, sorter, chunkByteCount: chunkByteCount,
      threads: min(resources.threads, max(blockCount, 1)))
    return try pass.sorted()
  }
}

/// Threads take blocks of counts, pack their n-grams and sort full chunks.
private final class CountSorting: @unchecked Sendable {
  private let source: any CountSource
  private let packing: TokenPacking
  private let sorter: ExternalSorter
  private let capacity: Int
  private let threads: Int
  private let state = Lock()

  private final class Lock: @unchecked Sendable {
    private var mutex = pthread_mutex_t()
    private(set) var nextBlock = 0
    private(set) var failure: (any Error)?
    var rest: [SortChunk] = []

    init() { pthread_mutex_init(&mutex, nil) }
    deinit { pthread_mutex_destroy(&mutex) }

    func locked<Value>(_ body: () -> Value) -> Value {
      pthread_mutex_lock(&mutex)
      defer { pthread_mutex_unlock(&mutex) }
      return body()
    }

    func takeBlock() -> Int? {
      locked {
        guard failure == nil else { return nil }
        defer { nextBlock += 1 }
        return nextBlock
      }
    }

    func fail(_ error: any Error) { locked { failure = failure ?? error } }
  }

  init(
    _ source: any CountSource, _ packing: TokenPacking, _ sorter: ExternalSorter,
    chunkByteCount: Int, threads: Int
  ) {
    self.source = source
    self.packing = packing
    self.sorter = sorter
    self.threads = threads
    capacity = max(
      min(
        chunkByteCount / threads / sorter.chunkByteCountPerRecord,
        source.blockCount * NGramLevel.blockCount, 1 << 22), NGramLevel.blockCount)
  }

  func sorted() throws -> SortedRecords {
    Threads.forEach(count: threads, threads: threads) { _ in self.work() }
    if let error = state.failure { throw error }
    let rest = state.rest
    guard rest.count > 1 else { return try sorter.sorted(with: rest.first, threads: threads) }
    // The chunks that are not full are runs, too.
    Threads.forEach(count: rest.count, threads: threads) {
      do { try self.sorter.add(rest[$0]) } catch { self.state.fail(error) }
    }
    if let error = state.failure { throw error }
    return try sorter.sorted()
  }

  private func work() {
    let chunk = sorter.makeChunk(capacity: capacity)
    let width = sorter.recordWordCount
    var scratch = BlockStore.Scratch()
    do {
      while let block = state.takeBlock(), block < source.blockCount {
        try source.forEachNGram(ofBlock: block, scratch: &scratch) { tokens, count in
          if chunk.count == capacity { try sorter.add(chunk) }
          let record = chunk.records + chunk.count &* width
          record[0] = count
          packing.pack(tokens, source.order, into: record + 1)
          chunk.count &+= 1
        }
      }
      state.locked { state.rest.append(chunk) }
    } catch { state.fail(error) }
  }
}
