// SPDX-License-Identifier: Apache-2.0

import Foundation
import LinearAlgebra
import Optimization
import RecurrentNetworks
import TensorFiles
import TestSupport
import Testing

/// What PyTorch computed on some weights and one batch; see PROVENANCE.md.
private struct Recording {
  let file: TensorFile
  let configuration: NetworkConfiguration
  let window: TrainingWindow
  let layout: ParameterLayout

  init(_ name: String) throws {
    file = try TensorFile(
      path: Scratch.root.appendingPathComponent("Tests/ConformanceTests/Fixtures/\(name)").path)
    let guessed = try RecurrentModelFile(file).configuration
    // Shapes do not tell tanh from relu.
    configuration = NetworkConfiguration(
      cell: name.contains("relu") ? .relu : guessed.cell, input: guessed.input,
      layerCount: guessed.layerCount, hiddenWidth: guessed.hiddenWidth,
      outputCount: guessed.outputCount, isTied: guessed.isTied)
    layout = ParameterLayout(configuration)
    let inputs = file.entry("inputs")!
    window = TrainingWindow(
      stepCount: inputs.shape[0], laneCount: inputs.shape[1],
      inputs: try file.numbers(of: inputs, as: Double.self).map { UInt32($0) },
      targets: try file.numbers(of: file.entry("targets")!, as: Double.self).map { UInt32($0) })
  }

  func numbers<Scalar: BinaryFloatingPoint>(_ name: String) throws -> [Scalar] {
    try file.numbers(of: file.entry(name)!)
  }

  /// The tensors named `prefix` and the layout's names, as one block.
  func block<Scalar: BinaryFloatingPoint>(_ prefix: String = "") throws -> [Scalar] {
    try layout.tensors.flatMap { try numbers(prefix + $0.name) }
  }

  func state<Scalar>() throws -> NetworkState<Scalar> {
    var state = NetworkState<Scalar>(configuration, laneCount: window.laneCount)
    let count = window.laneCount * configuration.hiddenWidth
    let (h, c): ([Scalar], [Scalar]) = (try numbers("h"), try numbers("c"))
    for layer in 0..<configuration.layerCount {
      let range = layer * count..<(layer + 1) * count
      state.hidden[layer] = Array(h[range])
      if configuration.cell == .lstm { state.cell[layer] = Array(c[range]) }
    }
    return state
  }

  /// Holds a network's logits, loss, gradients and one step of Adam against the recording.
  func check<Network: TrainableNetwork>(
    _ network: Network, logits: [Double], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expectedLogits: [Double] = try numbers("logits")
    let worst = zip(logits, expectedLogits).map { abs($0 - $1) }.max()!
    #expect(worst < 1e-5, sourceLocation: sourceLocation)
    var state: NetworkState<Network.Scalar> = try self.state()
    let loss = network.backpropagate(
      window, from: &state, masks: DropoutMasks(layerCount: configuration.layerCount))
    let expectedLoss: [Double] = try numbers("loss")
    #expect(
      abs(loss.nats / Double(loss.targetCount) - expectedLoss[0]) < 1e-6,
      sourceLocation: sourceLocation)
    let gradient: [Double] = try block("gradient.")
    for tensor in layout.tensors {
      let ours = tensor.range.map { Double(network.gradient[$0]) }
      let theirs = tensor.range.map { gradient[$0] }
      let (a, b) = (length(ours), length(theirs))
      #expect(abs(a - b) < 1e-4 * b, "\(tensor.name)", sourceLocation: sourceLocation)
      #expect(
        length(zip(ours, theirs).map { $0 - $1 }) < 1e-4 * b, "\(tensor.name)",
        sourceLocation: sourceLocation)
    }
    var optimiser = Optimiser<Network.Scalar>(
      OptimiserSettings(.adam), parameterCount: layout.count)
    optimiser.update(network.parameters, gradient: network.gradient, rate: 0.01)
    let after: [Double] = try block("adam.")
    for index in after.indices where abs(gradient[index]) > 1e-6 {
      // Adam's first step is the rate times the gradient's sign: rounding of tiny gradients decides.
      #expect(
        abs(Double(network.parameters[index]) - after[index]) < 1e-5,
        sourceLocation: sourceLocation)
    }
  }

  private func length(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

@Suite struct PyTorchTests {
  static let recordings = ["lstm", "gru", "tanh", "relu"].flatMap {
    ["pytorch-\($0).safetensors", "pytorch-\($0)-tied.safetensors"]
  }

  @Test("the definition computes what PyTorch does", arguments: recordings)
  func definition(_ name: String) throws {
    let recording = try Recording(name)
    let network = ReferenceNetwork<Double>(
      recording.configuration, parameters: try recording.block())
    var state: NetworkState<Double> = try recording.state()
    let logits = network.logits(of: recording.window, from: &state)
    try recording.check(network, logits: logits.flatMap { $0 })
  }

  @Test(
    "the fast network computes what PyTorch does", arguments: recordings,
    InstructionSet.available)
  func fast(_ name: String, _ level: InstructionSet) throws {
    let recording = try Recording(name)
    let network = FastNetwork(
      recording.configuration, parameters: try recording.block(),
      team: Team(count: 2, instructionSet: level))
    var state: NetworkState<Float> = try recording.state()
    let logits = network.logits(of: recording.window, from: &state)
    let rows = (0..<logits.rows).flatMap { row in
      (0..<logits.columns).map { Double(logits.row(row)[$0]) }
    }
    try recording.check(network, logits: rows)
  }
}
