// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// All counts of a stream in memory, numbered in a model's vocabulary: what a model is estimated from.
public struct NGramCounts: Sendable {
  public let rows: NGramRows
  package let shape: ContextShape
  /// What the stream says that it is a model of, if it is one: `laplace=1`.
  public let smoothing: String?

  /// Reads the rest of a counts stream.
  ///
  /// - Throws: what `CountReader` throws; an n-gram that predicts `<s>`; counts whose sum
  ///   overflows.
  public init(_ reader: CountReader) throws(StreamError) {
    var blocks: [CountBlock] = []
    var total: UInt64 = 0
    while let block = try reader.next() {
      for count in block.counts {
        let (sum, overflows) = total.addingReportingOverflow(count)
        guard !overflows else {
          throw StreamError(.none, "the counts add up to more than \(UInt64.max)")
        }
        total = sum
      }
      blocks.append(block)
    }
    smoothing = reader.smoothing
    let order = reader.order ?? 1
    let (vocabulary, numbers) = reader.takeModelVocabulary()
    let padding = reader.padding.flatMap { vocabulary.token($0) }
    shape = ContextShape(
      padding: padding == vocabulary.beginning ? nil : padding,
      isPositional: reader.isPositional, vocabulary: vocabulary)
    var rows = NGramRows(order: order, vocabulary: vocabulary)
    rows.reserve(blocks.reduce(0) { $0 + $1.count })
    for index in blocks.indices {
      rows.append(blocks[index], numbers)
      blocks[index] = CountBlock(order: order)
    }
    guard rows.count == 0 || !rows.predictsBeginning else {
      throw StreamError(
        .none, "the counts hold an n-gram that ends in <s>",
        advice: "<s> pads contexts and is never predicted")
    }
    self.rows = rows
  }

  private init(_ rows: NGramRows, _ shape: ContextShape, _ smoothing: String?) {
    self.rows = rows
    self.shape = shape
    self.smoothing = smoothing
  }

  /// The counts of a lower order.
  ///
  /// - Throws: `StreamError` when `order` is above that of the counts.
  public func shortened(to order: Int) throws(StreamError) -> NGramCounts {
    if rows.count > 0 { try checkOrder(order, rows.order) }
    guard !shape.isPositional || order == rows.order else {
      throw StreamError(.none, "counts with positions have one order", advice: "count again")
    }
    return NGramCounts(rows.shortened(to: min(order, rows.order)), shape, smoothing)
  }

  /// The counts with rare tokens, and those that are not on a list, as `<unk>`.
  ///
  /// - minimumCount: tokens predicted less often go.
  /// - listed: spellings of the tokens that stay; nothing keeps all.
  public func limitingVocabulary(minimumCount: UInt64 = 0, listed: Set<[UInt8]>? = nil)
    throws(StreamError) -> NGramCounts
  {
    guard !shape.isPositional, !shape.isPadded else {
      throw StreamError(.none, "the vocabulary of counts with positions or padding stays as it is")
    }
    var occurrences = [UInt64](repeating: 0, count: rows.vocabulary.count)
    for (row, token) in rows.columns[rows.order - 1].enumerated() {
      occurrences[Int(token)] += rows.counts[row]
    }
    let limited = rows.mappingToUnknown { token in
      occurrences[Int(token)] >= minimumCount
        && (listed.map { $0.contains(Array(rows.vocabulary.spelling(of: token))) } ?? true)
    }
    return NGramCounts(limited, shape, smoothing)
  }
}
