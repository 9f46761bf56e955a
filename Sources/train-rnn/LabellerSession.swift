// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import RecurrentNetworks

/// What a labeller's outputs are trained to.
enum LabellerLoss: String, ExpressibleByArgument, CaseIterable {
  case crossEntropy = "cross-entropy"
  case squared
}

/// The training of a labeller, with its log.
struct LabellerSession {
  let command: TrainRnn

  func train() throws -> RecurrentModelFile {
    let records = try ColumnRecord.all(
      RecordReader(paths: command.input.files, terminator: command.input.terminator))
    guard let first = records.first else {
      throw StreamError(
        .none, "no records to train on", advice: "write columns, a TAB, and targets")
    }
    let configuration = command.network.transducer(
      inputs: first.columns[0].count, outputs: max(1, first.targets.first?.count ?? 0),
      isSquared: command.loss == .squared)
    let options = command.training.options(seed: command.seed.seed, defaultEpochs: 10)
    let training = try LabellerTraining(
      records, configuration: configuration,
      parameters: command.network.initialisation.parameters(
        of: configuration, seed: command.seed.seed), options: options)
    let log = try command.log.map { try LineLog(path: $0) }
    try log?.write(line: "step\tepoch\ttargets\tloss_bits\tgradient_norm\trate")
    let progress = command.verbosity.progress("training")
    defer { progress.finish() }
    return try training.run(
      isReported: { $0 == 1 || $0 % command.logEvery == 0 },
      report: { report in
        progress.update { _ in "epoch \(report.epoch), step \(report.step)" }
        try log?.write(
          line: [
            "\(report.step)", "\(report.epoch)", "\(report.targetCount)",
            rounded(bits(report.nats), 6), rounded(report.gradientNorm, 6), rounded(report.rate, 8),
          ].joined(separator: "\t"))
      })
  }
}
