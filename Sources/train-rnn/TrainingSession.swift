// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import FilterSupport
import LinearAlgebra
import RecurrentNetworks
import TensorFiles

/// One training with all that surrounds it: log, progress, checkpoints, signals.
struct TrainingSession {
  let command: TrainRnn
  let data: TrainingData

  /// Trains and gives back the model; dies of the signal that interrupted it.
  func train() throws -> RecurrentModelFile {
    let configuration = command.network.languageModel(symbolCount: data.table.count)
    let options = command.training.options(
      seed: command.seed.seed, defaultEpochs: data.usualEpochCount(command.training.batch))
    let network = FastNetwork(
      configuration,
      parameters: command.network.initialisation.parameters(
        of: configuration, seed: command.seed.seed),
      team: Team(count: command.threads.count, instructionSet: try InstructionSet.chosen()))
    let stop = command.checkpoint.map { _ in StopRequest() }
    let saved = try savedCheckpoint(for: network, options)
    let trainer = try Trainer(
      network, data: data, options: options, resuming: saved, now: Clock.seconds)
    note(trainer, isResumed: saved != nil)
    let log = try command.log.map { try LineLog(path: $0, isContinued: saved != nil) }
    if log?.isEmpty == true { try log?.write(line: TrainingSession.header) }
    let progress = command.verbosity.progress("training")
    var lastSave = Clock.seconds()
    let end = try trainer.run(
      isReported: { $0 == 1 || $0 % command.logEvery == 0 },
      report: { report in
        try log?.write(line: TrainingSession.row(report))
        if let nats = report.validationNats {
          command.verbosity.note(
            "epoch \(report.epoch), step \(report.step): validation "
              + "\(rounded(bits(nats), 4)) bits, \(rounded(nats, 4)) nats")
        }
      },
      checkpoint: { isEvaluation in
        progress.update { _ in TrainingSession.status(trainer) }
        // At evaluations and every minute, so that little is lost to a signal that kills at once.
        if let path = command.checkpoint, isEvaluation || Clock.seconds() - lastSave > 60 {
          try save(trainer, path)
          lastSave = Clock.seconds()
        }
      }, shouldStop: { stop?.isRequested ?? false })
    progress.finish()
    if end == .interrupted, let path = command.checkpoint {
      try save(trainer, path)
      stop?.dieIfRequested()
    }
    command.verbosity.note(TrainingSession.status(trainer))
    return RecurrentModelFile(
      configuration: configuration, parameters: trainer.result, table: data.table,
      mode: options.mode)
  }

  private func savedCheckpoint(
    for network: some TrainableNetwork<Float>, _ options: TrainingOptions
  ) throws -> Checkpoint<Float>? {
    guard command.resume, let path = command.checkpoint, access(path, F_OK) == 0 else { return nil }
    return try Checkpoint(
      TensorFile(path: path), for: network, data: data, options: options)
  }

  private func save(_ trainer: Trainer<some TrainableNetwork>, _ path: String) throws {
    let sink = try ByteSink.file(path)
    try trainer.writeCheckpoint(to: sink)
    try sink.finish()
  }

  private func note(_ trainer: Trainer<some TrainableNetwork>, isResumed: Bool) {
    command.verbosity.note(
      "\(data.trainingRange.count) tokens of \(data.table.count) kinds, "
        + "\(trainer.network.layout.count) parameters"
        + (isResumed ? ", resumed after step \(trainer.progress.step)" : ""))
  }

  static let header =
    "step\tepoch\ttokens\tloss_bits\tvalidation_bits\tgradient_norm\trate\ttokens_per_second"

  private static func row(_ report: TrainingReport) -> String {
    let fields = [
      "\(report.step)", "\(report.epoch)", "\(report.tokenCount)", rounded(bits(report.nats), 6),
      report.validationNats.map { rounded(bits($0), 6) } ?? "", rounded(report.gradientNorm, 6),
      rounded(report.rate, 8), rounded(report.tokensPerSecond, 0),
    ]
    return fields.joined(separator: "\t")
  }

  private static func status(_ trainer: Trainer<some TrainableNetwork>) -> String {
    let progress = trainer.progress
    let speed = Double(progress.tokenCount) / max(progress.seconds, 1e-9)
    return "epoch \(progress.epoch + 1), step \(progress.step), \(Int(speed)) tokens/s"
  }
}

/// Nats as bits.
func bits(_ nats: Double) -> Double { nats / log(2.0) }

/// A number with so many digits after the point.
func rounded(_ number: Double, _ digits: Int) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  withVaList([CInt(digits), number]) { _ = vsnprintf(&buffer, buffer.count, "%.*f", $0) }
  return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}

/// A clock that never goes back.
enum Clock {
  static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
