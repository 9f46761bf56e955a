// SPDX-License-Identifier: Apache-2.0

/// Which average of the parameters is kept.
public enum AveragingKind: Hashable, Sendable {
  case none
  /// a = d a + (1 - d) w, with d rising from 0.1 to `decay` so that the start is forgotten.
  case exponential(decay: Double)
  /// The plain mean over the steps after a share of the training (Polyak & Juditsky 1992).
  case mean(from: Double)
}

/// An average of the parameters over the steps, which is a better model than the last of them.
public struct Averaging<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  public let kind: AveragingKind
  /// The average, or nothing before the first step that counts.
  public var average: [Scalar] = []
  /// Steps averaged.
  public var stepCount = 0

  public init(_ kind: AveragingKind) { self.kind = kind }

  /// Takes in the parameters after a step.
  ///
  /// - progress: the share of the training that is done, 0 to 1.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public mutating func update(
    with parameters: UnsafeMutableBufferPointer<Scalar>, progress: Double
  ) {
    let weight: Scalar
    switch kind {
    case .none: return
    case .exponential(let decay):
      weight = Scalar(1 - min(decay, Double(1 + stepCount) / Double(10 + stepCount)))
    case .mean(let start):
      guard progress >= start else { return }
      weight = Scalar(1 / Double(stepCount + 1))
    }
    stepCount += 1
    guard !average.isEmpty else {
      average = Array(parameters)
      return
    }
    average.withUnsafeMutableBufferPointer { average in
      for index in average.indices {
        average[index] += weight * (parameters[index] - average[index])
      }
    }
  }
}
