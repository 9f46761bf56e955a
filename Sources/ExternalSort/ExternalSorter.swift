// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Sorts more records than fit in memory: chunks are sorted in memory and kept as compact runs, in memory
/// while there is room and else in temporary files; the runs are merged at the end.
///
/// A record is a key, a number of `keyWordCount` 64-bit words of which the least significant comes first,
/// and a payload of 64 bits. Chunks may be added from several threads; the sorted stream does not
/// depend on how records were spread over chunks.
public final class ExternalSorter: @unchecked Sendable {
  /// What becomes of records with equal keys.
  public enum EqualKeys: Sendable {
    /// One record with the sum of their payloads: counts.
    case sum
    /// Each stays, in ascending order of payloads within a chunk.
    case keep
  }

  public let keyBitCount: Int
  public let keyWordCount: Int
  /// Whether chunks hold payloads; without, each record has the payload 1.
  public let hasPayload: Bool
  private let equalKeys: EqualKeys
  private let allowance: MemoryAllowance
  private let directory: String
  /// Runs that may be read at once.
  private let fanIn: Int
  private let runs = Locked<[SortedRun]>([])

  /// - keyBitCount: bits of a key, up to 512.
  /// - allowance: memory for runs; what does not fit goes to temporary files in `directory`.
  /// - mergeByteCount: memory for reading runs while they are merged.
  public init(
    keyBitCount: Int, hasPayload: Bool, equalKeys: EqualKeys, allowance: MemoryAllowance,
    mergeByteCount: Int, directory: String
  ) {
    precondition((1...512).contains(keyBitCount))
    precondition(hasPayload || equalKeys == .sum)
    self.keyBitCount = keyBitCount
    keyWordCount = (keyBitCount + 63) / 64
    self.hasPayload = hasPayload
    self.equalKeys = equalKeys
    self.allowance = allowance
    self.directory = directory
    // A run being read holds a block and what says where its others are.
    fanIn = min(max(mergeByteCount / (2 * RunEncoder.blockByteCount), 8), 512)
  }

  /// Words of a record in a chunk.
  public var recordWordCount: Int { keyWordCount + (hasPayload ? 1 : 0) }

  /// Bytes of memory that a chunk takes for each record while it is sorted.
  public var chunkByteCountPerRecord: Int { 8 * recordWordCount + (recordWordCount == 1 ? 8 : 0) }

  /// Memory for records to be sorted; each thread has its own.
  public func makeChunk(capacity: Int) -> SortChunk {
    SortChunk(capacity: capacity, wordCount: recordWordCount)
  }

  /// Sorts the records of a chunk, keeps them as a run and empties the chunk.
  public func add(_ chunk: SortChunk) throws {
    guard chunk.count > 0 else { return }
    sort(chunk)
    let run = SortedRun(keyWordCount: keyWordCount, allowance: allowance, directory: directory)
    if hasPayload {
      for index in 0..<chunk.count {
        let record = chunk.records + index * recordWordCount
        try run.append(record + 1, payload: record[0])
      }
      try run.finish()
    } else {
      try run.append(sorted: chunk.records, count: chunk.count)
    }
    chunk.count = 0
    runs.withLock { $0.append(run) }
  }

  private func sort(_ chunk: SortChunk, threads: Int = 1) {
    RecordSort.sort(
      chunk.records, count: chunk.count, wordCount: recordWordCount,
      bitCount: keyBitCount + (hasPayload ? 64 : 0), scratch: chunk.scratch, threads: threads)
  }

  /// Bytes in temporary files, for messages.
  public var fileByteCount: Int { runs.withLock { $0.reduce(0) { $0 + $1.store.fileByteCount } } }
  public var runCount: Int { runs.withLock { $0.count } }

  /// The sorted stream; no chunk may be added any more.
  ///
  /// - last: records that need not become a run when they are all there are.
  /// - threads: that sort them.
  public func sorted(with last: SortChunk? = nil, threads: Int = 1) throws -> SortedRecords {
    if let last {
      if runCount == 0 {
        sort(last, threads: threads)
        return SortedRecords(last, keyWordCount: keyWordCount, sums: equalKeys == .sum)
      }
      try add(last)
    }
    var rest = runs.withLock { runs in
      defer { runs = [] }
      return runs
    }
    // More runs than can be read at once: merge the first ones into one, until they are few.
    while rest.count > fanIn {
      let group = min(fanIn, rest.count - fanIn + 1)
      let run = SortedRun(keyWordCount: keyWordCount, allowance: allowance, directory: directory)
      let stream = SortedRecords(
        try RunMerge(Array(rest[..<group]), keyWordCount: keyWordCount),
        keyWordCount: keyWordCount, sums: equalKeys == .sum)
      while let batch = try stream.next(capacity: 4096) {
        for index in 0..<batch.count {
          try run.append(batch.keys + index * keyWordCount, payload: batch.payloads[index])
        }
      }
      try run.finish()
      rest = Array(rest[group...]) + [run]
    }
    return SortedRecords(
      try RunMerge(rest, keyWordCount: keyWordCount), keyWordCount: keyWordCount,
      sums: equalKeys == .sum)
  }
}

/// Records to be sorted together.
public final class SortChunk: @unchecked Sendable {
  /// [capacity, recordWordCount]: the payload, if any, before the words of the key.
  public let records: UnsafeMutablePointer<UInt64>
  let scratch: UnsafeMutablePointer<UInt64>?
  let wordCount: Int
  public let capacity: Int
  /// Records that are there; set by who fills them in.
  public var count = 0

  init(capacity: Int, wordCount: Int) {
    self.capacity = capacity
    self.wordCount = wordCount
    records = LargeMemory.allocate(of: UInt64.self, capacity: capacity * wordCount)
    scratch = wordCount == 1 ? LargeMemory.allocate(of: UInt64.self, capacity: capacity) : nil
  }

  deinit {
    records.deallocate()
    scratch?.deallocate()
  }
}
