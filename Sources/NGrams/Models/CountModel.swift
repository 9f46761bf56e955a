// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import LanguageModel
public import TokenStreams

/// A model that is computed from counts when asked: what the back-off form cannot express.
///
/// The context is the last n-1 tokens, padded at the beginning of a record. Vocabulary is closed unless
/// said otherwise: V is the number of tokens that were ever predicted, and others have probability 0.
public struct CountModel: LanguageModel {
  public enum Rule: Sendable, Hashable {
    /// N(hw) / N(h); undefined after a context that was never seen.
    case maximumLikelihood
    /// (N(hw) + k) / (N(h) + kV).
    case additive(Double)
    /// N(hw) / N(h) if seen, else `factor` times the same for a shorter context: scores, which do not
    /// sum to one. Reference: Brants et al. 2007, eq. 5.
    case stupid(factor: Double)
  }

  public let vocabulary: Vocabulary
  public let rule: Rule
  private let tree: NGramTree
  /// N(h) of each node as a context, by level; the root's is `predictedCount`.
  private let totals: [[UInt64]]
  private let predictedCount: UInt64
  private let shape: ContextShape
  private let isPredicted: [Bool]
  private let typeCount: Int

  /// - isOpen: whether `<unk>` is one of the V tokens.
  package init(
    _ tree: NGramTree, _ rule: Rule, shape: ContextShape, vocabulary: Vocabulary, isOpen: Bool
  ) {
    self.tree = tree
    self.rule = rule
    self.shape = shape
    self.vocabulary = vocabulary
    let unigrams = tree.levels[0].counts
    isPredicted = unigrams.indices.map {
      unigrams[$0] > 0 || (isOpen && Token($0) == vocabulary.unknown)
    }
    typeCount = isPredicted.count { $0 }
    predictedCount = unigrams.reduce(0, +)
    totals = (0..<tree.order - 1).map { level in
      (0..<tree.levels[level].count).map { node in
        tree.levels[level].children(of: node).reduce(0) { $0 + tree.levels[level + 1].counts[$1] }
      }
    }
  }

  /// The last tokens, oldest first, and how many were seen in all.
  public struct State: Sendable {
    var tokens = InlineArray<16, Token>(repeating: 0)
    var count = 0
    var position = 0
  }

  public var start: State {
    var state = State()
    for token in shape.beginning(tree.order) { push(token, to: &state) }
    return state
  }

  public var isDistribution: Bool { if case .stupid = rule { false } else { true } }

  /// Records end in `</s>` unless it was never counted.
  public var ending: RecordEnding {
    if let end = vocabulary.end, isPredicted[Int(end)] { return .predicted }
    return shape.width.map { .after($0) } ?? .never
  }

  public func advance(_ state: inout State, with token: Token) {
    push(token, to: &state)
    state.position += 1
  }

  private func push(_ token: Token, to state: inout State) {
    let limit = tree.order - 1 - (shape.isPositional ? 1 : 0)
    guard limit > 0 else { return }
    if state.count == limit {
      for index in 1..<limit { state.tokens[index - 1] = state.tokens[index] }
    } else {
      state.count += 1
    }
    state.tokens[state.count - 1] = token
  }

  /// A context of some length: its node on level `level` (-1 for the empty context).
  private struct Context {
    var level: Int
    var node: Int
  }

  /// The context of the last `length` tokens, or nothing if it was never seen.
  private func context(_ state: State, length: Int) -> Context? {
    var context = Context(level: -1, node: 0)
    if shape.isPositional {
      guard let mark = shape.mark(at: state.position + 1) else { return nil }
      context = Context(level: 0, node: Int(mark))
    }
    for index in (state.count - length)..<state.count {
      guard let next = child(of: context, by: state.tokens[index]) else { return nil }
      context = Context(level: context.level + 1, node: next)
    }
    return total(of: context) > 0 ? context : nil
  }

