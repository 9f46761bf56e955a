// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// All n-grams of a corpus with their counts, in byte order of their lines.
public final class SortedCounts {
  let header: CountHeader
  private let pieces: RankedPieces
  private let keys: NGramKeys
  private let records: SortedRecords
  private let minimumCount: UInt64
  private let threads: Int

  /// N-grams in a block of a stream, whatever the memory and threads.
  static let blockCount = 1 << 14

  init(
    header: CountHeader, pieces: RankedPieces, keys: NGramKeys, records: SortedRecords,
    minimumCount: UInt64, threads: Int
  ) {
    self.header = header
    self.pieces = pieces
    self.keys = keys
    self.records = records
    self.minimumCount = minimumCount
    self.threads = threads
  }

  /// Writes them all; the sink stays open.
  public func write(to sink: ByteSink, form: CountWriter.Form) throws {
    var writer = try CountWriter(sink, header: header, vocabulary: pieces, form: form)
    let formatting = CountFormatting(form: form, order: keys.columnCount, vocabulary: pieces)
    let keys = keys
    try orderedParallelMap(
      threads: threads, next: { try self.nextBatch() },
      transform: { batch in
        EncodedBlock(SortedCounts.bytes(batch, keys, formatting), count: batch.count)
      },
      emit: { try writer.write($0) })
    try writer.finish()
  }

  /// The next n-grams as lines, or nothing after the last.
  func nextLines() throws -> RecordBlock? {
    guard let batch = try nextBatch() else { return nil }
    let formatting = CountFormatting(form: .text, order: keys.columnCount, vocabulary: pieces)
    return RecordBlock(bytes: SortedCounts.bytes(batch, keys, formatting))
  }

  private static func bytes(
    _ batch: RecordBatch, _ keys: NGramKeys, _ formatting: CountFormatting<RankedPieces>
  ) -> ByteBuffer {
    var index = 0
    return formatting.bytes(batch.count) { ranks in
      keys.unpack(batch.keys + index &* keys.wordCount, into: ranks)
      index &+= 1
      return batch.payloads[index &- 1]
    }
  }

  private func nextBatch() throws -> RecordBatch? {
    try records.next(capacity: SortedCounts.blockCount, minimumPayload: minimumCount)
  }
}
