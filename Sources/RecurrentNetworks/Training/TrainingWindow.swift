// SPDX-License-Identifier: Apache-2.0

/// A window of a token stream: `stepCount` steps of `laneCount` sequences side by side.
///
/// Lane b of one window goes on where lane b of the window before it ended: the state is carried.
/// Where the input is the network's start symbol, the lane's state is zero before that step (and no
/// gradient flows past it), so a lane may hold many records one after the other.
public struct TrainingWindow: Sendable {
  /// A target that is no target: the step has no loss.
  public static let noTarget = UInt32.max

  /// T
  public var stepCount: Int
  /// B
  public var laneCount: Int
  /// [T, B], ids of input symbols.
  public var inputs: [UInt32]
  /// [T, B], ids of outputs, or `noTarget`.
  public var targets: [UInt32]

  public init(stepCount: Int, laneCount: Int, inputs: [UInt32], targets: [UInt32]) {
    precondition(inputs.count == stepCount * laneCount && targets.count == inputs.count)
    self.stepCount = stepCount
    self.laneCount = laneCount
    self.inputs = inputs
    self.targets = targets
  }

  /// Steps that have a loss. The loss that is differentiated is the mean over these.
  public var targetCount: Int { targets.reduce(0) { $0 + ($1 == TrainingWindow.noTarget ? 0 : 1) } }
}
