// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Optimization
import RecurrentNetworks
import Testing

@Suite struct MemoryNeedTests {
  @Test(
    "parameters are counted as they are laid out", arguments: NetworkConfiguration.Cell.allCases)
  func parameters(cell: NetworkConfiguration.Cell) {
    for (layers, isTied, hasBiases) in [(1, false, true), (3, false, false), (2, true, true)] {
      let configuration = NetworkConfiguration.languageModel(
        cell: cell, symbolCount: 11, embeddingWidth: isTied ? 8 : 5, hiddenWidth: 8,
        layerCount: layers, isTied: isTied, hasBiases: hasBiases)
      #expect(configuration.parameterTotal == Double(ParameterLayout(configuration).count))
    }
    let labeller = NetworkConfiguration(
      cell: cell, input: .columns(width: 2), hiddenWidth: 16, outputCount: 1, output: .logistic)
    #expect(labeller.parameterTotal == Double(ParameterLayout(labeller).count))
  }

  @Test("a network beyond the machine, and beyond an Int, is refused with the bytes it wants")
  func refused() throws {
    let data = try trainingData("a b\n")
    for (width, layers) in [(1 << 17, 2), (1 << 20, 1 << 20)] {
      let configuration = NetworkConfiguration.languageModel(
        symbolCount: data.table.count, embeddingWidth: width, hiddenWidth: width,
        layerCount: layers)
      let error = #expect(throws: StreamError.self) {
        try TrainingOptions().requireMemory(for: configuration, on: data)
      }
      // Four matrices of 4H x H in two layers of an LSTM: weights, gradients and Adam's two means.
      let bytes = 16 * 4 * 2 * Double(layers) * Double(width) * Double(width)
      let need = TrainingOptions().memoryNeed(of: configuration, on: data)
      #expect(need > bytes && need < 1.001 * bytes)
      #expect(
        "\(error!)".contains(width == 1 << 17 ? " want \(Int(need)) bytes of " : " want \(need) "))
    }
  }
}
