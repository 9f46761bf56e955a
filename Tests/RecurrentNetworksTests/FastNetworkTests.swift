// SPDX-License-Identifier: Apache-2.0

import LinearAlgebra
import Optimization
import RecurrentNetworks
import TestSupport
import Testing

/// The fast network against the definition in Double.
@Suite struct FastNetworkTests {
  /// A network with its window and masks, of odd sizes, drawn from a seed.
  private struct Example {
    var configuration: NetworkConfiguration
    var window: TrainingWindow
    var masks: DropoutMasks<Double>
    var parameters: [Double]
    var state: NetworkState<Double>

    init(cell: Cell, seed: UInt64) {
      var random = SeededGenerator(seed: seed)
      let isTied = Bool.random(using: &random)
      let hidden = Int.random(in: 1...37, using: &random)
      let symbols = Int.random(in: 2...40, using: &random)
      configuration = .languageModel(
        cell: cell, symbolCount: symbols,
        embeddingWidth: isTied ? hidden : Int.random(in: 1...20, using: &random),
        hiddenWidth: hidden, layerCount: Int.random(in: 1...3, using: &random), isTied: isTied,
        hasBiases: Int.random(in: 0..<4, using: &random) > 0)
      let (steps, lanes) = (
        Int.random(in: 1...6, using: &random), Int.random(in: 1...8, using: &random)
      )
      let withStarts = Bool.random(using: &random)
      window = TrainingWindow(
        stepCount: steps, laneCount: lanes,
        inputs: (0..<steps * lanes).map { _ in
          UInt32.random(in: 0...UInt32(withStarts ? symbols : symbols - 1), using: &random)
        },
        targets: (0..<steps * lanes).map { _ in
          Int.random(in: 0..<6, using: &random) == 0
            ? TrainingWindow.noTarget : UInt32.random(in: 0..<UInt32(symbols), using: &random)
        })
      var rates = DropoutRates()
      if Bool.random(using: &random) {
        rates.input = [0, 0.2].randomElement(using: &random)!
        rates.betweenLayers = 0.3
        rates.output = 0.25
        rates.embeddingRows = [0, 0.2].randomElement(using: &random)!
        rates.recurrentWeights = [0, 0.3].randomElement(using: &random)!
        rates.isLocked = Bool.random(using: &random)
      }
      masks = DropoutMasks(
        rates, configuration, stepCount: steps, laneCount: lanes, seed: seed, step: 1)
      parameters = Initialisation(range: 0.4).parameters(of: configuration, seed: seed)
      state = NetworkState(configuration, laneCount: lanes)
      for layer in state.hidden.indices {
        for index in state.hidden[layer].indices {
          state.hidden[layer][index] = Double.random(in: -0.5...0.5, using: &random)
          if cell == .lstm { state.cell[layer][index] = Double.random(in: -1...1, using: &random) }
        }
      }
    }

    func fast(_ team: Team, usesTable: Bool = true) -> FastNetwork {
      FastNetwork(
        configuration, parameters: parameters.map { Float($0) }, team: team, usesTable: usesTable)
    }
  }

  /// Loss, gradient and last state of one window.
  private struct Result<Scalar: BinaryFloatingPoint & Sendable>: Equatable {
    var loss: WindowLoss
    var gradient: [Scalar]
    var state: NetworkState<Scalar>

    init(
      _ network: some TrainableNetwork<Scalar>, _ window: TrainingWindow,
      from state: NetworkState<Scalar>, masks: DropoutMasks<Scalar>
    ) {
      var state = state
      loss = network.backpropagate(window, from: &state, masks: masks)
      gradient = Array(network.gradient)
      self.state = state
    }
  }

