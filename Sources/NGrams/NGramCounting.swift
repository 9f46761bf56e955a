// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// What is counted: which n-grams of a record there are.
public struct CountingRules: Sendable {
  /// Tokens of an n-gram: the predicted one and its context.
  public var order: Int
  /// Whether `</s>` is predicted at the end of each record.
  public var predictsEnd = true
  /// What stands before the first token of a record.
  public var padding = Spelling.beginning
  /// Whether each n-gram has the position of its predicted token in front.
  public var isPositional = false
  /// N-grams seen less often are left out.
  public var minimumCount: UInt64 = 1

  public init(order: Int) { self.order = order }
}

/// Counts the n-grams of token streams and writes them in byte order.
public func countNGrams(
  in paths: [String], terminator: UInt8 = 0x0A, rules: CountingRules, to sink: ByteSink,
  form: CountWriter.Form
) throws {
  let reader = TokenReader(paths: paths, numbering: .growing, terminator: terminator)
  var grams: [[Token]] = []
  while let block = try reader.next() {
    block.forEachRecord { record, _ in
      var context = [Token](repeating: 1, count: rules.order - 1)
      for token in record + (rules.predictsEnd ? [2] : []) {
        grams.append(context + [token])
        context = Array((context + [token]).dropFirst())
      }
    }
  }
  let found = reader.takeVocabulary()
  var occurs = [Bool](repeating: false, count: found.count)
  for gram in grams { for token in gram { occurs[Int(token)] = true } }
  let ordered = (0..<Token(found.count)).filter { occurs[Int($0)] }.sorted {
    found.precedes($0, $1)
  }
  var rank = [Token](repeating: 0, count: found.count)
  var table = PieceTable()
  for token in ordered { rank[Int(token)] = table.insert(found.spelling(of: token)) }
  let vocabulary = Vocabulary(
    table, decoding: found.decoding, tokenizerFingerprint: found.tokenizerFingerprint)
  grams = grams.map { $0.map { rank[Int($0)] } }.sorted { $0.lexicographicallyPrecedes($1) }
  var block = CountBlock(order: rules.order)
  for (index, gram) in grams.enumerated() {
    if index > 0, grams[index - 1] == gram {
      block.counts[block.count - 1] += 1
    } else {
      block.tokens += gram
      block.counts.append(1)
    }
  }
  var writer = try CountWriter(sink, order: rules.order, vocabulary: vocabulary, form: form)
  if block.count > 0 { try writer.write(block) }
  try writer.finish()
}
