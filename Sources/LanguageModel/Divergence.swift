// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Entropies and divergences of two distributions over the same outcomes, in nats.
public struct Divergence: Sendable {
  /// A number and its name.
  public struct Quantity: Sendable {
    public var name: String
    public var nats: Double
    /// Of an estimate from samples.
    public var standardError: Double?

    public init(name: String, nats: Double, standardError: Double? = nil) {
      self.name = name
      self.nats = nats
      self.standardError = standardError
    }
  }

  public private(set) var entropy = (p: 0.0, q: 0.0)
  /// −Σ p ln q and −Σ q ln p.
  public private(set) var crossEntropy = (pq: 0.0, qp: 0.0)
  /// The Jensen–Shannon divergence: the mean of those of p and q from their mixture.
  public private(set) var jensenShannon = 0.0

  /// Σ p ln p/q and Σ q ln q/p.
  public var kullbackLeibler: (pq: Double, qp: Double) {
    (crossEntropy.pq - entropy.p, crossEntropy.qp - entropy.q)
  }

  public var quantities: [Quantity] {
    [
      Quantity(name: "H(p)", nats: entropy.p), Quantity(name: "H(q)", nats: entropy.q),
      Quantity(name: "H(p,q)", nats: crossEntropy.pq),
      Quantity(name: "H(q,p)", nats: crossEntropy.qp),
      Quantity(name: "KL(p||q)", nats: kullbackLeibler.pq),
      Quantity(name: "KL(q||p)", nats: kullbackLeibler.qp),
      Quantity(name: "JS(p,q)", nats: jensenShannon),
    ]
  }

  /// Adds an outcome, or `count` outcomes that are alike.
  private mutating func add(_ lnP: Double, _ lnQ: Double, count: Double = 1) {
    let (p, q) = (exp(lnP) * count, exp(lnQ) * count)
    if p > 0 {
      entropy.p -= p * lnP
      crossEntropy.pq -= p * lnQ
      jensenShannon += p * lnRatioToMixture(lnP, lnQ) / 2
    }
    if q > 0 {
      entropy.q -= q * lnQ
      crossEntropy.qp -= q * lnP
      jensenShannon += q * lnRatioToMixture(lnQ, lnP) / 2
    }
  }

  /// p against the uniform distribution over `count` outcomes, p's own among them.
  ///
  /// - Throws: `StreamError` when p has more outcomes, or too many to look at each.
  public init(of p: some RecordDistribution, uniformOver count: Double) throws(StreamError) {
    let outcomes = try p.outcomes()
    guard Double(outcomes.count) <= count else {
      throw StreamError(.none, "the model has \(outcomes.count) outcomes, more than \(count)")
    }
    for outcome in outcomes { add(outcome.logProbability, -log(count)) }
    let rest = count - Double(outcomes.count)
    if rest > 0 { add(-.infinity, -log(count), count: rest) }
  }

  /// p against q, over all records that either can produce.
  ///
  /// - Throws: `StreamError` for too many records.
  public init(of p: some RecordDistribution, from q: some RecordDistribution) throws(StreamError) {
    for outcome in try p.outcomes() {
      add(outcome.logProbability, q.logProbability(ofRecord: outcome.tokens))
    }
    for outcome in try q.outcomes() {
      let lnP = p.logProbability(ofRecord: outcome.tokens)
      if lnP == -.infinity { add(lnP, outcome.logProbability) }
    }
  }
}

extension Divergence {
  /// Data against a model, which may have more records than can be looked at: then H(q) is left out.
  ///
  /// Only the data's records count for all else: of the model's others their mass is enough.
  public static func quantities(
    of data: RecordFrequencies, from model: some RecordDistribution
  ) -> [Quantity] {
    var result = Divergence()
    var rest = 1.0
    for outcome in data.outcomes() {
      let lnQ = model.logProbability(ofRecord: outcome.tokens)
      result.add(outcome.logProbability, lnQ)
      rest -= exp(lnQ)
    }
    // Sums of a thousand probabilities are off by less.
    guard rest > 1e-9 else { return result.quantities }
    result.crossEntropy.qp = .infinity
    result.jensenShannon += rest * log(2) / 2
    guard let outcomes = try? model.outcomes() else {
      return result.quantities.filter { $0.name != "H(q)" }
    }
    result.entropy.q = outcomes.reduce(0) { $0 - exp($1.logProbability) * $1.logProbability }
    return result.quantities
  }

  private init() {}
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

/// The same quantities estimated from samples of p and of q.
public struct SampledDivergence: Sendable {
  /// A mean that grows, and the spread of what it is the mean of. Reference: Welford 1962.
  struct Mean: Sendable {
    private var count = 0.0
    private(set) var value = 0.0
    private var squares = 0.0

    mutating func add(_ x: Double) {
      count += 1
      let difference = x - value
      // An infinite sample makes the mean infinite for good.
      value = value.isFinite && x.isFinite ? value + difference / count : value.isFinite ? x : value
      squares += difference * (x - value)
    }

    /// Of the mean: the samples' deviation over √count.
    var standardError: Double {
      value.isFinite && count > 1 ? (squares / (count - 1) / count).squareRoot() : .nan
    }
  }

  /// What is averaged over the samples of one of the two: its surprisal, the other's surprisal, their
  /// difference, and the distance from the mixture.
  struct Side: Sendable {
    var entropy = Mean()
    var crossEntropy = Mean()
    var divergence = Mean()
    var fromMixture = Mean()

    mutating func add(_ lnOwn: Double, _ lnOther: Double) {
      entropy.add(-lnOwn)
      crossEntropy.add(-lnOther)
      divergence.add(lnOwn - lnOther)
      fromMixture.add(lnRatioToMixture(lnOwn, lnOther))
    }
  }

  private var p = Side()
  private var q = Side()

  public init() {}

  /// Adds a sample of p, and of q, by their log-probabilities under both.
  public mutating func add(sampleOfP lnP: Double, _ lnQ: Double) {
    p.add(lnP, lnQ.isNaN ? -.infinity : lnQ)
  }
  public mutating func add(sampleOfQ lnQ: Double, _ lnP: Double) {
    q.add(lnQ, lnP.isNaN ? -.infinity : lnP)
  }

  public var quantities: [Divergence.Quantity] {
    func quantity(_ name: String, _ mean: Mean) -> Divergence.Quantity {
      Divergence.Quantity(name: name, nats: mean.value, standardError: mean.standardError)
    }
    let (a, b) = (p.fromMixture, q.fromMixture)
    let error = (a.standardError * a.standardError + b.standardError * b.standardError).squareRoot()
    return [
      quantity("H(p)", p.entropy), quantity("H(q)", q.entropy),
      quantity("H(p,q)", p.crossEntropy), quantity("H(q,p)", q.crossEntropy),
      quantity("KL(p||q)", p.divergence), quantity("KL(q||p)", q.divergence),
      Divergence.Quantity(
        name: "JS(p,q)", nats: (a.value + b.value) / 2, standardError: error / 2),
    ]
  }
}
