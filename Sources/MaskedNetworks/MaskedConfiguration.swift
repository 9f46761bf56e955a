// SPDX-License-Identifier: Apache-2.0

/// The shape of a feed-forward network over sequences of one fixed width, and which of its weights
/// exist.
///
/// A symbol of K kinds enters as K − 1 numbers (one-hot without the first kind), and K − 1 logits come
/// out (that of the first kind is 0), so that a binary unit is one input and one output.
public struct MaskedConfiguration: Hashable, Sendable {
  /// Which inputs an output may see.
  public enum Mask: Hashable, Sendable {
    /// Output i sees the inputs before i only: p(x) = Π p(x_i | x_<i).
    /// Reference: Germain et al. 2015, «MADE», eq. 8 and 9.
    case autoregressive
    /// Every output sees every input: no model of a sequence, but a memoryless map from one to
    /// another of `targetWidth` symbols.
    case none(targetWidth: Int)
  }

  /// D: symbols of an input sequence.
  public var width: Int
  /// K: kinds of symbol.
  public var symbolCount: Int
  /// H: hidden units; 0 leaves the direct links alone (a masked linear network, the fully visible
  /// sigmoid belief network of Frey et al. 1996).
  public var hiddenWidth: Int
  public var mask: Mask

  public init(width: Int, symbolCount: Int, hiddenWidth: Int, mask: Mask = .autoregressive) {
    precondition(width > 0 && symbolCount > 1 && hiddenWidth >= 0)
    self.width = width
    self.symbolCount = symbolCount
    self.hiddenWidth = hiddenWidth
    self.mask = mask
  }

  /// Numbers that stand for one symbol.
  public var unitsPerSymbol: Int { symbolCount - 1 }
  /// I: numbers that enter.
  public var inputCount: Int { width * unitsPerSymbol }
  /// Symbols that are predicted.
  public var targetWidth: Int {
    if case .none(let targetWidth) = mask { targetWidth } else { width }
  }
  /// O: logits that come out.
  public var outputCount: Int { targetWidth * unitsPerSymbol }
  /// Inputs reach the outputs past the hidden layer; a map without a mask has no such links unless it
  /// has no hidden layer.
  public var hasDirectLinks: Bool { mask == .autoregressive || hiddenWidth == 0 }

  /// The number of leading inputs that a hidden unit sees: 1, 2, ..., D − 1 in turn.
  func degree(ofHidden unit: Int) -> Int { 1 + unit % max(1, width - 1) }

  /// Whether hidden unit `unit` sees input number `input`.
  func hiddenSees(_ unit: Int, _ input: Int) -> Bool {
    mask != .autoregressive || input / unitsPerSymbol < degree(ofHidden: unit)
  }

  /// Whether output number `output` sees hidden unit `unit`.
  func outputSees(_ output: Int, hidden unit: Int) -> Bool {
    mask != .autoregressive || degree(ofHidden: unit) <= output / unitsPerSymbol
  }

  /// Whether output number `output` sees input number `input` directly.
  func outputSees(_ output: Int, input: Int) -> Bool {
    hasDirectLinks
      && (mask != .autoregressive || input / unitsPerSymbol < output / unitsPerSymbol)
  }
}
