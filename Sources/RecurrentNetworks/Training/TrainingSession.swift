// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import LinearAlgebra
public import MessagePassing
public import Optimization
internal import TensorFiles

/// The training of a language model with what surrounds it: a log, words for people, checkpoints, the
/// wish to stop, and processes that share the work.
public struct TrainingSession {
  /// The processes that share the work. They take the same steps; the first alone writes and speaks.
  public var ranks: Communicator?
  /// Where it is kept how far training has come.
  public var checkpoint: String?
  /// Whether to go on from there, if the file exists.
  public var resumes = false
  /// Steps between two reports.
  public var reportInterval = 100
  /// Opens the log, which is told whether what it holds is continued.
  public var openLog: (_ isContinued: Bool) throws -> ((TrainingReport) throws -> Void)? = { _ in
    nil
  }
  /// Is given a line for people now and then.
  public var note: (String) -> Void = { _ in }
  /// Is given where training stands after every step.
  public var show: (_ status: () -> String) -> Void = { _ in }
  /// Asked after every step.
  public var shouldStop: () -> Bool = { false }

  public init() {}

  private var leads: Bool { ranks.map { $0.rank == 0 } ?? true }

  /// Trains a network from its beginning, or from the checkpoint; nothing if it was told to stop, here
  /// or in another process.
  ///
  /// - Throws: `StreamError` when training takes more memory than there is, for a checkpoint of another
  ///   training, and when the loss is no number any more; and what the closures throw.
  public func run(
    _ configuration: NetworkConfiguration, from initialisation: Initialisation,
    on data: TrainingData, options: TrainingOptions, team: Team
  ) throws -> RecurrentModelFile? {
    try options.requireMemory(for: configuration, on: data)
    let network = FastNetwork(
      configuration, parameters: initialisation.parameters(of: configuration, seed: options.seed),
      team: team)
    let parameters =
      if let ranks {
        try train(ShardedNetwork(network, among: ranks), data, options)
      } else {
        try train(network, data, options)
      }
    return parameters.map {
      RecurrentModelFile(
        configuration: configuration, parameters: $0, table: data.table, mode: options.mode)
    }
  }

  private func train(
    _ network: some TrainableNetwork<Float>, _ data: TrainingData, _ options: TrainingOptions
  ) throws -> [Float]? {
    // All processes go by the clock of the first, which they learn after each step.
    var clock = ranks?.gathered(Machine.seconds())[0]
    let saved = try savedCheckpoint(for: network, data, options)
    let trainer = try Trainer(
      network, data: data, options: options, resuming: saved, now: { clock ?? Machine.seconds() })
    if leads { note(trainer.introduction) }
    let log = leads ? try openLog(saved != nil) : nil
    let written = leads ? checkpoint : nil
    let end = try trainer.run(
      reportEvery: reportInterval,
      report: { report in
        try log?(report)
        if leads, let evaluation = report.evaluation { note(evaluation) }
      },
      saveTo: written.map { path in { () throws(StreamError) in try .file(path) } },
      shouldStop: {
        if leads { show { trainer.status } }
        let isRequested = shouldStop()
        guard let ranks else { return isRequested }
        clock = ranks.gathered(Machine.seconds())[0]
        return ranks.gathered(isRequested ? 1 : 0).contains(1)
      })
    guard end != .interrupted else { return nil }
    if leads { note(trainer.status) }
    return trainer.takeResult()
  }

  private func savedCheckpoint(
    for network: some TrainableNetwork<Float>, _ data: TrainingData, _ options: TrainingOptions
  ) throws -> Checkpoint<Float>? {
    guard resumes, let checkpoint, access(checkpoint, F_OK) == 0 else { return nil }
    return try Checkpoint(TensorFile(path: checkpoint), for: network, data: data, options: options)
  }
}
