// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import FilterSupport
import LinearAlgebra
import MessagePassing
import Optimization
import RecurrentNetworks
import TensorFiles

// The two trainings with what surrounds them: log, progress, checkpoints, signals.

extension TrainRnn {
  /// Trains and gives back the model; dies of the signal that interrupted it.
  ///
  /// - ranks: the processes that share the work; one of them writes.
  func trainLanguageModel(
    _ data: TrainingData, among ranks: Communicator?
  ) throws -> RecurrentModelFile {
    let configuration = network.languageModel(symbolCount: data.table.count)
    let options = options(usualEpochCount: data.usualEpochCount(batch:window:))
    let network = FastNetwork(
      configuration, parameters: parameters(of: configuration),
      team: Team(count: threads.count, instructionSet: try InstructionSet.chosen()))
    let parameters =
      if let ranks {
        try train(ShardedNetwork(network, among: ranks), data, options, ranks)
      } else {
        try train(network, data, options, nil)
      }
    return RecurrentModelFile(
      configuration: configuration, parameters: parameters, table: data.table, mode: options.mode)
  }

  private func train(
    _ network: some TrainableNetwork<Float>, _ data: TrainingData, _ options: TrainingOptions,
    _ ranks: Communicator?
  ) throws -> [Float] {
    let leads = ranks.map { $0.rank == 0 } ?? true
    // All processes go by the clock of the first, which they learn after each step.
    var clock = ranks?.gathered(Machine.seconds())[0]
    let stop = running.checkpoint.map { _ in StopRequest() }
    let saved = try savedCheckpoint(for: network, data, options)
    let trainer = try Trainer(
      network, data: data, options: options, resuming: saved, now: { clock ?? Machine.seconds() })
    if leads { verbosity.note(trainer.introduction) }
    let log = leads ? try running.log.open(isContinued: saved != nil) : nil
    let progress = leads ? verbosity.progress("training") : nil
    let checkpoint = leads ? running.checkpoint : nil
    let end = try trainer.run(
      reportEvery: running.logEvery ?? 100,
      report: { report in
        try log?.write(report.row)
        if leads, let evaluation = report.evaluation { verbosity.note(evaluation) }
      },
      saveTo: checkpoint.map { path in { () throws(StreamError) in try .file(path) } },
      shouldStop: {
        progress?.update { _ in trainer.status }
        let isRequested = stop?.isRequested ?? false
        guard let ranks else { return isRequested }
        clock = ranks.gathered(Machine.seconds())[0]
        return ranks.gathered(isRequested ? 1 : 0).contains(1)
      })
    progress?.finish()
    if end == .interrupted {
      stop?.dieIfRequested()
      throw StreamError(.none, "another process was told to stop; go on with --resume")
    }
    if leads { verbosity.note(trainer.status) }
    return trainer.result
  }

  func trainLabeller(_ records: [ColumnRecord]) throws -> RecurrentModelFile {
    let configuration = try network.transducer(of: records, isSquared: labelling.loss == .squared)
    let training = try LabellerTraining(
      records, configuration: configuration, parameters: parameters(of: configuration),
      options: options(usualEpochCount: { _, _ in 10 }), now: Machine.seconds)
    let log = try running.log.open()
    let progress = verbosity.progress("training")
    defer { progress.finish() }
    return try training.run(reportEvery: running.logEvery ?? 100) { report in
      progress.update { _ in "epoch \(report.epoch), step \(report.step)" }
      try log?.write(report.row)
    }
  }

  private func parameters<Scalar: BinaryFloatingPoint & Sendable>(
    of configuration: NetworkConfiguration
  ) -> [Scalar] {
    network.initialisation.parameters(of: configuration, seed: seed.seed)
  }

  private func options(usualEpochCount: (_ batch: Int, _ window: Int) -> Int) -> TrainingOptions {
    var options = TrainingOptions()
    options.mode = data.continuous ? .continuous : .records
    options.laneCount = optimisation.batch ?? options.laneCount
    options.windowSteps = training.window ?? options.windowSteps
    (options.epochLimit, options.stepLimit) = (optimisation.epochs, training.steps)
    options.secondsLimit = training.time?.seconds
    if options.epochLimit == nil, options.stepLimit == nil, options.secondsLimit == nil {
      options.epochLimit = usualEpochCount(options.laneCount, options.windowSteps)
    }
    options.optimiser = optimisation.settings
    options.schedule = optimisation.schedule(defaultRate: options.schedule.rate)
    options.clip = optimisation.clip(default: options.clip)
    options.dropout = training.dropoutRates
    options.averaging = training.average
    (options.evaluationInterval, options.patience) = (training.evaluateEvery, training.patience)
    options.seed = seed.seed
    return options
  }

  private func savedCheckpoint(
    for network: some TrainableNetwork<Float>, _ data: TrainingData, _ options: TrainingOptions
  ) throws -> Checkpoint<Float>? {
    guard running.resume, let path = running.checkpoint, access(path, F_OK) == 0 else {
      return nil
    }
    return try Checkpoint(TensorFile(path: path), for: network, data: data, options: options)
  }
}
