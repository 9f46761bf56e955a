// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Entropies and divergences of two distributions over the same outcomes, in nats.
public struct Divergence: Sendable {
  public private(set) var entropy = (p: 0.0, q: 0.0)
  /// −Σ p ln q and −Σ q ln p.
  public private(set) var crossEntropy = (pq: 0.0, qp: 0.0)
  /// The Jensen–Shannon divergence: the mean of those of p and q from their mixture.
  public private(set) var jensenShannon = 0.0

  /// Σ p ln p/q and Σ q ln q/p.
  public var kullbackLeibler: (pq: Double, qp: Double) {
    (crossEntropy.pq - entropy.p, crossEntropy.qp - entropy.q)
  }

  /// Adds an outcome, or `count` outcomes that are alike.
  mutating func add(_ lnP: Double, _ lnQ: Double, count: Double = 1) {
    let (p, q) = (exp(lnP) * count, exp(lnQ) * count)
    let lnMixture = log((exp(lnP) + exp(lnQ)) / 2)
    if p > 0 {
      entropy.p -= p * lnP
      crossEntropy.pq -= p * lnQ
      jensenShannon += p * (lnP - lnMixture) / 2
    }
    if q > 0 {
      entropy.q -= q * lnQ
      crossEntropy.qp -= q * lnP
      jensenShannon += q * (lnQ - lnMixture) / 2
    }
  }

  /// p against the uniform distribution over `count` outcomes, p's own among them.
  ///
  /// - Throws: `StreamError` when p has more outcomes, or too many to look at each.
  public init<P: LanguageModel>(of p: P, uniformOver count: Int) throws(StreamError) {
    let outcomes = try p.outcomes()
    guard outcomes.count <= count else {
      throw StreamError(.none, "the model has \(outcomes.count) outcomes, more than \(count)")
    }
    for outcome in outcomes { add(outcome.logProbability, -log(Double(count))) }
    let rest = Double(count - outcomes.count)
    if rest > 0 { add(-.infinity, -log(Double(count)), count: rest) }
  }

  /// p against q, over all records that either can produce.
  ///
  /// - Throws: `StreamError` for models of different vocabularies, or too many records.
  public init<P: LanguageModel, Q: LanguageModel>(of p: P, from q: Q) throws(StreamError) {
    guard p.vocabulary.fingerprint == q.vocabulary.fingerprint, p.ending == q.ending else {
      throw StreamError(
        .none, "the models have different vocabularies", advice: "estimate both over one vocabulary"
      )
    }
    let isDefined = { (value: Double) in value.isNaN ? -.infinity : value }
    for outcome in try p.outcomes() {
      add(outcome.logProbability, isDefined(q.logProbability(ofRecord: outcome.tokens)))
    }
    for outcome in try q.outcomes() {
      let lnP = isDefined(p.logProbability(ofRecord: outcome.tokens))
      if lnP == -.infinity { add(lnP, outcome.logProbability) }
    }
  }
}

extension LanguageModel {
  /// Every record that the model can produce, in order of token numbers; one token where records never
  /// end.
  fileprivate func outcomes() throws(StreamError) -> [(tokens: [Token], logProbability: Double)] {
    var result: [(tokens: [Token], logProbability: Double)] = []
    var row = [Double](repeating: 0, count: vocabulary.count)
    var open: [(tokens: [Token], state: State, logProbability: Double)] = [([], start, 0)]
    var visited = 0
    while let beginning = open.popLast() {
      visited += 1
      guard visited <= 200_000 else {
        throw StreamError(
          .none, "the model can produce too many records to look at each",
          advice: "use a model of fewer, such as a maximum-likelihood one of a small text")
      }
      row.withUnsafeMutableBufferPointer {
        var span = MutableSpan(_unsafeElements: $0)
        logProbabilities(after: beginning.state, into: &span)
      }
      for token in row.indices.reversed() where row[token] > -.infinity {
        let logProbability = beginning.logProbability + row[token]
        if ending == .predicted, Token(token) == vocabulary.end {
          result.append((beginning.tokens, logProbability))
          continue
        }
        let tokens = beginning.tokens + [Token(token)]
        if ending == .never || ending == .after(tokens.count) {
          result.append((tokens, logProbability))
          continue
        }
        var state = beginning.state
        advance(&state, with: Token(token))
        open.append((tokens, state, logProbability))
      }
    }
    return result
  }

  fileprivate func logProbability(ofRecord tokens: [Token]) -> Double {
    var state = start
    var total = 0.0
    for token in tokens { total += logProbability(of: token, advancing: &state) }
    return ending == .predicted
      ? total + logProbability(of: vocabulary.end!, after: state) : total
  }
}
