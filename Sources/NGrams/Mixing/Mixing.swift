// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import LanguageModel
public import TokenStreams

/// Σ λ_i p_i(w|h) of several back-off models.
///
/// A token that a component does not know has probability 0 there, so that the mixture sums to one.
public struct BackoffMixture: Sendable {
  private let models: [BackoffModel]
  public let vocabulary: Vocabulary
  /// [models][token] The component's token for the mixture's.
  private let numbers: [[Token?]]

  /// - Throws: `StreamError` when the models come from different tokenisers.
  public init(_ models: [BackoffModel]) throws(StreamError) {
    self.models = models
    let first = models[0].vocabulary
    var table = PieceTable()
    for model in models {
      let other = model.vocabulary
      guard other.tokenizerFingerprint == first.tokenizerFingerprint,
        other.decoding == first.decoding
      else {
        throw StreamError(
          .none, "the models' tokens become text in different ways",
          advice: "mix models of one tokeniser")
      }
      for token in 0..<Token(other.count) { _ = table.insert(other.spelling(of: token)) }
    }
    _ = table.sortForModel()
    let vocabulary = Vocabulary(
      table, decoding: first.decoding, tokenizerFingerprint: first.tokenizerFingerprint)
    self.vocabulary = vocabulary
    numbers = models.map { model in
      (0..<Token(vocabulary.count)).map { model.vocabulary.token(vocabulary.spelling(of: $0)) }
    }
  }

  /// The weights at which held-out token streams are most probable, by expectation maximisation.
  public func weights(heldOut paths: [String]) throws(StreamError) -> [Double] {
    var weights = MixtureWeights(componentCount: models.count)
    let reader = TokenReader(paths: paths, numbering: .known(vocabulary))
    let predictsEnd = models.contains { $0.ending == .predicted }
    while let block = try reader.next() {
      var start = 0
      for end in block.recordEnds {
        var states = models.map(\.start)
        for token in block.tokens[start..<end] + (predictsEnd ? [vocabulary.end!] : []) {
          weights.add(probabilities(of: token, advancing: &states))
        }
        start = end
      }
    }
    guard weights.tokenCount > 0 else {
      throw StreamError(.none, "the held-out text has no token that a model knows")
    }
    return weights.maximized()
  }

  private func probabilities(of token: Token, advancing states: inout [BackoffModel.State])
    -> [Double]
  {
    models.indices.map { index in
      guard let own = numbers[index][Int(token)] else {
        models[index].advance(&states[index], with: models[index].vocabulary.unknown!)
        return 0
      }
      return exp(models[index].logProbability(of: own, advancing: &states[index]))
    }
  }

  /// One model in back-off form: the n-grams of all components with their mixed probabilities, and the
  /// back-offs with which contexts sum to one. Reference: SRILM's static interpolation (Stolcke 2002).
  ///
  /// - weights: [models], summing to one.
  /// - rounded: false keeps the double precision that values are computed in.
  public func mixed(_ weights: [Double], rounded: Bool = true) throws(StreamError) -> BackoffModel {
    let order = models.map(\.order).max()!
    var sections = (1...order).map { ARPASection(length: $0, isLast: $0 == order) }
    for (index, model) in models.enumerated() {
      var back = [Token](repeating: 0, count: model.vocabulary.count)
      for (token, own) in numbers[index].enumerated() {
        if let own { back[Int(own)] = Token(token) }
      }
      for level in 1..<max(model.order, 1) {
        model.trie.forEachNGram(level: level) {
          sections[level].append(tokens: $0.map { back[Int($0)] })
        }
      }
    }
    for token in 0..<Token(vocabulary.count) { sections[0].append(tokens: [token]) }
    var table = try BackoffTable(sections: &sections, vocabulary, mergingEqual: true)
    // Down the tree, each component's state beside the context.
    let empty = models.map { _ in BackoffModel.State() }
    func fill(level: Int, nodes: Range<Int>, _ states: [BackoffModel.State]) {
      for node in nodes {
        var next = states
        let values = probabilities(of: table.levels[level].tokens[node], advancing: &next)
        let mixed = zip(weights, values).reduce(0) { $0 + $1.0 * $1.1 }
        table.log10Probabilities[level][node] = log10(mixed)
        if level + 1 < order {
          fill(level: level + 1, nodes: table.levels[level].children(of: node), next)
        }
      }
    }
    fill(level: 0, nodes: 0..<vocabulary.count, empty)
    table.log10Probabilities[0][Int(vocabulary.beginning!)] = -.infinity
    table.renormalizeBackoffs()
    if rounded { table.roundToSingle() }
    return BackoffModel(table)
  }
}

extension PackedTrie {
  /// Calls `body` with the tokens of each n-gram of a level.
  func forEachNGram(level: Int, _ body: ([Token]) -> Void) {
    var tokens = [Token](repeating: 0, count: level + 1)
    func visit(_ upper: Int, _ nodes: Range<Int>) {
      for node in nodes {
        tokens[upper] = token(level: upper, node: node)
        if upper == level { body(tokens) } else { visit(upper + 1, levels[upper].children(node)) }
      }
    }
    visit(0, 0..<levels[0].count)
  }
}

extension ARPASection {
  /// Adds an n-gram whose values are to be filled in.
  mutating func append(tokens: [Token]) {
    self.tokens += tokens
    log10Probabilities.append(0)
    if !isLast { log10Backoffs.append(0) }
  }
}
