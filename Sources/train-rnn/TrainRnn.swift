// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
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
      """)

  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Training") var training: TrainingOptionGroup

  @Flag(help: "Train a labeller: each record is columns, a TAB, and a target for each.")
  var transduce = false

  @Option(help: "Loss of a labeller: cross-entropy or squared.")
  var loss = LabellerLoss.crossEntropy

  @Option(
    help: ArgumentHelp("Pieces that come less often become <unk>.", valueName: "n"))
  var minCount = 1

  @Option(
    help: ArgumentHelp(
      "Write step, loss and rate to FILE as tab-separated columns.", valueName: "file"))
  var log: String?

  @Option(help: ArgumentHelp("Steps between two lines of the log.", valueName: "n"))
  var logEvery = 100

  @Option(
    help: ArgumentHelp(
      "Keep where training stands in FILE, also on SIGINT and SIGTERM.",
      valueName: "file"))
  var checkpoint: String?

  @Flag(help: "Go on from the checkpoint if there is one.")
  var resume = false

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
    if logEvery < 1 { throw ValidationError("--log-every \(logEvery) is less than 1") }
    if minCount < 1 { throw ValidationError("--min-count \(minCount) is less than 1") }
    if transduce, training.continuous || training.valid != nil || checkpoint != nil {
      throw ValidationError("--transduce takes no --continuous, --valid or --checkpoint")
    }
    if transduce, training.time != nil || training.average.kind != .none {
      throw ValidationError("--transduce takes no --time or --average")
    }
    if transduce, network.tied || network.embed != nil || minCount > 1 {
      throw ValidationError("--transduce takes no --tied, --embed or --min-count")
    }
    if resume, checkpoint == nil { throw ValidationError("--resume needs --checkpoint") }
    if !(0...100_000).contains(unroll) || (unroll > 0 && describe == nil) {
      throw ValidationError("--unroll \(unroll) needs --describe and a number of steps")
    }
  }

  func run() throws {
    let sink = try output.open()
    if let describe {
      let file = try RecurrentModelFile(TensorFile(path: describe))
      try sink.write(file.summary(unrolledSteps: unroll))
    } else if transduce {
      try LabellerSession(command: self).train().write(to: sink)
    } else {
      try TrainingSession(command: self, data: readData()).train().write(to: sink)
    }
    try sink.finish()
  }

  private func readData() throws -> TrainingData {
    let progress = verbosity.progress("reading")
    defer { progress.finish() }
    func reader(_ paths: [String]) -> TokenReader {
      TokenReader(paths: paths, numbering: .growing, terminator: input.terminator)
    }
    return try TrainingData(
      training: reader(input.files), validation: training.validationFile.map { reader([$0]) },
      heldOutShare: training.heldOutShare ?? 0, minimumCount: minCount
    ) { progress.update(byteCount: $0) }
  }
}
