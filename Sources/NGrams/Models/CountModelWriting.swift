// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

extension NGramCounts {
  /// Writes the counts as a model: under a line or header that names the estimator.
  ///
  /// - smoothing: the estimator, as `SmoothingMethod` describes it.
  public func writeModel(
    _ smoothing: String, to sink: ByteSink, form: CountWriter.Form
  ) throws(StreamError) {
    let source = rows.vocabulary
    var occurs = [Bool](repeating: false, count: source.count)
    for column in rows.columns { for token in column { occurs[Int(token)] = true } }
    let ordered = (0..<Token(source.count)).filter { occurs[Int($0)] }
      .sorted { source.precedes($0, $1) }
    var table = PieceTable()
    var rank = [Token](repeating: 0, count: source.count)
    for token in ordered { rank[Int(token)] = table.insert(source.spelling(of: token)) }
    let vocabulary = Vocabulary(
      table, decoding: source.decoding, tokenizerFingerprint: source.tokenizerFingerprint)
    var writer = try CountWriter(
      sink, order: rows.order, isPositional: shape.isPositional,
      padding: shape.isPadded ? Array(source.spelling(of: shape.padding)) : nil,
      smoothing: smoothing, vocabulary: vocabulary, form: form)
    let columns = rows.columns
    func precedes(_ a: Int, _ b: Int) -> Bool {
      for column in columns where column[a] != column[b] {
        return rank[Int(column[a])] < rank[Int(column[b])]
      }
      return false
    }
    var sorted = Array(0..<rows.count)
    if zip(sorted, sorted.dropFirst()).contains(where: { !precedes($0, $1) }) {
      sorted.sort(by: precedes)
    }
    var block = CountBlock(order: rows.order)
    var previous: Int?
    for row in sorted {
      if let previous, !precedes(previous, row) {
        let (sum, overflow) = block.counts[block.count - 1]
          .addingReportingOverflow(rows.counts[row])
        guard !overflow else { throw countOverflow }
        block.counts[block.count - 1] = sum
        continue
      }
      if block.count >= 1 << 16 {
        try writer.write(block)
        block = CountBlock(order: rows.order)
      }
      for column in columns { block.tokens.append(rank[Int(column[row])]) }
      block.counts.append(rows.counts[row])
      previous = row
    }
    if block.count > 0 { try writer.write(block) }
    try writer.finish()
  }
}
