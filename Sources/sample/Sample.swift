// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import Decoding
import FilterSupport
import LanguageModel
import ModelFiles
import Probability
import TokenStreams

@main struct Sample: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Draw text from a model.",
    discussion: """
      Each token is drawn from the model's distribution of the next one, adjusted by the options below. \
      They are applied in the order of Hugging Face's generate: suppress, penalty, temperature, top-k, \
      top-p, min-p, typical; --steps sets another.
      """,
    operands: "[prompt ...]",
    example: "sample -m b.lm -n 5 'the cow'")

  @OptionGroup var model: ModelOptions

  @Option(
    name: [.customShort("n", allowingJoined: true), .customLong("count")],
    help: ArgumentHelp("Number of samples of each prompt.", valueName: "n"))
  var count = 1

  @Flag(help: "Take the most probable token always, as with --temperature 0.")
  var argmax = false

  @OptionGroup(title: "Adjustments") var adjustments: AdjustmentOptions

  @Flag(help: "Print the distribution after each prompt instead of drawing from it.")
  var show = false

  @Option(
    help: ArgumentHelp(
      "Read uniform numbers, one a token, instead of random ones.", valueName: "file"))
  var uniforms: String?

  @Option(
    help: ArgumentHelp("Number of the first sample: array jobs give each its own.", valueName: "n"))
  var firstLine: UInt64 = 1

  @OptionGroup var seed: SeedOptions
  @OptionGroup var generation: GenerationOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    try model.validate(besides: [generation.prompts, uniforms].compactMap { $0 })
    if generation.prompts == "-", uniforms == "-" {
      throw ValidationError("standard input ('-') can be read only once")
    }
    if count < 0 { throw ValidationError("--count \(count) is less than 0") }
    if argmax, adjustments.temperature != nil {
      throw ValidationError("--argmax is a --temperature of 0; give one of them")
    }
    if show, uniforms != nil { throw ValidationError("--show draws nothing with --uniforms") }
    if argmax, adjustments.steps != nil {
      throw ValidationError("--argmax takes no --steps; use --temperature 0")
    }
  }

  func run() throws {
    let sink = try output.open()
    try sample(from: openModel(at: model.path, threads: threads.count), to: sink)
    try sink.finish()
  }

  private func sample(from model: some LanguageModel, to sink: ByteSink) throws {
    let vocabulary = model.vocabulary
    let prompts = try Prompts(
      texts: generation.texts, path: generation.prompts, terminator: generation.terminator,
      vocabulary)
    if let warning = prompts.warning { Message.warn(warning) }
    var settings = try adjustments.settings()
    if argmax { settings.temperature = 0 }
    let sampler = Sampler(
      model, adjustments: try settings.adjustments(vocabulary), maximumCount: generation.maxTokens)
    let printer = RecordPrinter(
      .init(tokens: generation.tokens, ids: generation.ids), vocabulary)
    if show {
      try sampler.writeDistributions(prompts.tokens, to: sink)
    } else if let uniforms {
      try sampler.write(
        prompts.tokens, count: count, uniforms: UniformReader(path: uniforms), printer: printer,
        terminator: generation.terminator, to: sink)
    } else {
      try sampler.write(
        prompts.tokens, count: count, firstRecord: firstLine,
        random: RandomNumbers(seed: seed.seed), threads: threads.count, printer: printer,
        terminator: generation.terminator, to: sink)
    }
  }
}
