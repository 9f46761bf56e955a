// SPDX-License-Identifier: Apache-2.0

/// A network that reads one symbol at a time for several sequences at once: what generating and
/// scoring need, without anything kept for a way back.
final class SteppingNetwork: @unchecked Sendable {
  // Nothing is written after the initialiser: sharing between threads is safe.
  private let network: ReferenceNetwork<Float>

  init(_ configuration: NetworkConfiguration, parameters: [Float]) {
    network = ReferenceNetwork(configuration, parameters: parameters)
  }

  /// Moves every state on by its symbol (a row of the embedding).
  func advance(_ states: inout [RecurrentModel.State], with symbols: [UInt32]) {
    for index in states.indices {
      var state = unpacked(states[index])
      _ = network.logits(
        of: TrainingWindow(
          stepCount: 1, laneCount: 1, inputs: [symbols[index]],
          targets: [TrainingWindow.noTarget]), from: &state)
      states[index] = RecurrentModel.State(
        values: state.hidden.flatMap { $0 } + state.cell.flatMap { $0 })
    }
  }

  /// The distributions of the next symbol, [states, outputs], nats.
  func logProbabilities(after states: [RecurrentModel.State]) -> [Float] {
    states.flatMap { state in
      var logits = network.logits(of: unpacked(state).hidden.last!)
      return softmax(&logits)
    }
  }

  private func unpacked(_ state: RecurrentModel.State) -> NetworkState<Float> {
    let configuration = network.configuration
    let width = configuration.hiddenWidth
    var unpacked = NetworkState<Float>(configuration, laneCount: 1)
    for layer in unpacked.hidden.indices {
      unpacked.hidden[layer] = Array(state.values[layer * width..<(layer + 1) * width])
    }
    for layer in unpacked.cell.indices {
      let start = (configuration.layerCount + layer) * width
      unpacked.cell[layer] = Array(state.values[start..<start + width])
    }
    return unpacked
  }
}
