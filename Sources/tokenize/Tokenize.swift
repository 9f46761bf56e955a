// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
import TokenStreams
public import Tokenization

@main struct Tokenize: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Turn text into tokens, and with --decode back into text.",
    discussion: """
      One record (line) in, one record out: its tokens, separated by spaces. Without a model the \
      tokens are words; every token that the text holds is its own piece.
      """)

  enum Unit: String, EnumerableFlag {
    case words, whitespace, characters, bytes, lines, code

    static func help(for unit: Unit) -> ArgumentHelp? {
      switch unit {
      case .words: "Words and punctuation marks (the default)."
      case .whitespace: "What stands between white space."
      case .characters: "Characters; bytes that are not UTF-8 one by one."
      case .bytes: "Bytes: 256 tokens."
      case .lines: "A whole record is one token."
      case .code: "Words with underscores, and whole operators."
      }
    }
  }

  @Flag(exclusivity: .exclusive) var unit: Unit?

  @Option(
    name: [.customShort("m", allowingJoined: true), .long],
    help: ArgumentHelp("Tokenise with this model; its kind is recognised.", valueName: "file"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Without a model: the pieces that learners count. With one that names no pattern: its pattern.",
      valueName: "name"))
  var pattern: SplitPattern?

  @Flag(name: .shortAndLong, help: "Turn tokens back into text.") var decode = false
  @Flag(help: "With --characters: leave white space out.") var dropSpace = false
  @Flag(help: "Write tokens as decimal numbers; with --decode, read them.") var ids = false
  @Flag(help: "Text of special tokens stands for them.") var special = false
  @Flag(help: "Do not warn of text that the model cannot spell and that becomes <unk>.")
  var unk = false
  @Flag(help: "Fail at text that the model cannot spell.") var strict = false

  @OptionGroup var pictures: PictureOptions
  @OptionGroup var binary: BinaryOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    if model != nil, unit != nil {
      throw ValidationError("--model and --\(unit!.rawValue) exclude each other")
    }
    if pictures.areWanted {
      if unit != nil || model != nil || pattern != nil {
        throw ValidationError("pictures have pixels, so --pbm and --pgm take no unit and no model")
      }
      if decode, pictures.size == nil { throw ValidationError("--decode needs the --size") }
    }
    if pictures.sheet != nil, !decode { throw ValidationError("--sheet needs --decode") }
    if dropSpace, unit != .characters { throw ValidationError("--drop-space needs --characters") }
    if ids, binary.binary { throw ValidationError("--ids and --binary exclude each other") }
    if ids, model == nil, unit != .bytes {
      throw ValidationError("--ids needs a fixed vocabulary: --model or --bytes")
    }
    if decode, binary.binary { throw ValidationError("--decode writes text, not --binary") }
    if unk, strict { throw ValidationError("--unk and --strict exclude each other") }
    if model == nil, special || unk || strict {
      throw ValidationError("--special, --unk and --strict need a --model")
    }
    if pattern != nil, unit != nil {
      throw ValidationError("--pattern and --\(unit!.rawValue) exclude each other")
    }
  }

  func run() throws {
    let tokenizer = try openTokenizer()
    let sink = try binary.open(output)
    if pictures.areWanted {
      try pictures.run(decodes: decode, input, form: form, to: sink)
      return try sink.finish()
    }
    let progress = verbosity.progress(decode ? "decoding" : "tokenising")
    if decode {
      var job = Detokenization(
        ids ? .ids(tokenizer!.vocabulary) : .spelled(tokenizer?.vocabulary.decoding ?? joining),
        terminator: input.terminator)
      job.threads = threads.count
      try job.run(paths: input.files, to: sink) { progress.update(byteCount: $0) }
    } else {
      var job = TextTokenization(tokenizer.map { .model($0) } ?? .segments(segments), form: form)
      job.threads = threads.count
      job.isStrict = strict
      let totals = try job.run(
        RecordReader(paths: input.files, terminator: input.terminator), to: sink
      ) { progress.update(byteCount: $0) }
      if totals.unknownCount > 0, !unk {
        verbosity.warn("\(totals.unknownCount) tokens are <unk>: text that the model cannot spell")
      }
      verbosity.note(
        "\(totals.byteCount) bytes, \(totals.recordCount) records, \(totals.tokenCount) tokens")
    }
    try sink.finish()
  }

  private func openTokenizer() throws(StreamError) -> (any Tokenizer)? {
    if unit == .bytes { return ByteTokenizer() }
    guard let model else { return nil }
    var source = try ModelSource(path: model, pattern: pattern)
    source.allowsSpecialTokens = special
    return try TokenizerModel.open(source)
  }

  private var segments: Segmentation {
    if let pattern { return .pieces(pattern) }
    switch unit ?? .words {
    case .words: return .words
    case .whitespace: return .whitespace
    case .characters: return dropSpace ? .ink : .characters
    case .bytes: return .bytes
    case .lines: return .lines
    case .code: return .code
    }
  }

  private var joining: TextDecoding { segments.decoding }

  private var form: TokenWriter.Form {
    if binary.binary { return .binary(level: binary.level) }
    return ids ? .ids(terminator: input.terminator) : .text(terminator: input.terminator)
  }
}

extension SplitPattern: ExpressibleByArgument {}
