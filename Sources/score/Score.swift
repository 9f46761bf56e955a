// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import LanguageModel
import ModelFiles
import Probability
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
      try sink.write(dynamicSummary(settings))
      return try sink.finish()
    }
    let result = try score(with: openModel(at: model.path, threads: threads.count), to: sink)
    if strict, let problem = result.firstUndefined {
      try sink.flush()
      throw problem
    }
    try sink.finish()
  }

  private func score(with model: some LanguageModel, to sink: ByteSink) throws -> CorpusScore {
    let vocabulary = model.vocabulary
    let reader = TokenReader(
      paths: input.files, numbering: .known(vocabulary), terminator: input.terminator)
    if let bound = unexpected {
      let terminator = input.terminator
      return try model.score(reader, threads: threads.count, to: sink) {
        $0.appendUnexpected(
          below: bound, vocabulary: vocabulary, terminator: terminator, to: &$1)
      }
    }
    if let table = table(vocabulary) {
      if header { try sink.write(table.header) }
      return try model.score(reader, threads: threads.count, to: sink) {
        table.append($0, to: &$1)
      }
    }
    let result = try model.score(
      reader, threads: threads.count, countingBytes: bytes == nil && level == nil, to: sink,
      rows: nil)
    var buffer = ByteBuffer()
    if level == .bitsPerLine {
      if header { try sink.write("bits_per_line\n") }
      buffer.append(value: result.score.bitsPerRecord)
      buffer.append(0x0A)
    } else {
      if header { try sink.write("quantity\tvalue\n") }
      ScoreTable.append(
        summary: result.score, unit: unit ?? .bits, byteCount: bytes ?? result.byteCount,
        to: &buffer)
    }
    try sink.write(buffer)
    return result
  }

  /// What the model makes of the corpus while it learns from it.
  private func dynamicSummary(_ settings: DynamicSettings) throws -> ByteBuffer {
    let evaluation = try openDynamicEvaluation(
      at: model.path, settings: settings, threads: threads.count)
    let reader = TokenReader(
      paths: input.files, numbering: .known(evaluation.vocabulary), terminator: input.terminator)
    let result = try evaluation.score(reader, countingBytes: bytes == nil)
    var buffer = ByteBuffer()
    if header { buffer.append("quantity\tvalue\n") }
    ScoreTable.append(
      dynamic: result.score, unit: unit ?? .bits, byteCount: bytes ?? result.byteCount,
      to: &buffer)
    return buffer
  }

  /// The table of rows, or nothing where one result for all is wanted.
  private func table(_ vocabulary: Vocabulary) -> ScoreTable? {
    let rows: ScoreTable.Rows
    switch level {
    case .perToken: rows = .tokens
    case .perLine: rows = .records
    case .bitsPerLine: return nil
    case nil:
      guard showsProbability else { return nil }
      rows = .values
    }
    return ScoreTable(
      rows, showsProbability ? .probability : .surprisal(unit ?? .bits), vocabulary: vocabulary)
  }
}
