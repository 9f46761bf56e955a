// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import LanguageModel
internal import Probability
public import TokenStreams

/// The distribution of the next token, as decoding strategies adjust it.
///
/// Ties are broken bytewise: of equally probable tokens the smaller spelling comes first. Sums of
/// logarithms that are equal but for rounding count as equal.
public struct Distribution: Sendable {
  /// [vocabulary.count], nats, up to a constant; −∞ for what cannot follow or was removed.
  public var logWeights: [Double]
  public let vocabulary: Vocabulary

  public init(_ logWeights: [Double], vocabulary: Vocabulary) {
    precondition(logWeights.count == vocabulary.count)
    self.logWeights = logWeights
    self.vocabulary = vocabulary
  }

  /// The distribution of a model after `state`.
  public init<Model: LanguageModel>(of model: Model, after state: Model.State) {
    vocabulary = model.vocabulary
    logWeights = Array(repeating: 0, count: vocabulary.count)
    refill(from: model, after: state)
  }

  /// Replaces the weights by those of a model after another state.
  mutating func refill<Model: LanguageModel>(from model: Model, after state: Model.State) {
    logWeights.withUnsafeMutableBufferPointer {
      var row = MutableSpan(_unsafeElements: $0)
      model.logProbabilities(after: state, into: &row)
    }
  }

  /// Whether some token can follow; false when the model does not define what does.
  public var isDefined: Bool {
    var isPossible = false
    for weight in logWeights {
      if weight.isNaN { return false }
      if weight > -.infinity { isPossible = true }
    }
    return isPossible
  }

  /// Shifts the weights so that they are log-probabilities.
  public mutating func normalise() {
    let total = logWeights.withUnsafeBufferPointer { logSumExp($0) }
    guard total > -.infinity else { return }
    for token in logWeights.indices { logWeights[token] -= total }
  }

  /// Whether token `a` comes before token `b`: more probable, or bytewise smaller.
  func precedes(_ a: Token, _ b: Token) -> Bool {
    let (x, y) = (tieKey(logWeights[Int(a)]), tieKey(logWeights[Int(b)]))
    return x != y ? x > y : vocabulary.precedes(a, b)
  }

  /// The most probable tokens, at most `count`, best first; those that cannot follow are left out.
  public func best(_ count: Int) -> [Token] {
    var best = Best<Token>(count) { precedes($0, $1) }
    // What is below the worst of the best yet, and not by rounding alone, need not be compared.
    var bound = -Double.infinity
    for token in logWeights.indices where logWeights[token] > bound {
      best.offer(Token(token))
      if let worst = best.worst { bound = logWeights[Int(worst)] - 0x1p-32 }
    }
    return best.sorted()
  }

  /// All tokens that can follow, most probable first.
  public func sortedTokens() -> [Token] { best(logWeights.count) }

  /// Removes every token but `kept`.
  mutating func keep(_ kept: [Token]) {
    let weights = kept.map { logWeights[Int($0)] }
    for token in logWeights.indices { logWeights[token] = -.infinity }
    for (token, weight) in zip(kept, weights) { logWeights[Int(token)] = weight }
  }

  /// The smallest token whose cumulated probability reaches `u`, walking ids upwards: inverse-CDF
  /// sampling for a uniform `u` in [0, 1]; the weights are log-probabilities.
  ///
  /// Of probabilities 0.1 0.2 0.3 0.4, u = 0.1 gives the first token and u = 0.1000001 the second.
  public func token(atCumulative u: Double) -> Token {
    // A bound is a sum of rounded terms: u reaches it when it is within their rounding.
    let target = u - 1e-12
    var cumulated = 0.0
    var last = 0
    for token in logWeights.indices where logWeights[token] > -.infinity {
      cumulated += exp(logWeights[token])
      last = token
      if cumulated >= target { break }
    }
    return Token(last)
  }
}

/// Log-probabilities whose keys are equal differ by rounding at most.
func tieKey(_ logProbability: Double) -> Double {
  // 2^-33 nats: a million roundings of Double, and far below what any model can tell apart.
  (logProbability * 0x1p33).rounded()
}
