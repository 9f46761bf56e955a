// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Some nodes of one level, to be written by one thread.
private struct NodeRun: Sendable {
  var level: Int
  var nodes: Range<Int>
}

/// A finished piece of text.
private final class Text: @unchecked Sendable {
  var bytes = ByteBuffer(capacity: 1 << 20)
}

/// Writes a model as ARPA text, level by level in the order of the n-grams' tokens.
///
/// What ARPA has no place for, how pieces become text, stands in comments before `\data\`, as KenLM
/// allows. The back-off column stands at all orders but the last, as lmplz writes it.
func writeARPA<Model: BackoffValues & Sendable>(_ model: Model, to sink: ByteSink, threads: Int)
  throws
{
  try writeARPAHead(
    model.vocabulary, (0..<model.order).map { model.nodeCount(level: $0) }, to: sink)
  let runLength = 1 << 14
  for level in 0..<model.order {
    try sink.write("\n\\\(level + 1)-grams:\n")
    let count = model.nodeCount(level: level)
    var next = 0
    try orderedParallelMap(
      threads: count > 2 * runLength ? threads : 1,
      next: { () -> NodeRun? in
        guard next < count else { return nil }
        defer { next = min(next + runLength, count) }
        return NodeRun(level: level, nodes: next..<min(next + runLength, count))
      },
      transform: { (run: NodeRun) -> Text in
        let text = Text()
        append(run, of: model, to: &text.bytes)
        return text
      },
      emit: { try sink.write($0.bytes) })
  }
  try sink.write("\n\\end\\\n")
}

/// Writes what stands before the first section.
func writeARPAHead(_ vocabulary: Vocabulary, _ nGramCounts: [Int], to sink: ByteSink) throws {
  if vocabulary.decoding != .unknown { try sink.write("# text: \(vocabulary.decoding)\n") }
  if let fingerprint = vocabulary.tokenizerFingerprint {
    try sink.write("# tokenizer: \(String(fingerprint, radix: 16))\n")
  }
  try sink.write("\\data\\\n")
  for (index, count) in nGramCounts.enumerated() {
    try sink.write("ngram \(index + 1)=\(count)\n")
  }
}

private func append<Model: BackoffValues>(
  _ run: NodeRun, of model: Model, to output: inout ByteBuffer
) {
  let level = run.level
  let isLast = level + 1 == model.order
  // The node on each level whose n-gram begins the current one.
  var path = [Int](repeating: 0, count: level + 1)
  path[level] = run.nodes.lowerBound
  for upper in stride(from: level - 1, through: 0, by: -1) {
    path[upper] = parent(of: path[upper + 1], level: upper, in: model)
  }
  var prefix = ByteBuffer()
  func spellPrefix() {
    prefix.removeAll()
    for upper in 0..<level {
      prefix.append(model.vocabulary.spelling(of: model.token(level: upper, node: path[upper])))
      prefix.append(0x20)
    }
  }
  spellPrefix()
  for node in run.nodes {
    if level > 0, node == model.firstChild(level: level - 1, node: path[level - 1] + 1) {
      // On to the next context that has children, and to what begins that one.
      path[level] = node
      for upper in stride(from: level - 1, through: 0, by: -1) {
        while model.firstChild(level: upper, node: path[upper] + 1) <= path[upper + 1] {
          path[upper] += 1
        }
      }
      spellPrefix()
    }
    let token = model.token(level: level, node: node)
    // As lmplz has it: <s> is never predicted, and its probability is not looked at.
    let isBeginning = level == 0 && token == model.vocabulary.beginning
    DecimalNumber.append(
      isBeginning ? 0 : model.log10Probability(level: level, node: node), to: &output)
    output.append(0x09)
    output.append(prefix.bytes)
    output.append(model.vocabulary.spelling(of: token))
    if !isLast {
      output.append(0x09)
      DecimalNumber.append(model.log10Backoff(level: level, node: node), to: &output)
    }
    output.append(0x0A)
  }
}

/// The node of `level` whose run of children holds `child`.
private func parent<Model: BackoffValues>(of child: Int, level: Int, in model: Model) -> Int {
  // The last node whose children begin at or before `child`: those after it have no children there.
  var low = 0
  var high = model.nodeCount(level: level)
  while high - low > 1 {
    let middle = (low + high) / 2
    if model.firstChild(level: level, node: middle) <= child { low = middle } else { high = middle }
  }
  return low
}
