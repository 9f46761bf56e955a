// SPDX-License-Identifier: Apache-2.0

/// What a recurrent network is made of: all that fixes the shapes of its parameters and the
/// equations they stand in. Two networks of one configuration differ in numbers only.
public struct NetworkConfiguration: Hashable, Sendable {
  /// The recurrence, h' = f(x, h).
  public enum Cell: String, CaseIterable, Sendable {
    /// Elman 1990: h' = φ(W_ih x + b_ih + W_hh h + b_hh) with φ = tanh.
    case tanh
    /// Elman with the logistic unit 1 / (1 + e^-a).
    case logistic
    /// Elman with the rectifier max(0, a).
    case relu
    /// Cho et al. 2014, as PyTorch has it: the reset gate inside the candidate's product.
    case gru
    /// Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000.
    case lstm

    /// Blocks of H rows in the weights. LSTM: input, forget, cell, output; GRU: reset, update, new.
    public var gateCount: Int {
      switch self {
      case .tanh, .logistic, .relu: 1
      case .gru: 3
      case .lstm: 4
      }
    }
  }

  /// What the first layer reads at each step.
  public enum Input: Hashable, Sendable {
    /// One of `count` symbols, looked up in a table of rows that are `width` wide. For a language
    /// model `count` is the number of outputs plus one: the last row is the start symbol `<s>`.
    case tokens(count: Int, width: Int)
    /// A column of `width` real numbers.
    case columns(width: Int)

    /// Width of the vector that enters layer 0.
    public var width: Int {
      switch self {
      case .tokens(_, let width), .columns(let width): width
      }
    }
  }

  /// What is computed from the last layer's output, and the loss that goes with it.
  public enum Output: String, Sendable {
    /// A distribution over the outputs; loss -ln p(target).
    case softmax
    /// Independent probabilities, one per output unit; loss is the cross-entropy of each.
    case logistic
    /// As `logistic`, with the squared error ½(y - target)².
    case logisticSquared = "logistic-squared"
  }

  public var cell: Cell
  public var input: Input
  public var layerCount: Int
  /// H, the units of every layer.
  public var hiddenWidth: Int
  /// Symbols predicted, or output units.
  public var outputCount: Int
  public var output: Output
  /// The output layer uses the first `outputCount` rows of the embedding (needs width = H).
  public var isTied: Bool
  /// Both biases of each layer and that of the output layer exist.
  public var hasBiases: Bool

  public init(
    cell: Cell = .lstm, input: Input, layerCount: Int = 1, hiddenWidth: Int, outputCount: Int,
    output: Output = .softmax, isTied: Bool = false, hasBiases: Bool = true
  ) {
    precondition(layerCount > 0 && hiddenWidth > 0 && outputCount > 0 && input.width > 0)
    if isTied {
      guard case .tokens(let count, hiddenWidth) = input, count >= outputCount else {
        preconditionFailure("a tied output needs an embedding as wide as the hidden layer")
      }
    }
    self.cell = cell
    self.input = input
    self.layerCount = layerCount
    self.hiddenWidth = hiddenWidth
    self.outputCount = outputCount
    self.output = output
    self.isTied = isTied
    self.hasBiases = hasBiases
  }

  /// A language model over `symbolCount` predicted symbols: one more row of embedding for `<s>`.
  public static func languageModel(
    cell: Cell = .lstm, symbolCount: Int, embeddingWidth: Int, hiddenWidth: Int,
    layerCount: Int = 1, isTied: Bool = false, hasBiases: Bool = true
  ) -> NetworkConfiguration {
    NetworkConfiguration(
      cell: cell, input: .tokens(count: symbolCount + 1, width: embeddingWidth),
      layerCount: layerCount, hiddenWidth: hiddenWidth, outputCount: symbolCount, isTied: isTied,
      hasBiases: hasBiases)
  }

  /// The input token at which every layer's state is set to zero first: the start symbol `<s>`, the
  /// row after those of the outputs. Nothing for networks without such a row.
  public var startToken: UInt32? {
    if case .tokens(let count, _) = input, count > outputCount { return UInt32(outputCount) }
    return nil
  }

  /// Width of the vector that enters a layer.
  public func inputWidth(ofLayer layer: Int) -> Int { layer == 0 ? input.width : hiddenWidth }

  /// Numbers of state per layer and sequence: h, and for the LSTM c beside it.
  public var stateWidth: Int { cell == .lstm ? 2 * hiddenWidth : hiddenWidth }
}
