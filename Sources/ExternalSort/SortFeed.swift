// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Records that one thread makes, one by one, and others sort meanwhile, chunk by chunk.
public final class SortFeed: @unchecked Sendable {
  private let sorter: ExternalSorter
  private let capacity: Int
  private let width: Int
  private var chunk: SortChunk
  private var running: [SortJob] = []
  private let threads: Int

  /// - capacity: records of a chunk; there are up to `threads` + 1 chunks at a time.
  /// - threads: that sort; none sorts on the thread that calls.
  public init(_ sorter: ExternalSorter, capacity: Int, threads: Int) {
    self.sorter = sorter
    self.capacity = max(capacity, 1)
    self.threads = threads
    width = sorter.recordWordCount
    chunk = sorter.makeChunk(capacity: self.capacity)
  }

  deinit { for job in running { _ = job.join() } }

  /// Where the next record's words go: its payload, if it has one, before those of its key.
  @inline(__always)
  public func next() throws -> UnsafeMutablePointer<UInt64> {
    if chunk.count == capacity { try handOver() }
    chunk.count &+= 1
    return chunk.records + (chunk.count &- 1) &* width
  }

  private func handOver() throws {
    guard threads > 0 else { return try sorter.add(chunk) }
    var free: SortChunk?
    if running.count == threads {
      let job = running.removeFirst()
      if let error = job.join() { throw error }
      free = job.chunk
    }
    running.append(SortJob(chunk, sorter))
    chunk = free ?? sorter.makeChunk(capacity: capacity)
  }

  /// All records in order; none can be added any more.
  public func sorted() throws -> SortedRecords {
    while let job = running.popLast() {
      if let error = job.join() { throw error }
    }
    let last = chunk
    chunk = sorter.makeChunk(capacity: 0)
    return try sorter.sorted(with: last, threads: threads + 1)
  }
}

/// A chunk being sorted on a thread of its own.
private final class SortJob: @unchecked Sendable {
  let chunk: SortChunk
  private let failure = Failure()
  private let thread: Threads

  private final class Failure: @unchecked Sendable { var error: (any Error)? }

  init(_ chunk: SortChunk, _ sorter: ExternalSorter) {
    self.chunk = chunk
    let failure = failure
    let work: @Sendable () -> Void = {
      do { try sorter.add(chunk) } catch { failure.error = error }
    }
    thread = Threads.start(count: 1, work)
    if thread.count == 0 { work() }
  }

  /// Waits for it to be sorted; what went wrong.
  func join() -> (any Error)? {
    thread.join()
    return failure.error
  }
}
