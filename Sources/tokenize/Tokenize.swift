// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import TokenStreams
import Tokenization

@main struct Tokenize: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Turn text into tokens, and with --decode back into text.",
    discussion: """
      One record (line) in, one record out: its tokens, separated by spaces. Without a model the \
      tokens are words; every token that the text holds is its own piece.
      """,
    example: "echo 'What do pigs eat?' | tokenize --words",
    facts: "Unicode \(UnicodeCategory.unicodeVersion) (classes), \(UnicodeData.version) (utf8proc)")

  @Flag(exclusivity: .exclusive) var unit: Segmentation?
  @OptionGroup var use: ModelUse
  @Flag(name: .shortAndLong, help: "Turn tokens back into text.") var decode = false
  @Flag(help: "With --characters: leave white space out.") var dropSpace = false
  @OptionGroup var output: OutputView
  @Flag(help: "Do not warn of text that the model cannot spell.") var unk = false
  @Flag(help: "Fail at text that the model cannot spell.") var strict = false
  @OptionGroup var pictures: PictureOptions
  @OptionGroup var binary: BinaryOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var target: OutputOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    let ids = output.ids
    let hasModel = use.model != nil
    for (problem, isWrong) in [
      ("--model and a unit exclude each other", hasModel && unit != nil),
      ("--drop-space needs --characters", dropSpace && unit != .characters),
      ("--ids and --binary exclude each other", ids && binary.binary),
      ("--ids needs a fixed vocabulary: --model or --bytes", ids && !hasModel && unit != .bytes),
      ("--decode writes text, not --binary", decode && binary.binary),
      ("--decode and --save exclude each other", decode && use.save != nil),
      (
        "--save reads no text, but for compiled",
        use.save != nil && use.save != .compiled && !input.files.isEmpty
      ),
      ("--decode writes text, no numbers", decode && !output.isTokens),
      ("--binary holds tokens only", binary.binary && !output.isTokens),
      ("--unk and --strict exclude each other", unk && strict),
      ("--unk and --strict need a --model", !hasModel && (unk || strict)),
      ("--max-tokens and --report need a --model", !hasModel && needsModel),
      ("--pattern and a unit exclude each other", use.pattern != nil && unit != nil),
      (
        "pictures have pixels, so --pbm and --pgm take no unit and no model",
        pictures.areWanted && (unit != nil || hasModel || use.pattern != nil || !output.isTokens)
      ),
      ("--decode needs the --size", pictures.areWanted && decode && pictures.size == nil),
      ("--sheet needs --decode", pictures.sheet != nil && !decode),
    ] where isWrong {
      throw ValidationError(problem)
    }
  }

  private var needsModel: Bool { output.maxTokens != nil || output.report }

  func run() throws {
    let source = try use.source(tracesOffsets: output.offsets != nil)
    let sink = try binary.open(target)
    if let format = use.save {
      let words = RecordReader(paths: input.files, terminator: input.terminator)
      try TokenizerModel.write(
        source!, as: format, words: input.files.isEmpty ? nil : words, to: sink)
    } else if pictures.areWanted {
      try pictures.run(decodes: decode, input, form: form, to: sink)
    } else if decode {
      try turnBack(with: source, to: sink)
    } else {
      try tokenize(with: source, to: sink)
    }
    try sink.finish()
  }

  private func open(_ source: ModelSource?) throws(StreamError) -> (any Tokenizer)? {
    if let source { return try TokenizerModel.open(source) }
    return unit == .bytes && output.offsets == nil ? ByteTokenizer() : nil
  }

  private func turnBack(with source: ModelSource?, to sink: ByteSink) throws {
    let tokenizer = try open(source)
    var job = Detokenization(
      output.ids
        ? .ids(tokenizer!.vocabulary)
        : .spelled(tokenizer?.vocabulary.decoding ?? segments.decoding),
      terminator: input.terminator)
    job.threads = threads.count
    job.model = tokenizer?.vocabulary
    let progress = verbosity.progress("decoding")
    try job.run(paths: input.files, to: sink) { progress.update(byteCount: $0) }
  }

  private func tokenize(with source: ModelSource?, to sink: ByteSink) throws {
    let tokenizer = try open(source)
    var job = TextTokenization(tokenizer.map { .model($0) } ?? .segments(segments), form: form)
    job.threads = threads.count
    job.isStrict = strict
    job.view = output.view
    job.maximumTokenCount = output.maxTokens ?? Int.max
    let progress = verbosity.progress("tokenising")
    let reader = RecordReader(paths: input.files, terminator: input.terminator)
    let totals = try job.run(reader, to: sink) { progress.update(byteCount: $0) }
    if !unk { totals.warnings.forEach(verbosity.warn) }
    verbosity.note(
      "\(totals.byteCount) bytes, \(totals.recordCount) records, \(totals.tokenCount) tokens")
  }

  private var segments: Segmentation {
    use.pattern.map { .pieces($0) } ?? (dropSpace ? .ink : unit ?? .words)
  }

  private var form: TokenWriter.Form {
    if binary.binary { return .binary(level: binary.level) }
    return output.ids
      ? .ids(terminator: input.terminator) : .text(terminator: input.terminator)
  }
}
