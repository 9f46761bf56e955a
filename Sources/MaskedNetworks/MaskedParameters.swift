// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import Probability

/// Where each weight of a masked network lies in one flat block, and which of them exist.
public struct MaskedLayout: Sendable {
  /// A matrix or vector of the block.
  public struct Tensor: Sendable {
    public let name: String
    public let shape: [Int]
    public let offset: Int
    public var count: Int { shape.reduce(1, *) }
    public var range: Range<Int> { offset..<offset + count }
  }

  public let configuration: MaskedConfiguration
  /// [hidden, input] and [hidden]; absent without a hidden layer.
  public let hiddenWeight: Tensor?
  public let hiddenBias: Tensor?
  /// [output, hidden]; absent without a hidden layer.
  public let outputWeight: Tensor?
  /// [output, input]; absent when the configuration has no direct links.
  public let directWeight: Tensor?
  /// [output].
  public let outputBias: Tensor
  /// Numbers in the block, those that do not exist included: they are zero.
  public let count: Int

  public init(_ configuration: MaskedConfiguration) {
    self.configuration = configuration
    var end = 0
    func place(_ name: String, _ shape: [Int]) -> Tensor {
      defer { end += shape.reduce(1, *) }
      return Tensor(name: name, shape: shape, offset: end)
    }
    let hidden = configuration.hiddenWidth
    let input = configuration.inputCount
    let output = configuration.outputCount
    hiddenWeight = hidden > 0 ? place("hidden.weight", [hidden, input]) : nil
    hiddenBias = hidden > 0 ? place("hidden.bias", [hidden]) : nil
    outputWeight = hidden > 0 ? place("output.weight", [output, hidden]) : nil
    directWeight = configuration.hasDirectLinks ? place("direct.weight", [output, input]) : nil
    outputBias = place("output.bias", [output])
    count = end
  }

  /// The tensors in the order of the block.
  public var tensors: [Tensor] {
    [hiddenWeight, hiddenBias, outputWeight, directWeight, outputBias].compactMap { $0 }
  }

  /// 1 for each number that exists, 0 for each that the mask forbids.
  public var mask: [Float] {
    var mask = [Float](repeating: 1, count: count)
    func clear(_ tensor: Tensor?, where isForbidden: (Int, Int) -> Bool) {
      guard let tensor else { return }
      for row in 0..<tensor.shape[0] {
        for column in 0..<tensor.shape[1] where isForbidden(row, column) {
          mask[tensor.offset + row * tensor.shape[1] + column] = 0
        }
      }
    }
    clear(hiddenWeight) { !configuration.hiddenSees($0, $1) }
    clear(outputWeight) { !configuration.outputSees($0, hidden: $1) }
    clear(directWeight) { !configuration.outputSees($0, input: $1) }
    return mask
  }

  /// Parameters that exist: what `--describe` counts.
  public var parameterCount: Int { mask.reduce(0) { $0 + Int($1) } }

  /// Weights of hidden units uniform in ±1/√(inputs), all others zero: the first loss is that of
  /// symbols drawn evenly.
  public func initialParameters(random: RandomNumbers) -> [Float] {
    var block = [Float](repeating: 0, count: count)
    func fill(_ tensor: Tensor?, bound: Double) {
      guard let tensor else { return }
      for index in tensor.range {
        block[index] = Float(bound * (2 * random.uniform(record: 0, step: UInt64(index)) - 1))
      }
    }
    fill(hiddenWeight, bound: 1 / Double(configuration.inputCount).squareRoot())
    // A hidden layer that nothing links past needs weights behind it to learn anything at all.
    if !configuration.hasDirectLinks {
      fill(outputWeight, bound: 1 / Double(configuration.hiddenWidth).squareRoot())
    }
    let mask = mask
    for index in block.indices { block[index] *= mask[index] }
    return block
  }
}
