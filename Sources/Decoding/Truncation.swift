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
    distribution.keep(mass: mass) { -$0 }
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
    distribution.keep(mass: mass) { abs($0 + entropy) }
  }
}

extension Distribution {
  /// Keeps the fewest tokens of smallest cost whose probabilities sum to `mass`; of equal costs the bytewise
  /// smaller token goes first.
  ///
  /// Tokens are parted into bands of cost, of which only that in which the mass is reached is sorted.
  ///
  /// - cost: of a log-probability, in nats.
  fileprivate mutating func keep(mass: Double, cost: (Double) -> Double) {
    let costs = logWeights.map { $0 > -.infinity ? tieKey(cost($0)) : .infinity }
    guard let least = costs.min(), least < .infinity else { return }
    var masses = [Double](repeating: 0, count: 1024)
    func band(_ token: Int) -> Int { Int(min((costs[token] - least) * 0x1p-29, 1023)) }
    for token in costs.indices where costs[token] < .infinity {
      masses[band(token)] += exp(logWeights[token])
    }
    var total = 0.0
    var last = 0
    while total + masses[last] < mass - rounding {
      total += masses[last]
      last += 1
      // All of them together do not reach it.
      if last == masses.count { return }
    }
    var candidates: [Token] = []
    for token in costs.indices where costs[token] < .infinity {
      if band(token) == last { candidates.append(Token(token)) }
      if band(token) > last { logWeights[token] = -.infinity }
    }
    candidates.sort {
      let (a, b) = (costs[Int($0)], costs[Int($1)])
      return a != b ? a < b : vocabulary.precedes($0, $1)
    }
    for token in candidates {
      if total >= mass - rounding {
        logWeights[Int(token)] = -.infinity
      } else {
        total += exp(logWeights[Int(token)])
      }
    }
  }
}
