// SPDX-License-Identifier: Apache-2.0

public import Optimization

/// All that training has come to: with data and options, it fixes every later step.
public struct TrainingProgress<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  public internal(set) var optimiser: Optimiser<Scalar>
  public internal(set) var averaging: Averaging<Scalar>
  public internal(set) var schedule: Schedule
  public internal(set) var state: NetworkState<Scalar>
  /// Steps taken, epochs finished, windows of the epoch read.
  public internal(set) var step = 0
  public internal(set) var epoch = 0
  public internal(set) var window = 0
  public internal(set) var tokenCount = 0
  /// Time spent, over all runs.
  public internal(set) var seconds = 0.0
  /// The best evaluation, its parameters, and how many there were since.
  public internal(set) var bestNats = Double.infinity
  public internal(set) var bestParameters: [Scalar] = []
  public internal(set) var evaluationsSinceBest = 0

  init(
    _ network: some TrainableNetwork<Scalar>, _ options: TrainingOptions, laneCount: Int
  ) {
    optimiser = Optimiser(options.optimiser, parameterCount: network.layout.count)
    averaging = Averaging(options.averaging)
    schedule = options.schedule
    state = NetworkState(network.configuration, laneCount: laneCount)
  }
}
