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

/// Rates of everything that is dropped while training; nothing is dropped otherwise.
public struct DropoutRates: Hashable, Sendable {
  /// Of the elements of the embedded input.
  public var input = 0.0
  /// Of the outputs of every layer but the last: `dropout` of `torch.nn.LSTM`.
  public var betweenLayers = 0.0
  /// Of the outputs of the last layer, before the output layer.
  public var output = 0.0
  /// Of whole rows of the embedding, for a window (Gal & Ghahramani 2016).
  public var embeddingRows = 0.0
  /// Of the recurrent weights, for a window (DropConnect; Merity et al. 2018).
  public var recurrentWeights = 0.0
  /// One mask for all steps of a window, instead of one a step (locked, or variational, dropout).
  public var isLocked = false

  public init() {}

  /// Whether nothing is dropped.
  public var isZero: Bool {
    [input, betweenLayers, output, embeddingRows, recurrentWeights].allSatisfy { $0 == 0 }
  }
}

/// The multipliers of one window, 0 or 1/(1 - rate) each. An absent mask drops nothing.
///
/// Masks of activations are [T, B, width], or [1, B, width] when locked.
public struct DropoutMasks<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  public var input: [Scalar]?
  /// One per layer, on that layer's output; the last stands before the output layer.
  public var layers: [[Scalar]?]
  /// [inputs], one multiplier for a row of the embedding. Does not touch a tied output.
  public var embeddingRows: [Scalar]?
  /// One per layer, [gates·H, H].
  public var recurrentWeights: [[Scalar]?]
  public var isLocked: Bool

  /// Masks that drop nothing.
  public init(layerCount: Int) {
    layers = Array(repeating: nil, count: layerCount)
    recurrentWeights = layers
    isLocked = false
  }
}
