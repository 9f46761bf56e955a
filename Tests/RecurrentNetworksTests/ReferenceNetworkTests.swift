// SPDX-License-Identifier: Apache-2.0

import Optimization
import RecurrentNetworks
import Testing

typealias Cell = NetworkConfiguration.Cell

/// What a gradient is checked on: a case of configuration and of what is dropped.
struct GradientCase: Sendable, CustomTestStringConvertible {
  var cell: Cell
  var isTied = false
  var hasBiases = true
  var isLocked = false
  var drops = false

  var testDescription: String {
    "\(cell)\(isTied ? " tied" : "")\(hasBiases ? "" : " without biases")"
      + (drops ? isLocked ? " locked dropout" : " dropout" : "")
  }

  static let all: [GradientCase] = Cell.allCases.flatMap { cell in
    [
      GradientCase(cell: cell), GradientCase(cell: cell, isTied: true),
      GradientCase(cell: cell, hasBiases: false), GradientCase(cell: cell, drops: true),
      GradientCase(cell: cell, isTied: true, isLocked: true, drops: true),
    ]
  }

  var configuration: NetworkConfiguration {
    .languageModel(
      cell: cell, symbolCount: 5, embeddingWidth: isTied ? 4 : 3, hiddenWidth: 4, layerCount: 2,
      isTied: isTied, hasBiases: hasBiases)
  }

  var masks: DropoutMasks<Double> {
    guard drops else { return DropoutMasks(layerCount: 2) }
    var rates = DropoutRates()
    rates.input = 0.2
    rates.betweenLayers = 0.3
    rates.output = 0.25
    rates.embeddingRows = 0.2
    rates.recurrentWeights = 0.3
    rates.isLocked = isLocked
    return DropoutMasks(rates, configuration, stepCount: 4, laneCount: 2, seed: 7, step: 3)
  }

  /// Four steps of two lanes; one lane begins a new record in the middle, one step has no target.
  var window: TrainingWindow {
    TrainingWindow(
      stepCount: 4, laneCount: 2, inputs: [0, 1, 4, 2, 5, 3, 1, 2],
      targets: [4, 2, TrainingWindow.noTarget, 0, 1, 2, 3, 4])
  }

  /// A state that is not zero, as if carried from an earlier window.
  var state: NetworkState<Double> {
    var state = NetworkState<Double>(configuration, laneCount: 2)
    for layer in state.hidden.indices {
      for index in state.hidden[layer].indices {
        state.hidden[layer][index] = 0.1 * Double(index + layer) - 0.3
        if cell == .lstm { state.cell[layer][index] = 0.2 * Double(index) - 0.7 }
      }
    }
    return state
  }
}

@Suite struct ReferenceNetworkTests {
  @Test("every parameter's gradient is that of central differences", arguments: GradientCase.all)
  func gradient(_ example: GradientCase) {
    let parameters: [Double] = Initialisation(range: 0.6).parameters(
      of: example.configuration, seed: 11)
    let network = ReferenceNetwork(example.configuration, parameters: parameters)
    var state = example.state
    let masks = example.masks
    _ = network.backpropagate(example.window, from: &state, masks: masks)
    let gradient = Array(network.gradient)
    // Step 1e-5: truncation and rounding both stay near 1e-10 of values around 0.1.
    let step = 1e-5
    func meanLoss() -> Double {
      var state = example.state
      let loss = network.backpropagate(example.window, from: &state, masks: masks)
      return loss.nats / Double(loss.targetCount)
    }
    for tensor in network.layout.tensors {
      let norm = gradient[tensor.range].reduce(0) { $0 + $1 * $1 }.squareRoot()
      var difference = 0.0
      for index in tensor.range {
        let original = network.parameters[index]
        network.parameters[index] = original + step
        let above = meanLoss()
        network.parameters[index] = original - step
        let below = meanLoss()
        network.parameters[index] = original
        let measured = (above - below) / (2 * step)
        difference += (measured - gradient[index]) * (measured - gradient[index])
      }
      #expect(difference.squareRoot() <= 1e-6 * max(norm, 1e-3), "\(tensor.name)")
    }
  }

  @Test("a window cut in two, with the state carried, costs what it costs whole")
  func carriedState() {
    for cell in Cell.allCases {
      let example = GradientCase(cell: cell)
      let network = ReferenceNetwork(
        example.configuration,
        parameters: Initialisation(range: 0.6).parameters(
          of: example.configuration, seed: 3, as: Double.self))
      let window = example.window
      var state = example.state
      let whole = network.loss(of: window, from: &state)
      var carried = example.state
      var parts = 0.0
      for half in [0..<4, 4..<8] {
        parts +=
          network.loss(
            of: TrainingWindow(
              stepCount: 2, laneCount: 2, inputs: Array(window.inputs[half]),
              targets: Array(window.targets[half])), from: &carried
          ).nats
      }
      #expect(abs(parts - whole.nats) < 1e-12)
      #expect(carried == state)
      #expect(whole.targetCount == 7)
    }
  }

  @Test("with an output layer of zero the first loss is exactly ln of the number of outputs")
  func firstLoss() {
    let configuration = NetworkConfiguration.languageModel(
      symbolCount: 14, embeddingWidth: 16, hiddenWidth: 32)
    let network = ReferenceNetwork<Double>(
      configuration,
      parameters: Initialisation(hasZeroOutput: true).parameters(of: configuration, seed: 1))
    var state = NetworkState<Double>(configuration, laneCount: 1)
    let loss = network.loss(
      of: TrainingWindow(stepCount: 3, laneCount: 1, inputs: [14, 3, 2], targets: [3, 2, 0]),
      from: &state)
    #expect(abs(loss.nats / 3 - 2.6390573296) < 1e-9)
  }
}
