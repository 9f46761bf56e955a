// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
import LinearAlgebra
import MessagePassing
public import RecurrentNetworks
import TensorFiles

extension NetworkConfiguration.Cell: ExpressibleByArgument {}

@main struct TrainRnn: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Train a recurrent network on a token stream.",
    discussion: "Each record is one sequence from <s> to </s>. Writes safetensors with PyTorch's "
      + "names, and all that sample(1) needs to print text.",
    example: "train-rnn --continuous --window 32 --batch 8 --epochs 8 -o m.rnn m.tok")

  @OptionGroup var training: RecurrentTrainingOptions<NetworkConfiguration.Cell>
  @OptionGroup var description: DescriptionOptions
  @OptionGroup var seed: SeedOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var verbosity: VerbosityOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if training.labelling.transduce, threads.threads != nil {
      throw ValidationError("--transduce takes no --threads")
    }
    if description.describe != nil, !input.files.isEmpty {
      throw ValidationError("--describe reads no token stream")
    }
  }

  func run() throws {
    let sink = try output.open()
    if let path = description.describe {
      let file = try RecurrentModelFile(TensorFile(path: path))
      try sink.write(file.summary(unrolledSteps: description.unroll))
    } else if training.labelling.transduce {
      try trainLabeller().write(to: sink)
    } else {
      let ranks = try Communicator.opened(reading: input.files)
      let model = try trainLanguageModel(ranks)
      ranks?.finish()
      // All have the same model; the others' output is dropped.
      if let ranks, ranks.rank > 0 { return }
      try model.write(to: sink)
    }
    try sink.finish()
  }

  private func trainLanguageModel(_ ranks: Communicator?) throws -> RecurrentModelFile {
    let (network, running) = (training.network, training.running)
    let reading = verbosity.progress("reading")
    let data = try TrainingData(
      paths: input.files, validationPath: training.data.validationFile,
      heldOutShare: training.data.heldOutShare ?? 0, minimumCount: training.data.minCount,
      terminator: input.terminator
    ) { reading.update(byteCount: $0) }
    reading.finish()
    let stop = running.checkpoint.map { _ in StopRequest() }
    let progress = verbosity.progress("training")
    defer { progress.finish() }
    var session = TrainingSession()
    (session.ranks, session.reportInterval) = (ranks, running.logEvery ?? 100)
    (session.checkpoint, session.resumes) = (running.checkpoint, running.resume)
    session.openLog = { isContinued in
      try running.log.open(isContinued: isContinued).map { log in { try log.write($0.row) } }
    }
    session.note = { verbosity.note($0) }
    session.show = { status in progress.update { _ in status() } }
    session.shouldStop = { stop?.isRequested ?? false }
    let model = try session.run(
      .languageModel(
        cell: network.cell ?? .lstm, symbolCount: data.table.count,
        embeddingWidth: network.embeddingWidth, hiddenWidth: network.hidden,
        layerCount: network.layers, isTied: network.tied, hasBiases: !network.noBias),
      from: initialisation, on: data,
      options: training.options(seed: seed.seed, usualEpochCount: data.usualEpochCount),
      team: Team(count: threads.count, instructionSet: try InstructionSet.chosen()))
    if let model { return model }
    progress.finish()
    stop?.dieIfRequested()
    throw StreamError(.none, "another process was told to stop; go on with --resume")
  }

  private func trainLabeller() throws -> RecurrentModelFile {
    guard try Communicator.opened() == nil else {
      throw StreamError(.none, "a labeller is trained by one process", advice: "leave out mpirun")
    }
    let records = try ColumnRecord.all(
      RecordReader(paths: input.files, terminator: input.terminator))
    let network = training.network
    let learning = try LabellerTraining(
      records,
      configuration: .labeller(
        cell: network.cell ?? .lstm, of: records, hiddenWidth: network.hidden,
        layerCount: network.layers, isSquared: training.labelling.loss == .squared,
        hasBiases: !network.noBias),
      from: initialisation,
      options: training.options(seed: seed.seed, usualEpochCount: { _, _ in 10 }),
      now: Machine.seconds)
    let log = try training.running.log.open()
    let progress = verbosity.progress("training")
    defer { progress.finish() }
    return try learning.run(reportEvery: training.running.logEvery ?? 100) { report in
      progress.update { _ in "epoch \(report.epoch), step \(report.step)" }
      try log?.write(report.row)
    }
  }

  private var initialisation: Initialisation {
    Initialisation(
      range: training.network.initRange, hasZeroOutput: training.network.zeroOutput,
      forgetBias: training.network.forgetBias)
  }
}
