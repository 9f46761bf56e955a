// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import LinearAlgebra
import MaskedNetworks
import Optimization
import TensorFiles
import TokenStreams

@main struct TrainMasked: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Train a masked feed-forward network on records of one width.",
    discussion: """
      Writes a safetensors model that score, sample, beam, diverge and arith-code open. With --mask \
      none it is a memoryless map from columns to targets, which transduce opens.
      """,
    example: "train-masked --hidden 16 --rate 0.02 -o twice.nn twice.tok")

  enum MaskName: String, ExpressibleByArgument, CaseIterable { case autoregressive, none }

  @Option(help: ArgumentHelp("Hidden units; 0 is a masked linear network.", valueName: "n"))
  var hidden = 128

  @Option(help: "Which inputs an output sees: those before it (autoregressive), or all (none).")
  var mask = MaskName.autoregressive

  @Option(
    help: ArgumentHelp("Symbols at the end of a record that are its target.", valueName: "n"))
  var targets: Int?

  @Option(
    help: ArgumentHelp("Share of the records, from the end, to validate on.", valueName: "x"))
  var valid = 0.1

  @Option(help: ArgumentHelp("Describe a model instead of training one.", valueName: "file"))
  var describe: String?

  @OptionGroup(title: "Optimisation") var optimisation: OptimisationOptions
  @OptionGroup var log: LogOptions
  @OptionGroup var seed: SeedOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var verbosity: VerbosityOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if hidden < 0 || hidden > 1 << 16 {
      throw ValidationError("--hidden \(hidden) is not sensible")
    }
    if let batch = optimisation.batch, batch > 1 << 16 {
      throw ValidationError("--batch \(batch) is above \(1 << 16)")
    }
    if !(0..<1).contains(valid) { throw ValidationError("--valid \(valid) is not between 0 and 1") }
    if valid == 0, optimisation.schedule == .plateau {
      throw ValidationError("--schedule plateau needs --valid")
    }
    if (mask == .none) != (targets != nil) {
      throw ValidationError("--mask none needs --targets, and nothing else takes it")
    }
    if let targets, targets < 1 { throw ValidationError("--targets \(targets) is less than 1") }
  }

  func run() throws {
    let sink = try output.open()
    if let describe {
      let file = try MaskedModelFile(TensorFile(path: describe))
      for tensor in file.layout.tensors {
        try sink.write("\(tensor.name)\t\(tensor.shape.map(String.init).joined(separator: "x"))\n")
      }
      try sink.write("network\t\(file.layout.configuration)\n")
      try sink.write("parameters\t\(file.layout.parameterCount)\n")
      return try sink.finish()
    }
    let (examples, width, vocabulary) =
      if let targets {
        try MaskedExamples.readColumns(
          RecordReader(paths: input.files, terminator: input.terminator), targetWidth: targets)
      } else {
        try MaskedExamples.read(
          TokenReader(paths: input.files, numbering: .growing, terminator: input.terminator))
      }
    let trainer = try train(examples, width: width, symbolCount: vocabulary.count - 3)
    try MaskedModelFile(
      layout: trainer.layout, parameters: trainer.parameters, vocabulary: vocabulary
    ).write(to: sink)
    try sink.finish()
  }

  private func train(_ examples: MaskedExamples, width: Int, symbolCount: Int) throws
    -> MaskedTrainer
  {
    let trainer = MaskedTrainer(
      MaskedConfiguration(
        width: width, symbolCount: symbolCount, hiddenWidth: hidden,
        mask: targets.map { .none(targetWidth: $0) } ?? .autoregressive),
      settings: optimisation.settings, clip: optimisation.clip(default: nil),
      batchSize: optimisation.batch ?? 20, seed: seed.seed,
      team: Team(count: threads.count, instructionSet: try InstructionSet.chosen()))
    let validationCount = Int(Double(examples.count) * valid)
    let border = examples.count - validationCount
    let epochs = optimisation.epochs ?? 60
    let table = try log.open()
    let progress = verbosity.progress("training")
    try trainer.train(
      examples[0..<border], validation: examples[border..<examples.count], epochs: epochs,
      schedule: optimisation.schedule(defaultRate: 0.003)
    ) { report in
      let valid = report.validationLoss.map { "\($0)" } ?? ""
      try table?.write([
        ("epoch", "\(report.epoch)"), ("train", "\(report.loss)"), ("valid", valid),
      ])
      progress.update { _ in "epoch \(report.epoch) of \(epochs), \(report.loss) bits a record" }
      if report.isBest { verbosity.note("epoch \(report.epoch): \(report.loss), valid \(valid)") }
    }
    progress.finish()
    return trainer
  }
}
