// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import LanguageModel
import LinearAlgebra
import Optimization
import RecurrentNetworks
import TokenStreams

/// Speed of one network: prints tokens (or steps of the beam) per second of wall time and of CPU time
/// in the fastest round, and the instruction set.
///
///     network-benchmark train lstm 2 256 32 128 65 2 10 table
///     network-benchmark generate lstm 2 256 10 100 65 2 10
///
/// The numbers: layers, hidden width, sequences side by side, steps, symbols, threads, rounds. `plain`
/// trains without the table of layer 0. `recurrent_networks.py` runs this beside PyTorch.
@main struct NetworkBenchmark {
  let configuration: NetworkConfiguration
  let lanes: Int
  let steps: Int
  let symbols: Int
  let team: Team
  let parameters: [Float]

  static func main() throws {
    let words = CommandLine.arguments.dropFirst()
    let numbers = words.compactMap { Int($0) }
    guard words.count >= 9, numbers.count == 7,
      let cell = NetworkConfiguration.Cell(rawValue: words[words.startIndex + 1])
    else { throw StreamError(.none, "wrong arguments", advice: "see the source") }
    let benchmark = try NetworkBenchmark(cell, numbers)
    let round =
      try words.first == "train"
      ? benchmark.training(usesTable: words.last != "plain") : benchmark.generation()
    let count = words.first == "train" ? numbers[2] * numbers[3] : numbers[3]
    var (wall, processor) = (Double.infinity, Double.infinity)
    round()
    for _ in 0..<numbers[6] {
      let start = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
      round()
      wall = min(wall, seconds(CLOCK_MONOTONIC) - start.0)
      processor = min(processor, seconds(CLOCK_PROCESS_CPUTIME_ID) - start.1)
    }
    print(
      Int(Double(count) / wall), Int(Double(count) / processor),
      benchmark.team.instructionSet.name)
  }

  init(_ cell: NetworkConfiguration.Cell, _ numbers: [Int]) throws {
    (lanes, steps, symbols) = (numbers[2], numbers[3], numbers[4])
    configuration = NetworkConfiguration(
      cell: cell, input: .tokens(count: symbols, width: numbers[1]), layerCount: numbers[0],
      hiddenWidth: numbers[1], outputCount: symbols)
    team = Team(count: numbers[5], instructionSet: try InstructionSet.chosen())
    parameters = Initialisation(range: 0.05).parameters(of: configuration, seed: 1)
  }

  /// Forward, backward, clip, Adam on one window.
  private func training(usesTable: Bool) -> () -> Void {
    let network = FastNetwork(
      configuration, parameters: parameters, team: team, usesTable: usesTable)
    var optimiser = Optimiser<Float>(OptimiserSettings(.adam), parameterCount: parameters.count)
    var state = NetworkState<Float>(configuration, laneCount: lanes)
    let masks = DropoutMasks<Float>(layerCount: configuration.layerCount)
    var random = SystemRandomNumberGenerator()
    func tokens() -> [UInt32] {
      (0..<lanes * steps).map { _ in UInt32.random(in: 0..<UInt32(symbols), using: &random) }
    }
    let window = TrainingWindow(
      stepCount: steps, laneCount: lanes, inputs: tokens(), targets: tokens())
    return {
      _ = network.backpropagate(window, from: &state, masks: masks)
      let scale = clippingScale(norm: network.gradientNorm(), limit: 1)
      network.update(by: &optimiser, rate: 1e-3, gradientScale: scale)
    }
  }

  /// As `sample` and `beam` do it: rows of log-probabilities, a token for each, the next states.
  private func generation() throws -> () -> Void {
    let spellings = (0..<symbols).map { Array(($0 == 0 ? "</s>" : "w\($0)").utf8) }
    let model = try RecurrentModel(
      RecurrentModelFile(
        configuration: configuration, parameters: parameters,
        table: SymbolTable(spellings: spellings), mode: .continuous),
      threads: team.count)
    var states = Array(repeating: model.start, count: lanes)
    let width = model.vocabulary.count
    var rows = [Double](repeating: 0, count: lanes * width)
    return {
      for _ in 0..<steps {
        rows.withUnsafeMutableBufferPointer {
          var span = MutableSpan(_unsafeElements: $0)
          model.logProbabilities(after: states, into: &span)
        }
        let tokens = states.indices.map { lane in
          rows[lane * width..<(lane + 1) * width].indices.max { rows[$0] < rows[$1] }!
            - lane * width
        }
        model.advance(&states, with: tokens.map { UInt32($0) })
      }
    }
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
