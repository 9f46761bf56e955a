// SPDX-License-Identifier: Apache-2.0

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
