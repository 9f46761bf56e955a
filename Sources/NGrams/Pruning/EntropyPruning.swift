// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// How much a model may lose by pruning.
public enum EntropyLimit: Hashable, Sendable {
  /// N-grams go that raise the perplexity by less than this share each, as in SRILM.
  case perplexityIncrease(Double)
  /// As many go, the least useful first, as leave at most so many n-grams.
  case count(Int)
}

extension BackoffTable {
  /// Prunes n-grams by what leaving each out would do to the model, and puts their mass back.
  ///
  /// Reference: Stolcke 1998, «Entropy-based pruning of backoff language models», eq. 3 to 6. Differs:
  /// the probability of a history is its share of the counts. The product of the model's own
  /// probabilities, as there, is wrong for Kneser-Ney models, whose lower orders are no marginals
  /// (Chelba et al. 2010).
  ///
  /// An n-gram stays while a longer one that stays begins or ends with it.
  mutating func prune(_ limit: EntropyLimit) {
    let losses = perplexityIncreases()
    let kept: [[Bool]]
    switch limit {
    case .perplexityIncrease(let bound): kept = self.kept(losses, atLeast: bound)
    case .count(let bound):
      let sorted = losses.joined().filter { $0 < .infinity }.sorted()
      func remaining(without count: Int) -> [[Bool]] {
        self.kept(losses, atLeast: count == 0 ? -.infinity : sorted[count - 1].nextUp)
      }
      // The fewest that must go: what stays falls as more go.
      var (low, high) = (0, sorted.count)
      while low < high {
        let middle = (low + high) / 2
        if remaining(without: middle).reduce(0, { $0 + $1.count { $0 } }) <= bound {
          high = middle
        } else {
          low = middle + 1
        }
      }
      kept = remaining(without: low)
    }
    keepOnly { level, node in kept[level][node] }
    renormalizeBackoffs()
  }

  /// Which n-grams stay when those with less than `bound` go; unigrams always do.
  private func kept(_ losses: [[Double]], atLeast bound: Double) -> [[Bool]] {
    var kept = losses.map { $0.map { $0 >= bound } }
    for level in stride(from: order - 1, to: 1, by: -1) {
      for node in 0..<levels[level].count where kept[level][node] {
        kept[level - 1][Int(levels[level].parents[node])] = true
        kept[level - 1][Int(levels[level].suffixes[node])] = true
      }
    }
    kept[0] = Array(repeating: true, count: levels[0].count)
    return kept
  }

  /// exp(D) - 1 for leaving out each n-gram alone, D the relative entropy to the model with it.
  private func perplexityIncreases() -> [[Double]] {
    var result = [[Double](repeating: .infinity, count: levels[0].count)]
    let total = Double(levels[0].counts.reduce(0, +))
    for level in 1..<max(order, 1) {
      var losses = [Double](repeating: 0, count: levels[level].count)
      for context in 0..<levels[level - 1].count {
        let children = levels[level - 1].children(of: context)
        if children.isEmpty { continue }
        let occurrences = children.reduce(0) { $0 + levels[level].counts[$1] }
        let history = Double(occurrences) / total
        let (left, rest) = remainders(level: level, children)
        for child in children {
          let own = power(log10Probabilities[level][child])
          let lower = power(log10Probabilities[level - 1][Int(levels[level].suffixes[child])])
          // α and α' of eq. 5: before, and with this n-gram backed off to.
          let before = left / rest
          let after = (left + own) / (rest + lower)
          guard own > 0, lower > 0, left > 0, rest > 0 else {
            losses[child] = .infinity
            continue
          }
          let divergence =
            history
            * (own * (log(own) - log(lower) - log(after)) + left * (log(before) - log(after)))
          losses[child] = exp(divergence) - 1
        }
      }
      result.append(losses)
    }
    return result
  }

  /// 1 - Σ p(w|h) and 1 - Σ p(w|h') over the tokens that followed a context.
  private func remainders(level: Int, _ children: Range<Int>) -> (left: Double, rest: Double) {
    var (own, lower) = (0.0, 0.0)
    for child in children {
      own += power(log10Probabilities[level][child])
      lower += power(log10Probabilities[level - 1][Int(levels[level].suffixes[child])])
    }
    return (1 - own, 1 - lower)
  }

  /// Gives each context the back-off with which its distribution sums to one.
  mutating func renormalizeBackoffs() {
    for level in 1..<max(order, 1) {
      for context in 0..<levels[level - 1].count {
        let children = levels[level - 1].children(of: context)
        if children.isEmpty {
          log10Backoffs[level - 1][context] = 0
          continue
        }
        let (left, rest) = remainders(level: level, children)
        // Below single precision nothing is left, or nothing to share it with.
        let weight = left > 1e-7 && rest > 1e-7 ? left / rest : 0
        log10Backoffs[level - 1][context] = log10(weight)
      }
    }
  }

  private func power(_ log10Value: Double) -> Double { exp(log10Value * nepersPerDecade) }
}
