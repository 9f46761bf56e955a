// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Entropies and divergences of two distributions over the same outcomes, in nats: exact sums over
/// outcomes, or estimates from samples.
public struct Divergence: Sendable {
  /// A number and its name.
  public struct Quantity: Sendable {
    public var name: String
    public var nats: Double
    /// Of an estimate from samples; nothing for an exact value.
    public var standardError: Double?
  }

  /// A mean over one distribution: a sum over its outcomes, or the mean of samples.
  public struct Expectation: Sendable {
    public private(set) var nats: Double
    public private(set) var standardError: Double?
    private var count = 0.0
    private var squares = 0.0

    /// An exact value.
    public init(_ nats: Double = 0) { self.nats = nats }

    mutating func add(_ x: Double, weight: Double) { nats += weight * x }

    /// Reference: Welford 1962. An infinite sample makes the mean infinite for good: that is exact.
    mutating func add(sample x: Double) {
      count += 1
      guard nats.isFinite, x.isFinite else {
        if nats.isFinite { (nats, standardError) = (x, nil) }
        return
      }
      let difference = x - nats
      nats += difference / count
      squares += difference * (x - nats)
      // The samples' deviation over √count.
      standardError = count > 1 ? (squares / (count - 1) / count).squareRoot() : .infinity
    }
  }

  /// What is averaged over one of the two distributions; nothing where it is not known.
  public struct Side: Sendable {
    /// Its own surprisal, the other's, and how much the other's is larger.
    public var entropy: Expectation? = Expectation()
    public var crossEntropy: Expectation? = Expectation()
    public var divergence: Expectation? = Expectation()
    /// Its divergence from the mixture of both halves.
    public var fromMixture: Expectation? = Expectation()

    public init() {}

    /// Adds an outcome by its log-probabilities, or `count` outcomes that are alike.
    mutating func add(_ lnOwn: Double, _ lnOther: Double, count: Double = 1) {
      let weight = exp(lnOwn) * count
      guard weight > 0 else { return }
      entropy?.add(-lnOwn, weight: weight)
      crossEntropy?.add(-lnOther, weight: weight)
      divergence?.add(lnOwn - lnOther, weight: weight)
      fromMixture?.add(lnRatioToMixture(lnOwn, lnOther), weight: weight)
    }

    /// Adds outcomes that the other does not have, of which the sum of probabilities alone is known.
    fileprivate mutating func add(massOutsideOther mass: Double) {
      entropy = nil
      crossEntropy = Expectation(.infinity)
      divergence = Expectation(.infinity)
      fromMixture?.add(log(2), weight: mass)
    }

    /// Adds a sample of this distribution.
    public mutating func add(sample lnOwn: Double, _ lnOther: Double) {
      let lnOther = lnOther.isNaN ? -.infinity : lnOther
      entropy?.add(sample: -lnOwn)
      crossEntropy?.add(sample: -lnOther)
      divergence?.add(sample: lnOwn - lnOther)
      fromMixture?.add(sample: lnRatioToMixture(lnOwn, lnOther))
    }
  }

  public var p = Side()
  public var q = Side()

  public init(p: Side, q: Side) { (self.p, self.q) = (p, q) }

  /// With p and q in each other's place.
  public var swapped: Divergence { Divergence(p: q, q: p) }

  /// Those that are known.
  public var quantities: [Quantity] {
    var jensenShannon: Expectation?
    var error: Double?
    if let a = p.fromMixture, let b = q.fromMixture {
      jensenShannon = Expectation((a.nats + b.nats) / 2)
      if a.standardError != nil || b.standardError != nil {
        let (a, b) = (a.standardError ?? 0, b.standardError ?? 0)
        error = (a * a + b * b).squareRoot() / 2
      }
    }
    let rows: [(String, Expectation?, Double?)] = [
      ("H(p)", p.entropy, p.entropy?.standardError),
      ("H(q)", q.entropy, q.entropy?.standardError),
      ("H(p,q)", p.crossEntropy, p.crossEntropy?.standardError),
      ("H(q,p)", q.crossEntropy, q.crossEntropy?.standardError),
      ("KL(p||q)", p.divergence, p.divergence?.standardError),
      ("KL(q||p)", q.divergence, q.divergence?.standardError),
      ("JS(p,q)", jensenShannon, error),
    ]
    return rows.compactMap { name, mean, error in
      mean.map { Quantity(name: name, nats: $0.nats, standardError: error) }
    }
  }
}

extension Divergence {
  /// p against q, by p's outcomes and, where they are given, q's.
  ///
  /// Of the outcomes that only q has, their mass is enough for all but H(q).
  public init(
    of p: some RecordDistribution, _ outcomes: [RecordOutcome],
    from q: some RecordDistribution, _ outcomesOfQ: [RecordOutcome]?
  ) {
    var rest = 1.0
    for outcome in outcomes {
      let lnQ = q.logProbability(ofRecord: outcome.tokens)
      self.p.add(outcome.logProbability, lnQ)
      self.q.add(lnQ, outcome.logProbability)
      rest -= exp(lnQ)
    }
    if let outcomesOfQ {
      for outcome in outcomesOfQ where p.logProbability(ofRecord: outcome.tokens) == -.infinity {
        self.q.add(outcome.logProbability, -.infinity)
      }
    } else if rest > 1e-9 {  // Sums of a thousand probabilities are off by less.
      self.q.add(massOutsideOther: rest)
    }
  }

  /// p, by its outcomes, against the uniform distribution over `count` outcomes, p's own among them.
  ///
  /// - Throws: `StreamError` when p has more outcomes.
  public init(of outcomes: [RecordOutcome], uniformOver count: Double) throws(StreamError) {
    guard Double(outcomes.count) <= count else {
      throw StreamError(.none, "the model has \(outcomes.count) outcomes, more than \(count)")
    }
    for outcome in outcomes {
      p.add(outcome.logProbability, -log(count))
      q.add(-log(count), outcome.logProbability)
    }
    q.add(-log(count), -.infinity, count: count - Double(outcomes.count))
  }
}

extension LanguageModel {
  /// - Throws: `StreamError` unless one model has all tokens of the other, and records of both end alike.
  public func requireComparable(with other: some LanguageModel) throws(StreamError) {
    guard
      TokenTranslation(from: vocabulary, to: other.vocabulary).isComplete
        || TokenTranslation(from: other.vocabulary, to: vocabulary).isComplete
    else {
      throw StreamError(
        .none, "the models have different vocabularies", advice: "estimate both over one vocabulary"
      )
    }
    guard ending == other.ending else {
      throw StreamError(
        .none, "the models' records end in different ways",
        advice: "make both of records with ends, or both of one width")
    }
  }
}

/// ln(p / ((p + q) / 2)), without overflow where one of them is tiny.
private func lnRatioToMixture(_ lnP: Double, _ lnQ: Double) -> Double {
  log(2) - log1p(exp(lnQ - lnP))
}