  private func child(of context: Context, by token: Token) -> Int? {
    context.level < 0 ? Int(token) : tree.child(of: context.node, level: context.level, by: token)
  }

  private func total(of context: Context) -> UInt64 {
    context.level < 0 ? predictedCount : totals[context.level][context.node]
  }

  private func count(of token: Token, after context: Context) -> UInt64 {
    guard let node = child(of: context, by: token) else { return 0 }
    return tree.levels[context.level + 1].counts[node]
  }

  /// Calls `body` with each token that followed `context`, and its count.
  private func forEachFollower(of context: Context, _ body: (Token, UInt64) -> Void) {
    let level = tree.levels[context.level + 1]
    let range =
      context.level < 0
      ? 0..<level.count : tree.levels[context.level].children(of: context.node)
    for node in range where level.counts[node] > 0 { body(level.tokens[node], level.counts[node]) }
  }

  public func logProbability(of token: Token, after state: State) -> Double {
    switch rule {
    case .maximumLikelihood:
      guard let context = context(state, length: state.count) else { return .nan }
      return log(Double(count(of: token, after: context)) / Double(total(of: context)))
    case .additive(let k):
      guard isPredicted[Int(token)] else { return -.infinity }
      let context = context(state, length: state.count)
      let seen = context.map { Double(count(of: token, after: $0)) } ?? 0
      let total = context.map { Double(self.total(of: $0)) } ?? 0
      return log((seen + k) / (total + k * Double(typeCount)))
    case .stupid(let factor):
      var weight = 1.0
      for length in stride(from: state.count, through: 0, by: -1) {
        if let context = context(state, length: length) {
          let count = count(of: token, after: context)
          if count > 0 { return log(weight * Double(count) / Double(total(of: context))) }
        }
        weight *= factor
      }
      return -.infinity
    }
  }

  public func logProbabilities(after state: State, into row: inout MutableSpan<Double>) {
    row.withUnsafeMutableBufferPointer { row in
      switch rule {
      case .maximumLikelihood:
        guard let context = context(state, length: state.count) else {
          return row.update(repeating: .nan)
        }
        row.update(repeating: -.infinity)
        let total = Double(self.total(of: context))
        forEachFollower(of: context) { row[Int($0)] = log(Double($1) / total) }
      case .additive(let k):
        let context = context(state, length: state.count)
        let total = (context.map { Double(self.total(of: $0)) } ?? 0) + k * Double(typeCount)
        let floor = log(k / total)
        for token in row.indices { row[token] = isPredicted[token] ? floor : -.infinity }
        if let context {
          forEachFollower(of: context) { row[Int($0)] = log((Double($1) + k) / total) }
        }
      case .stupid:
        for token in row.indices { row[token] = logProbability(of: Token(token), after: state) }
      }
    }
  }
}

/// What stands in front of the first token of a record, and whether contexts begin with a position.
package struct ContextShape: Sendable {
  /// Padding: `<s>`, which is written once, or another token, which fills the context.
  package var padding: Token
  package var isPadded: Bool
  package var isPositional: Bool
  private var marks: [Token] = []

  /// - padding: the token that pads contexts; nothing for `<s>`.
  package init(padding: Token?, isPositional: Bool, vocabulary: Vocabulary) {
    self.padding = padding ?? vocabulary.beginning!
    isPadded = padding != nil
    self.isPositional = isPositional
    var position = 1
    while isPositional, let mark = vocabulary.token(PositionMark.spelling(of: position)) {
      marks.append(mark)
      position += 1
    }
  }

  /// The tokens of the context at the beginning of a record for n-grams of order `order`.
  func beginning(_ order: Int) -> [Token] {
    let width = order - 1 - (isPositional ? 1 : 0)
    return Array(repeating: padding, count: isPadded || isPositional ? width : min(width, 1))
  }

  /// Tokens of a record, where positions say it.
  var width: Int? { isPositional ? marks.count : nil }

  func mark(at position: Int) -> Token? { position <= marks.count ? marks[position - 1] : nil }
}
