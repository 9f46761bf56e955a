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
  private let state = Locked(State())

  private struct State {
    var nextBlock = 0
    var failure: (any Error)?
    /// Chunks that are not full.
    var rest: [SortChunk] = []
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
    let rest = try stateWithoutFailure().rest
    guard rest.count > 1 else { return try sorter.sorted(with: rest.first, threads: threads) }
    // The chunks that are not full are runs, too.
    Threads.forEach(count: rest.count, threads: threads) {
      do { try self.sorter.add(rest[$0]) } catch { self.fail(error) }
    }
    _ = try stateWithoutFailure()
    return try sorter.sorted()
  }

  private func stateWithoutFailure() throws -> State {
    let state = state.withLock { $0 }
    if let error = state.failure { throw error }
    return state
  }

  private func fail(_ error: any Error) { state.withLock { $0.failure = $0.failure ?? error } }

  /// The next block to read, if nothing failed.
  private func takeBlock() -> Int? {
    state.withLock { state in
      guard state.failure == nil, state.nextBlock < source.blockCount else { return nil }
      defer { state.nextBlock += 1 }
      return state.nextBlock
    }
  }

  private func work() {
    let chunk = sorter.makeChunk(capacity: capacity)
    let width = sorter.recordWordCount
    var scratch = BlockStore.Scratch()
    do {
      while let block = takeBlock() {
        try source.forEachNGram(ofBlock: block, scratch: &scratch) { tokens, count in
          if chunk.count == capacity { try sorter.add(chunk) }
          let record = chunk.records + chunk.count &* width
          record[0] = count
          packing.pack(tokens, source.order, into: record + 1)
          chunk.count &+= 1
        }
      }
      state.withLock { $0.rest.append(chunk) }
    } catch { fail(error) }
  }
}