  @Test(
    "loss, gradients and states are those of the reference in Double", arguments: Cell.allCases)
  func reference(_ cell: Cell) {
    let teams = InstructionSet.available.map { Team(count: 2, instructionSet: $0) }
    for seed in 1...8 as ClosedRange<UInt64> {
      let example = Example(cell: cell, seed: seed)
      let slow = ReferenceNetwork(example.configuration, parameters: example.parameters)
      let expected = Result(slow, example.window, from: example.state, masks: example.masks)
      var slowState = example.state
      let slowLoss = slow.loss(of: example.window, from: &slowState)
      for (team, usesTable) in teams.flatMap({ [($0, true), ($0, false)] }) {
        let network = example.fast(team, usesTable: usesTable)
        let result = Result(
          network, example.window, from: example.state.float, masks: example.masks.float)
        #expect(result.loss.targetCount == expected.loss.targetCount)
        // Float carries 6e-8 a number; the loss is a sum of ten to a hundred of about 3.
        #expect(abs(result.loss.nats - expected.loss.nats) <= 1e-6 * (1 + expected.loss.nats))
        for tensor in network.layout.tensors {
          let exact = expected.gradient[tensor.range]
          let error = norm(zip(exact, result.gradient[tensor.range]).map { $0 - Double($1) })
          // Sums of about a hundred products, each with errors of 1e-7 from the activations.
          #expect(error <= 1e-5 * norm(Array(exact)) + 1e-8, "\(seed) \(tensor.name)")
        }
        let hidden = zip(result.state.hidden.joined(), expected.state.hidden.joined())
        // Rectified units may be large.
        #expect(hidden.allSatisfy { abs(Double($0) - $1) < 3e-6 * max(1, abs($1)) })
        let cells = zip(result.state.cell.joined(), expected.state.cell.joined())
        #expect(cells.allSatisfy { abs(Double($0) - $1) < 1e-5 })
        var state = example.state.float
        let evaluated = network.loss(of: example.window, from: &state)
        #expect(abs(evaluated.nats - slowLoss.nats) <= 1e-6 * (1 + slowLoss.nats))
      }
    }
  }

  @Test(
    "one, two, three and seven threads give the same bits, window after window",
    arguments: InstructionSet.available, Cell.allCases)
  func threads(_ level: InstructionSet, _ cell: Cell) {
    for seed in 20...24 as ClosedRange<UInt64> {
      let example = Example(cell: cell, seed: seed)
      var golden: [Result<Float>] = []
      for count in [1, 2, 3, 7] {
        let network = example.fast(Team(count: count, instructionSet: level))
        var results: [Result<Float>] = []
        var optimiser = Optimiser<Float>(
          OptimiserSettings(.adam), parameterCount: network.layout.count)
        var state = example.state.float
        for _ in 0..<3 {
          results.append(
            Result(network, example.window, from: state, masks: example.masks.float))
          state = results.last!.state
          network.update(
            by: &optimiser, rate: 0.01, gradientScale: 1 / max(1, network.gradientNorm()))
        }
        if golden.isEmpty { golden = results }
        #expect(results == golden)
      }
      #expect(golden[0] != golden[1])
    }
  }

  @Test(
    "every optimiser steps as its definition does",
    arguments: InstructionSet.available, OptimiserSettings.Method.allCases)
  func update(_ level: InstructionSet, _ method: OptimiserSettings.Method) {
    let example = Example(cell: .gru, seed: 3)
    let team = Team(count: 2, instructionSet: level)
    let fast = example.fast(team)
    let slow = ReferenceNetwork(example.configuration, parameters: Array(fast.parameters))
    var settings = OptimiserSettings(method)
    settings.weightDecay = 0.02
    var fastOptimiser = Optimiser<Float>(settings, parameterCount: fast.layout.count)
    var slowOptimiser = fastOptimiser
    for step in 1...4 {
      for index in fast.gradient.indices {
        fast.gradient[index] = Float((index * step) % 101 - 50) / 64
        slow.gradient[index] = fast.gradient[index]
      }
      #expect(abs(fast.gradientNorm() - slow.gradientNorm()) < 1e-6 * slow.gradientNorm())
      fast.update(by: &fastOptimiser, rate: 0.01, gradientScale: 0.5)
      slow.update(by: &slowOptimiser, rate: 0.01, gradientScale: 0.5)
      // A step is at most about 0.01; where β2 is near 1, Float has four digits of 1 - β2.
      #expect(
        zip(fast.parameters, slow.parameters).allSatisfy { abs($0 - $1) < 4e-6 }, "step \(step)")
    }
    #expect(fastOptimiser.stepNumber == slowOptimiser.stepNumber)
  }

  private func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

extension NetworkState<Double> {
  /// The nearest in Float.
  fileprivate var float: NetworkState<Float> {
    var state = NetworkState<Float>(
      .languageModel(symbolCount: 1, embeddingWidth: 1, hiddenWidth: 1), laneCount: laneCount)
    state.hidden = hidden.map { $0.map { Float($0) } }
    state.cell = cell.map { $0.map { Float($0) } }
    return state
  }
}

extension DropoutMasks<Double> {
  fileprivate var float: DropoutMasks<Float> {
    var masks = DropoutMasks<Float>(layerCount: layers.count)
    masks.rowCount = rowCount
    masks.input = input.map { $0.map { Float($0) } }
    masks.layers = layers.map { $0.map { $0.map { Float($0) } } }
    masks.embeddingRows = embeddingRows.map { $0.map { Float($0) } }
    masks.recurrentWeights = recurrentWeights.map { $0.map { $0.map { Float($0) } } }
    return masks
  }
}
