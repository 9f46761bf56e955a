// SPDX-License-Identifier: Apache-2.0

/// Where each tensor of a network lies in its one flat block of parameters, under PyTorch's names.
///
///     encoder.weight      [inputs, E]       absent when columns are read
///     rnn.weight_ih_l0    [gates·H, E]      later layers [gates·H, H]
///     rnn.weight_hh_l0    [gates·H, H]
///     rnn.bias_ih_l0      [gates·H]         both biases exist; they are added
///     rnn.bias_hh_l0      [gates·H]         (GRU: b_hn stays inside the reset product)
///     decoder.weight      [outputs, H]      absent when tied
///     decoder.bias        [outputs]
///
/// Rows of the gates: LSTM i, f, g, o; GRU r, z, n. Row-major. Gradients, moments of the optimiser
/// and averages are blocks of the same layout.
public struct ParameterLayout: Hashable, Sendable {
  /// One tensor: `count` numbers from `offset` on.
  public struct Tensor: Hashable, Sendable {
    public let name: String
    /// [rows, columns] of a matrix, [count] of a bias.
    public let shape: [Int]
    public let offset: Int

    public var count: Int { shape.reduce(1, *) }
    public var range: Range<Int> { offset..<offset + count }
  }

  /// The tensors of one layer.
  public struct Layer: Hashable, Sendable {
    /// [gates·H, width of the layer's input]
    public let inputWeights: Tensor
    /// [gates·H, H]
    public let recurrentWeights: Tensor
    /// [gates·H]
    public let inputBias: Tensor?
    /// [gates·H]
    public let recurrentBias: Tensor?
  }

  /// [inputs, E]
  public let embedding: Tensor?
  public let layers: [Layer]
  /// [outputs, H]; when tied, the first rows of the embedding.
  public let outputWeights: Tensor
  /// [outputs]
  public let outputBias: Tensor?
  /// Every tensor once, in the order of the block.
  public let tensors: [Tensor]
  /// Parameters in all.
  public let count: Int

  public init(_ configuration: NetworkConfiguration) {
    var tensors: [Tensor] = []
    var count = 0
    func place(_ name: String, _ shape: Int...) -> Tensor {
      let tensor = Tensor(name: name, shape: shape, offset: count)
      tensors.append(tensor)
      count += tensor.count
      return tensor
    }
    let rows = configuration.cell.gateCount * configuration.hiddenWidth
    let width = configuration.hiddenWidth
    let hasBiases = configuration.hasBiases
    if case .tokens(let inputCount, let embeddingWidth) = configuration.input {
      embedding = place("encoder.weight", inputCount, embeddingWidth)
    } else {
      embedding = nil
    }
    layers = (0..<configuration.layerCount).map { layer in
      Layer(
        inputWeights: place(
          "rnn.weight_ih_l\(layer)", rows, configuration.inputWidth(ofLayer: layer)),
        recurrentWeights: place("rnn.weight_hh_l\(layer)", rows, width),
        inputBias: hasBiases ? place("rnn.bias_ih_l\(layer)", rows) : nil,
        recurrentBias: hasBiases ? place("rnn.bias_hh_l\(layer)", rows) : nil)
    }
    if configuration.isTied, let embedding {
      outputWeights = Tensor(
        name: embedding.name, shape: [configuration.outputCount, width], offset: embedding.offset)
    } else {
      outputWeights = place("decoder.weight", configuration.outputCount, width)
    }
    outputBias = hasBiases ? place("decoder.bias", configuration.outputCount) : nil
    self.tensors = tensors
    self.count = count
  }
}
