// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Merges sorted runs into one ascending stream of records, reading each run once.
///
/// A tournament of the runs' first records: the loser of each game stays at its node, so that a new
/// record plays log2(runs) games. Reference: Knuth 1998, vol. 3, §5.4.1.
struct RunMerge: ~Copyable {
  /// One run being read: its block, decoded record by record.
  private struct Cursor: ~Copyable {
    let run: SortedRun
    var nextBlock = 0
    var decoder: RunDecoder?
    var scratch: BlockStore.Scratch
    var payload: UInt64 = 0

    init(_ run: SortedRun, _ decompression: BlockStore.Decompression) {
      self.run = run
      scratch = BlockStore.Scratch(decompression)
    }

    /// Moves on to the next record; false at the end of the run.
    @inline(__always)
    mutating func advance(_ key: UnsafeMutablePointer<UInt64>, keyWordCount: Int)
      throws(StreamError) -> Bool
    {
      if decoder == nil || decoder!.remainingCount == 0 {
        guard try openBlock() else { return false }
        key.update(repeating: 0, count: keyWordCount)
      }
      payload = decoder!.next(key, keyWordCount: keyWordCount)
      return true
    }

    private mutating func openBlock() throws(StreamError) -> Bool {
      if nextBlock > 0 { run.store.release(nextBlock - 1) }
      guard nextBlock < run.store.count else { return false }
      decoder = RunDecoder(try run.store.bytes(of: nextBlock, scratch: &scratch))
      nextBlock += 1
      return true
    }
  }

  private let width: Int
  private let runCount: Int
  private let cursors: UnsafeMutablePointer<Cursor>
  /// [runCount, width]: the key of each run's current record.
  private let keys: UnsafeMutablePointer<UInt64>
  private let isOpen: UnsafeMutablePointer<Bool>
  /// The losers of the games, node 1 the final; node 0 holds the winner.
  private let losers: UnsafeMutablePointer<Int>

  init(_ runs: [SortedRun], keyWordCount: Int) throws(StreamError) {
    width = keyWordCount
    runCount = runs.count
    cursors = .allocate(capacity: runCount)
    keys = .allocate(capacity: runCount * width)
    keys.initialize(repeating: 0, count: runCount * width)
    isOpen = .allocate(capacity: runCount)
    isOpen.initialize(repeating: false, count: runCount)
    losers = .allocate(capacity: max(runCount, 1))
    losers.initialize(repeating: -1, count: max(runCount, 1))
    let decompression = BlockStore.Decompression()
    for (index, run) in runs.enumerated() {
      (cursors + index).initialize(to: Cursor(run, decompression))
    }
    for index in 0..<runCount {
      isOpen[index] = try cursors[index].advance(keys + index * width, keyWordCount: width)
    }
    for index in 0..<runCount { enter(index) }
  }

  deinit {
    cursors.deinitialize(count: runCount)
    cursors.deallocate()
    keys.deallocate()
    isOpen.deallocate()
    losers.deallocate()
  }

  /// Plays a first-round entrant up to the first node that waits for an opponent.
  private func enter(_ run: Int) {
    var winner = run
    var node = (runCount + run) / 2
    while node > 0 {
      let other = losers[node]
      if other < 0 {
        losers[node] = winner
        return
      }
      if beats(other, winner, width) { swap(&winner, &losers[node]) }
      node /= 2
    }
    losers[0] = winner
  }

  /// Whether run `a`'s record comes before run `b`'s; equal keys come in the order of the runs.
  @inline(__always)
  private func beats(_ a: Int, _ b: Int, _ width: Int) -> Bool {
    guard isOpen[a], isOpen[b] else { return isOpen[a] || (!isOpen[b] && a < b) }
    let left = keys + a &* width
    let right = keys + b &* width
    if RecordSort.precedes(left, right, wordCount: width) { return true }
    return a < b && !RecordSort.precedes(right, left, wordCount: width)
  }

  /// Fills `batch` with the next records; false when there are none.
  ///
  /// - sums: whether records with equal keys become one with the sum of their payloads.
  /// - minimumPayload: records with less are left out.
  /// - Throws: `StreamError` without a place when a sum overflows.
  mutating func fill(_ batch: RecordBatch, sums: Bool, minimumPayload: UInt64)
    throws(StreamError) -> Bool
  {
    batch.count = 0
    switch width {
    case 1: try fill(batch, sums, minimumPayload, width: 1)
    case 2: try fill(batch, sums, minimumPayload, width: 2)
    default: try fill(batch, sums, minimumPayload, width: width)
    }
    return batch.count > 0
  }

  @inline(__always)
  private mutating func fill(
    _ batch: RecordBatch, _ sums: Bool, _ minimumPayload: UInt64, width: Int
  ) throws(StreamError) {
    guard runCount > 0 else { return }
    let outputKeys = batch.keys
    let payloads = batch.payloads
    // Of a field of self in place the compiler of 6.3 makes bad code for the thread sanitizer.
    let cursors = cursors
    var count = 0
    while true {
      let winner = losers[0]
      guard isOpen[winner] else { break }
      let key = keys + winner &* width
      let last = outputKeys + (count &- 1) &* width
      if sums, count > 0, isEqual(last, key, width) {
        let (sum, overflow) = payloads[count &- 1].addingReportingOverflow(cursors[winner].payload)
        guard !overflow else { throw sumOverflow }
        payloads[count &- 1] = sum
      } else {
        // The record before this one is complete.
        if count > 0, payloads[count &- 1] < minimumPayload { count &-= 1 }
        if count == batch.capacity { break }
        for word in 0..<width { outputKeys[count &* width &+ word] = key[word] }
        payloads[count] = cursors[winner].payload
        count &+= 1
      }
      isOpen[winner] = try cursors[winner].advance(key, keyWordCount: width)
      var best = winner
      var node = (runCount &+ winner) &>> 1
      while node > 0 {
        let other = losers[node]
        if beats(other, best, width) {
          losers[node] = best
          best = other
        }
        node &>>= 1
      }
      losers[0] = best
    }
    if count > 0, payloads[count &- 1] < minimumPayload { count &-= 1 }
    batch.count = count
  }

  @inline(__always)
  private func isEqual(_ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>, _ width: Int) -> Bool
  {
    for word in 0..<width where a[word] != b[word] { return false }
    return true
  }
}

/// Some records of a sorted stream.
public final class RecordBatch: @unchecked Sendable {
  /// [count, keyWordCount], each key's least significant word first.
  public let keys: UnsafeMutablePointer<UInt64>
  /// [count]
  public let payloads: UnsafeMutablePointer<UInt64>
  public let capacity: Int
  public internal(set) var count = 0

  init(capacity: Int, keyWordCount: Int) {
    self.capacity = capacity
    keys = .allocate(capacity: capacity * keyWordCount)
    payloads = .allocate(capacity: capacity)
  }

  deinit {
    keys.deallocate()
    payloads.deallocate()
  }
}

/// Payloads of equal keys that are too large together.
let sumOverflow = StreamError(.none, "a sum of counts is above 64 bits")
