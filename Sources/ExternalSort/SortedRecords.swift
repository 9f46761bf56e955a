// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// All records in ascending order of their keys.
public final class SortedRecords: @unchecked Sendable {
  private var merge: RunMerge?
  /// Instead of runs: records that are sorted already, and how many of them are through.
  private let chunk: SortChunk?
  private var index = 0
  private let keyWordCount: Int
  private let sums: Bool

  init(_ merge: consuming RunMerge, keyWordCount: Int, sums: Bool) {
    self.merge = consume merge
    chunk = nil
    self.keyWordCount = keyWordCount
    self.sums = sums
  }

  init(_ chunk: SortChunk, keyWordCount: Int, sums: Bool) {
    merge = nil
    self.chunk = chunk
    self.keyWordCount = keyWordCount
    self.sums = sums
  }

  /// The next `capacity` records, fewer at the end, or nothing after it.
  ///
  /// - minimumPayload: records with less are left out.
  /// - Throws: `StreamError` without a place when a sum overflows.
  public func next(capacity: Int, minimumPayload: UInt64 = 0) throws -> RecordBatch? {
    let batch = RecordBatch(capacity: capacity, keyWordCount: keyWordCount)
    if let chunk {
      try fill(batch, from: chunk, minimumPayload)
      return batch.count > 0 ? batch : nil
    }
    return try merge!.fill(batch, sums: sums, minimumPayload: minimumPayload) ? batch : nil
  }

  private func fill(_ batch: RecordBatch, from chunk: SortChunk, _ minimumPayload: UInt64) throws {
    let width = keyWordCount
    let payloadWidth = chunk.wordCount - width
    while batch.count < batch.capacity, index < chunk.count {
      let record = chunk.records + index &* chunk.wordCount
      let key = record + payloadWidth
      var payload = payloadWidth > 0 ? record[0] : 1
      index &+= 1
      while sums, index < chunk.count {
        let next = chunk.records + index &* chunk.wordCount
        guard (0..<width).allSatisfy({ next[payloadWidth &+ $0] == key[$0] }) else { break }
        let (sum, overflow) = payload.addingReportingOverflow(payloadWidth > 0 ? next[0] : 1)
        guard !overflow else { throw sumOverflow }
        payload = sum
        index &+= 1
      }
      guard payload >= minimumPayload else { continue }
      for word in 0..<width { batch.keys[batch.count &* width &+ word] = key[word] }
      batch.payloads[batch.count] = payload
      batch.count &+= 1
    }
  }
}
