// SPDX-License-Identifier: Apache-2.0

public import TokenStreams

/// Makes every token that occurred before less probable: its log-probability is multiplied by r.
///
/// Reference: Keskar et al. 2019, «CTRL», §4.1. Differs: they scale a network's raw outputs, which
/// other families do not have and which a constant may shift; log-probabilities mean the same for all.
public struct RepetitionPenalty: Adjustment {
  private let factor: Double

  public init(_ factor: Double) {
    precondition(factor > 0)
    self.factor = factor
  }

  public func apply(to distribution: inout Distribution, after history: [Token]) {
    // Once for each distinct token.
    for token in Set(history) { distribution.logWeights[Int(token)] *= factor }
  }
}

/// Removes tokens that must never be drawn.
public struct Suppression: Adjustment {
  private let tokens: [Token]

  public init(_ tokens: [Token]) { self.tokens = tokens }

  public func apply(to distribution: inout Distribution, after history: [Token]) {
    for token in tokens { distribution.logWeights[Int(token)] = -.infinity }
  }
}
