// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

/// Masses and ratios within this of a bound reach it: they are sums of rounded terms.
private let rounding = 1e-12

/// Keeps the k most probable tokens; ties at the k-th place go to the bytewise smaller.
///
/// Differs: `transformers` keeps all that tie with the k-th.
public struct TopK: Adjustment {
  private let count: Int

  public init(_ count: Int) {
    precondition(count > 0)
    self.count = count
  }

  public func apply(to distribution: inout Distribution, after history: [Token]) {
    distribution.keep(distribution.best(count))
  }
}

/// Keeps the smallest set of most probable tokens whose mass reaches p.
///
/// Reference: Holtzman et al. 2020, «The curious case of neural text degeneration», §3.1.
public struct TopP: Adjustment {
  private let mass: Double

  public init(_ mass: Double) {
    precondition(mass > 0 && mass <= 1)
    self.mass = mass
  }

  public func apply(to distribution: inout Distribution, after history: [Token]) {
    // A few tokens mostly suffice: look at ever longer heads of the ranking.
    var count = 64
    while true {
      let ranking = distribution.best(count)
      if let kept = ranking.prefixReaching(mass, weight: { exp(distribution.logWeights[Int($0)]) })
      {
        return distribution.keep(kept)
      }
      if ranking.count < count { return }
      count *= 4
    }
  }
}

/// Keeps the tokens whose probability is at least m times the largest.
///
/// Reference: Nguyen et al. 2025, «Turning up the heat: min-p sampling».
public struct MinP: Adjustment {
  private let ratio: Double

  public init(_ ratio: Double) {
    precondition(ratio >= 0 && ratio <= 1)
    self.ratio = ratio
  }

  public func apply(to distribution: inout Distribution, after history: [Token]) {
    guard ratio > 0, let maximum = distribution.logWeights.max() else { return }
    let bound = maximum + log(ratio) - rounding
    for token in distribution.logWeights.indices where distribution.logWeights[token] < bound {
      distribution.logWeights[token] = -.infinity
    }
  }
}

/// Keeps the smallest set of tokens with mass p whose surprisal is nearest to the entropy; the most
/// probable token may be among those removed.
///
/// Reference: Meister et al. 2023, «Locally typical sampling», §4.
public struct Typical: Adjustment {
  private let mass: Double

  public init(_ mass: Double) {
    precondition(mass > 0 && mass <= 1)
    self.mass = mass
  }

  public func apply(to distribution: inout Distribution, after history: [Token]) {
    let weights = distribution.logWeights
    var entropy = 0.0
    for weight in weights where weight > -.infinity { entropy -= exp(weight) * weight }
    let vocabulary = distribution.vocabulary
    let ranking = distribution.sortedTokens().sorted {
      let a = tieKey(abs(weights[Int($0)] + entropy))
      let b = tieKey(abs(weights[Int($1)] + entropy))
      return a != b ? a < b : vocabulary.precedes($0, $1)
    }
    if let kept = ranking.prefixReaching(mass, weight: { exp(weights[Int($0)]) }) {
      distribution.keep(kept)
    }
  }
}

extension [Token] {
  /// The shortest prefix whose weights sum to `mass`, or nothing if all together do not.
  fileprivate func prefixReaching(_ mass: Double, weight: (Token) -> Double) -> [Token]? {
    var total = 0.0
    for (index, token) in enumerated() {
      total += weight(token)
      if total >= mass - rounding { return Array(self[...index]) }
    }
    return nil
  }
}
