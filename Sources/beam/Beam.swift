// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
public import Decoding
import FilterSupport
import LanguageModel
import ModelFiles
import TokenStreams

@main struct Beam: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Search a model for the likeliest text.",
    discussion: """
      Keeps the --width best beginnings of a record at every step. One that ends takes a place of its \
      step and leaves. Ties go to the bytewise smaller record.
      """,
    operands: "[prompt ...]",
    example: "beam -m b.lm --width 2 --prob --trace tree.dot")

  enum Column: String, EnumerableFlag {
    case prob, scores

    static func help(for value: Column) -> ArgumentHelp? {
      switch value {
      case .prob: "Add the probability after a TAB."
      case .scores: "Add bits and the score that ranks, after TABs."
      }
    }
  }

  @OptionGroup var model: ModelOptions

  @Option(
    name: [.customShort("w", allowingJoined: true), .long],
    help: ArgumentHelp("Beginnings to keep at every step.", valueName: "n"))
  var width: Int?

  @Option(
    name: [.customShort("n", allowingJoined: true), .customLong("top")],
    help: ArgumentHelp("Records to print for each prompt.", valueName: "n"))
  var top = 1

  @Option(
    help: ArgumentHelp(
      """
      Rank by log p / length^A (plain:A, A is 1; meant without =kind), or as Google's translator \
      does (gnmt:A, A is 0.6).
      """, valueName: "kind"))
  var lengthNormalise: LengthNormalisation?

  static var bareOptions: [String: String] { ["--length-normalise": "plain"] }

  @Flag(help: "Find the likeliest for certain; for small models.")
  var exact = false

  @Flag(exclusivity: .exclusive) var column: Column?

  @Option(
    help: ArgumentHelp("Write the tree of the search to FILE, for dot(1).", valueName: "file"))
  var trace: String?

  @OptionGroup var generation: GenerationOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    try model.validate(besides: [generation.prompts].compactMap { $0 })
    if let width, width < 1 { throw ValidationError("--width \(width) is less than 1") }
    if top < 1 { throw ValidationError("--top \(top) is less than 1") }
    if exact, width != nil || trace != nil {
      throw ValidationError("--exact has neither --width nor --trace")
    }
  }

  func run() throws {
    let sink = try output.open()
    try search(openModel(at: model.path, threads: threads.count), to: sink)
    try sink.finish()
  }

  private func search(_ model: some LanguageModel, to sink: ByteSink) throws {
    let vocabulary = model.vocabulary
    let prompts = try Prompts(
      texts: generation.texts, path: generation.prompts, terminator: generation.terminator,
      vocabulary)
    if let warning = prompts.warning { Message.warn(warning) }
    let table = HypothesisTable(
      RecordPrinter(.init(tokens: generation.tokens, ids: generation.ids), vocabulary),
      terminator: generation.terminator,
      columns: column == .prob ? .probability : column == .scores ? .scores : .none)
    let trace = trace == nil ? nil : SearchTrace(vocabulary)
    for prompt in prompts.tokens {
      let settings = try SearchSettings(
        count: top, normalisation: lengthNormalise ?? .none,
        maximumTokens: generation.maxTokens, ending: model.ending, promptCount: prompt.count)
      let found =
        exact
        ? try ExactSearch(model, settings: settings).search(after: prompt)
        : try BeamSearch(model, width: width ?? 8, settings: settings)
          .search(after: prompt, trace: trace)
      try table.write(found, to: sink)
      try sink.flush()
    }
    if let trace, let path = self.trace {
      let file = try ByteSink.file(path)
      try file.write(trace.text)
      try file.finish()
    }
  }
}

extension LengthNormalisation: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
