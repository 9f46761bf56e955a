// SPDX-License-Identifier: Apache-2.0

/// How a network is trained: everything but the data and the network itself.
public struct TrainingOptions: Sendable {
  /// The stream as records that know nothing of each other, or as one run of text.
  public enum Mode: String, CaseIterable, Sendable {
    case records, continuous
  }

  public var mode = Mode.records
  /// Sequences side by side in a step.
  public var laneCount = 32
  /// Steps through which gradients flow back.
  public var windowSteps = 128
  /// Where training ends: what is reached first. At least one is given.
  public var epochLimit: Int?
  public var stepLimit: Int?
  public var secondsLimit: Double?
  /// Evaluations in a row without a better one after which training ends.
  public var patience: Int?
  public var optimiser = OptimiserSettings(.adam)
  public var schedule = Schedule(.cosine, rate: 2e-3)
  /// The largest norm of a step's gradient.
  public var clip: Double? = 1
  public var dropout = DropoutRates()
  public var averaging = AveragingKind.none
  public var seed: UInt64 = 0
  /// Steps between two evaluations; nothing evaluates at the end of each epoch.
  public var evaluationInterval: Int?

  public init() {}
}
