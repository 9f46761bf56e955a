// SPDX-License-Identifier: Apache-2.0

internal import Probability

/// What a network's parameters are before the first step.
public struct Initialisation: Hashable, Sendable {
  /// Every parameter uniform in [-range, range]; nothing for the usual: layers and output uniform in
  /// ±1/√H as in PyTorch, embeddings of unit variance (in ±1/√H when tied).
  public var range: Double?
  /// The output layer is zero, so that the first loss is exactly ln(outputs). Layers below it learn
  /// later then: on characters of plays the loss of two layers lags 80 steps behind.
  public var hasZeroOutput: Bool
  /// Added to the LSTM's forget gate through its input bias, so that it starts out remembering
  /// (Jozefowicz et al. 2015).
  public var forgetBias: Double

  public init(range: Double? = nil, hasZeroOutput: Bool = false, forgetBias: Double = 1) {
    self.range = range
    self.hasZeroOutput = hasZeroOutput
    self.forgetBias = forgetBias
  }

  /// The parameters in the order of the layout; a function of configuration and seed alone.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func parameters<Scalar: BinaryFloatingPoint & Sendable>(
    of configuration: NetworkConfiguration, seed: UInt64, as type: Scalar.Type = Scalar.self
  ) -> [Scalar] {
    let layout = ParameterLayout(configuration)
    let random = RandomNumbers(seed: seed)
    var parameters = [Scalar](repeating: 0, count: layout.count)
    for (number, tensor) in layout.tensors.enumerated() {
      let bound = bound(of: tensor, in: layout, configuration)
      guard bound > 0 else { continue }
      let record = Purpose.initialisation.record(part: number, step: 0)
      var bits = SIMD4<UInt32>()
      for index in 0..<tensor.count {
        // One counter serves four parameters.
        if index % 4 == 0 { bits = random.bits(record: record, step: UInt64(index / 4)) }
        let uniform = (Double(bits[index % 4]) + 0.5) * 0x1p-32
        parameters[tensor.offset + index] = Scalar((2 * uniform - 1) * bound)
      }
    }
    if configuration.cell == .lstm {
      let width = configuration.hiddenWidth
      for case let bias? in layout.layers.map(\.inputBias) {
        for index in width..<2 * width { parameters[bias.offset + index] += Scalar(forgetBias) }
      }
    }
    return parameters
  }

  private func bound(
    of tensor: ParameterLayout.Tensor, in layout: ParameterLayout,
    _ configuration: NetworkConfiguration
  ) -> Double {
    if hasZeroOutput, tensor == layout.outputWeights || tensor == layout.outputBias { return 0 }
    if let range { return range }
    if tensor == layout.embedding, !configuration.isTied { return 3.0.squareRoot() }
    return 1 / Double(configuration.hiddenWidth).squareRoot()
  }
}

/// What a random number is for: a part of the counter, so that no two uses share one.
enum Purpose: UInt64 {
  case initialisation, inputMask, layerMask, embeddingMask, recurrentMask, shuffling

  /// The record of the counter: 8 bits of purpose, 16 of part (a tensor, a layer), 40 of step.
  func record(part: Int, step: Int) -> UInt64 {
    rawValue << 56 | UInt64(part) << 40 | UInt64(step)
  }
}
