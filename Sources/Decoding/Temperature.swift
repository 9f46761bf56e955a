// SPDX-License-Identifier: Apache-2.0

public import TokenStreams

/// p^(1/T), renormalised: T below 1 sharpens, above 1 flattens, 0 is argmax.
public struct Temperature: Adjustment {
  private let value: Double

  /// - value: at least 0.
  public init(_ value: Double) {
    precondition(value >= 0)
    self.value = value
  }

  public func apply(to distribution: inout Distribution, after history: [Token]) {
    if value == 0 { return distribution.keep(distribution.best(1)) }
    // Divide differences from the maximum: no temperature overflows them all.
    guard let maximum = distribution.logWeights.max() else { return }
    for token in distribution.logWeights.indices {
      let weight = distribution.logWeights[token]
      if weight > -.infinity { distribution.logWeights[token] = (weight - maximum) / value }
    }
  }
}
