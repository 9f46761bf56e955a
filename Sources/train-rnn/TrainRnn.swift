// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import MessagePassing
import Optimization
import RecurrentNetworks
import TensorFiles
import TokenStreams

@main struct TrainRnn: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Train a recurrent network on a token stream.",
    discussion: """
      Each record is one sequence from <s> to </s>. Writes safetensors with PyTorch's names, and all \
      that sample(1) needs to print text.
      """,
    example: "train-rnn --continuous --hidden 64 --epochs 2 -o gpl.rnn gpl.tok")

  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Optimisation") var optimisation: OptimisationOptions
  @OptionGroup(title: "Training") var training: TrainingOptionGroup
  @OptionGroup(title: "Labellers") var labelling: LabellerOptions
  @OptionGroup(title: "Running") var running: RunningOptions

  @Option(
    help: ArgumentHelp("Print what a model file holds instead of training.", valueName: "model"))
  var describe: String?

  @Option(help: ArgumentHelp("With --describe: list N copies in time.", valueName: "n"))
  var unroll = 0

  @OptionGroup var seed: SeedOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var verbosity: VerbosityOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if data.valid == nil, optimisation.schedule == .plateau || training.needsValidation {
      throw ValidationError("--patience, --evaluate-every and --schedule plateau need --valid")
    }
    if labelling.transduce { try refuseOptionsOfLanguageModels() }
    if !(0...100_000).contains(unroll) || (unroll > 0 && describe == nil) {
      throw ValidationError("--unroll \(unroll) needs --describe and a number of steps")
    }
    if describe != nil, !input.files.isEmpty {
      throw ValidationError("--describe reads no token stream")
    }
  }

  func run() throws {
    let sink = try output.open()
    let ranks = describe == nil ? try openRanks() : nil
    if let describe {
      let file = try RecurrentModelFile(TensorFile(path: describe))
      try sink.write(file.summary(unrolledSteps: unroll))
    } else if labelling.transduce {
      try trainLabeller(readColumns()).write(to: sink)
    } else {
      let model = try trainLanguageModel(readTokens(), among: ranks)
      ranks?.finish()
      // All have the same model; the others' output is dropped.
      if let ranks, ranks.rank > 0 { return }
      try model.write(to: sink)
    }
    try sink.finish()
  }

  /// The processes of an `mpirun`, which share the work.
  private func openRanks() throws -> Communicator? {
    guard let ranks = try Communicator.opened() else { return nil }
    guard !labelling.transduce else {
      throw StreamError(.none, "a labeller is trained by one process", advice: "leave out mpirun")
    }
    guard !input.files.isEmpty, !input.files.contains("-") else {
      throw StreamError(
        .none, "\(ranks.count) processes cannot share standard input", advice: "give files")
    }
    return ranks
  }

  private func readTokens() throws -> TrainingData {
    let progress = verbosity.progress("reading")
    defer { progress.finish() }
    func reader(_ paths: [String]) -> TokenReader {
      TokenReader(paths: paths, numbering: .growing, terminator: input.terminator)
    }
    return try TrainingData(
      training: reader(input.files), validation: data.validationFile.map { reader([$0]) },
      heldOutShare: data.heldOutShare ?? 0, minimumCount: data.minCount
    ) { progress.update(byteCount: $0) }
  }

  private func readColumns() throws -> [ColumnRecord] {
    try ColumnRecord.all(RecordReader(paths: input.files, terminator: input.terminator))
  }

  /// A labeller learns whole records, exactly, on one thread: what has no meaning there is refused.
  private func refuseOptionsOfLanguageModels() throws {
    let given = [
      ("tied", network.tied), ("embed", network.embed != nil), ("continuous", data.continuous),
      ("valid", data.valid != nil), ("min-count", data.minCount > 1),
      ("window", training.window != nil), ("time", training.time != nil),
      ("average", training.average != .none),
      ("dropout-embedding", training.dropoutEmbedding > 0),
      ("checkpoint", running.checkpoint != nil), ("threads", threads.threads != nil),
    ]
    if let (name, _) = given.first(where: \.1) {
      throw ValidationError("--transduce takes no --\(name)")
    }
  }
}
