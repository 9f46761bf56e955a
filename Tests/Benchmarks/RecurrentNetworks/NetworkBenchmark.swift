// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import LinearAlgebra
import Optimization
import RecurrentNetworks

/// Speed of one network: prints `tokens per second of wall time`, `of CPU time` of the fastest round.
///
///     network-benchmark train lstm 2 256 32 128 65 2 10 table
///
/// (what, cell, layers, hidden width, lanes, steps, symbols, threads, rounds, with the layer-0 table
/// or without). `recurrent_networks.py` runs it beside PyTorch.
@main struct NetworkBenchmark {
  static func main() throws {
    let words = CommandLine.arguments.dropFirst()
    let numbers = words.compactMap { Int($0) }
    let what = words.first!
    let cell = NetworkConfiguration.Cell(rawValue: words.dropFirst().first!)!
    let (layers, width, lanes, steps) = (numbers[0], numbers[1], numbers[2], numbers[3])
    let (symbols, threads, rounds) = (numbers[4], numbers[5], numbers[6])
    let configuration = NetworkConfiguration(
      cell: cell, input: .tokens(count: symbols, width: width), layerCount: layers,
      hiddenWidth: width, outputCount: symbols)
    let team = Team(count: threads, instructionSet: try InstructionSet.chosen())
    let parameters: [Float] = Initialisation(range: 0.05).parameters(of: configuration, seed: 1)
    var random = SystemRandomNumberGenerator()
    func tokens(_ count: Int) -> [UInt32] {
      (0..<count).map { _ in UInt32.random(in: 0..<UInt32(symbols), using: &random) }
    }
    let tokenCount: Int
    let round: () -> Void
    precondition(what == "train")
    let network = FastNetwork(
      configuration, parameters: parameters, team: team, usesTable: words.last != "plain")
    var optimiser = Optimiser<Float>(OptimiserSettings(.adam), parameterCount: parameters.count)
    var state = NetworkState<Float>(configuration, laneCount: lanes)
    let masks = DropoutMasks<Float>(layerCount: layers)
    let window = TrainingWindow(
      stepCount: steps, laneCount: lanes, inputs: tokens(lanes * steps),
      targets: tokens(lanes * steps))
    tokenCount = lanes * steps
    round = {
      _ = network.backpropagate(window, from: &state, masks: masks)
      let scale = clippingScale(norm: network.gradientNorm(), limit: 1)
      network.update(by: &optimiser, rate: 1e-3, gradientScale: scale)
    }
    var (wall, processor) = (Double.infinity, Double.infinity)
    round()
    for _ in 0..<rounds {
      let start = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
      round()
      wall = min(wall, seconds(CLOCK_MONOTONIC) - start.0)
      processor = min(processor, seconds(CLOCK_PROCESS_CPUTIME_ID) - start.1)
    }
    print(
      Int(Double(tokenCount) / wall), Int(Double(tokenCount) / processor),
      team.instructionSet.name)
  }

  static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
