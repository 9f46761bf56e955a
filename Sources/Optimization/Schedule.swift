// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The learning rate as training goes on.
public struct Schedule: Hashable, Sendable {
  public enum Shape: String, CaseIterable, Sendable {
    /// Always the same.
    case constant
    /// Half a cosine wave from the rate down to `floor` of it at the end.
    case cosine
    /// Multiplied by `factor` after `patience` evaluations that brought nothing better.
    case plateau
  }

  public var shape: Shape
  /// η at its highest.
  public var rate: Double
  /// Steps of linear rise at the beginning.
  public var warmUpStepCount: Int
  /// The cosine's end, as a share of the rate.
  public var floor = 0.0
  /// The plateau's step down.
  public var factor = 0.5
  public var patience = 1

  /// Of the plateau: the best loss yet, evaluations since, and the share of the rate that is left.
  public var best = Double.infinity
  public var evaluationsSinceBest = 0
  public var share = 1.0

  public init(_ shape: Shape, rate: Double, warmUpStepCount: Int = 0) {
    self.shape = shape
    self.rate = rate
    self.warmUpStepCount = warmUpStepCount
  }

  /// The rate of a step.
  ///
  /// - step: from 1.
  /// - progress: the share of the training that is done, 0 to 1.
  public func rate(step: Int, progress: Double) -> Double {
    let warmth = step < warmUpStepCount ? Double(step) / Double(warmUpStepCount) : 1
    switch shape {
    case .constant: return rate * warmth
    case .cosine:
      let wave = 0.5 * (1 + cos(Double.pi * min(max(progress, 0), 1)))
      return rate * warmth * (floor + (1 - floor) * wave)
    case .plateau: return rate * warmth * share
    }
  }

  /// Tells the plateau what an evaluation found.
  public mutating func note(loss: Double) {
    if loss < best {
      best = loss
      evaluationsSinceBest = 0
    } else {
      evaluationsSinceBest += 1
      if evaluationsSinceBest >= patience {
        share *= factor
        evaluationsSinceBest = 0
      }
    }
  }
}
