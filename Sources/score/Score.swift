// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
import LanguageModel
import ModelFiles
public import Probability
import TokenStreams

@main struct ScoreTokens: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Say how probable a model finds a token stream.",
    discussion: """
      Prints a summary of the corpus: log-probability, cross-entropy, perplexity, bits per byte. Values \
      are surprisals, -log p, in bits unless --unit or --prob says otherwise; an impossible symbol has \
      'inf', one that the model does not define 'undef'.
      """,
    example: "echo 'the cow eats' | score -m b.lm --per-token --prob")

  @OptionGroup var model: ModelOptions
  @Flag(exclusivity: .exclusive) var level: Level?

  @Flag(name: .customLong("prob"), help: "Probabilities; without a level, one number a line.")
  var showsProbability = false

  @Option(help: ArgumentHelp("Unit of surprisals: bits, nats or log10.", valueName: "unit"))
  var unit: LogUnit?

  @Option(help: ArgumentHelp("Size of the original text, for bits per byte.", valueName: "n"))
  var bytes: Int?

  @Option(
    help: ArgumentHelp("Write the tokens of probability below P instead.", valueName: "p"))
  var unexpected: Double?

  @Flag(help: "Fail when a probability is undefined.")
  var strict = false

  @Flag(name: [.customShort("H"), .long], help: "Name the columns in a first line.")
  var header = false

  @OptionGroup var dynamic: DynamicOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    try model.validate(besides: input.files.isEmpty ? ["-"] : input.files)
    if showsProbability, unit != nil { throw ValidationError("--prob has no --unit") }
    if let bytes, bytes < 1 { throw ValidationError("--bytes \(bytes) is less than 1") }
    if dynamic.isOn, level != nil || showsProbability || strict || unexpected != nil {
      throw ValidationError("--dynamic prints a summary of the corpus alone")
    }
    if let unexpected {
      guard unexpected >= 0, unexpected <= 1 else {
        throw ValidationError("--unexpected \(unexpected) is not between 0 and 1")
      }
      if level != nil || showsProbability || header {
        throw ValidationError("--unexpected writes tokens, no table")
      }
    }
  }

  func run() throws {
    let sink = try output.open()
    if let settings = dynamic.settings {
      let evaluation = try openDynamicEvaluation(
        at: model.path, settings: settings, threads: threads.count)
      try evaluation.writeSummary(
        of: reader(evaluation.vocabulary), unit: unit ?? .bits, hasHeader: header,
        byteCount: bytes, to: sink)
      return try sink.finish()
    }
    let model = try openModel(at: model.path, threads: threads.count)
    let result = try model.write(
      report, hasHeader: header, byteCount: bytes, of: reader(model.vocabulary),
      threads: threads.count, to: sink)
    if strict, let problem = result.firstUndefined {
      try sink.flush()
      throw problem
    }
    try sink.finish()
  }

  private func reader(_ vocabulary: Vocabulary) -> TokenReader {
    TokenReader(paths: input.files, numbering: .known(vocabulary), terminator: input.terminator)
  }

  private var report: ScoreReport {
    if let unexpected { return .unexpected(below: unexpected, terminator: input.terminator) }
    let unit = unit ?? .bits
    let measure = showsProbability ? ScoreTable.Measure.probability : .surprisal(unit)
    return switch level {
    case .perToken: .rows(.tokens, measure)
    case .perLine: .rows(.records, measure)
    case .bitsPerLine: .bitsPerRecord
    case nil: showsProbability ? .rows(.values, measure) : .summary(unit)
    }
  }
}

/// What a row is printed for, unless all is summed up.
enum Level: String, EnumerableFlag {
  case perToken, perLine, bitsPerLine

  static func help(for value: Level) -> ArgumentHelp? {
    switch value {
    case .perToken: "One row a symbol: token, surprisal, line."
    case .perLine: "One row a line: surprisal, symbols, unknown tokens, perplexities."
    case .bitsPerLine: "One number: the mean of bits a line."
    }
  }
}

extension LogUnit: ExpressibleByArgument {}
