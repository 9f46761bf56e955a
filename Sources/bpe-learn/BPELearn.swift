// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
import TokenStreams
public import Tokenization

@main struct BPELearn: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Learn byte-pair merges from text or from counted words.",
    discussion: """
      Writes merges, the most frequent pair first, from which tokenize -m encodes. Equal counts are \
      broken as by the tokenizers library.
      """)

  enum Level: String, EnumerableFlag {
    case bytes, characters

    static func help(for level: Level) -> ArgumentHelp? {
      switch level {
      case .bytes: "Begin with the 256 bytes, which spell any text (the default for text)."
      case .characters: "Begin with the characters that occur (the default with --weighted)."
      }
    }
  }

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case merges, json, vocabulary
  }

  @Flag(exclusivity: .exclusive) var level: Level?

  @Flag(help: "Lines are a word, a TAB and its count, as count-ngrams -n 1 writes them.")
  var weighted = false

  @Option(
    name: [.customShort("n", allowingJoined: true), .long],
    help: ArgumentHelp("Number of merges.", valueName: "n"))
  var merges: Int?

  @Option(
    help: ArgumentHelp("Number of pieces, alphabet included (default: 32000).", valueName: "n"))
  var vocabulary: Int?

  @Option(help: ArgumentHelp("Do not merge pairs that occur less often.", valueName: "n"))
  var minCount = 1

  @Option(help: ArgumentHelp("Cut text into words by this pattern.", valueName: "name"))
  var pattern = SplitPattern.gpt2

  @Option(help: ArgumentHelp("Mark the last character of a word, as </w>.", valueName: "text"))
  var wordEnd: String?

  @Option(help: ArgumentHelp("Give a special token the next id from 0.", valueName: "text"))
  var specialToken: [String] = []

  @Flag(help: "A record's LF belongs to its text, as when the tokenizers library reads files.")
  var keepNewlines = false

  @Option(help: "What to write: merges, json (tokenizer.json) or vocabulary (vocab.json).")
  var format = Format.merges

  @Flag(help: "Print each merge and its count on standard error; with -v the tokens left too.")
  var trace = false

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    for (name, value) in [("merges", merges), ("vocabulary", vocabulary), ("min-count", minCount)] {
      if let value, value < (name == "merges" ? 0 : 1) {
        throw ValidationError("--\(name) \(value) is too small")
      }
    }
    if !specialToken.isEmpty, format == .merges {
      throw ValidationError("--special-token needs --format json or vocabulary")
    }
    if weighted, keepNewlines { throw ValidationError("--keep-newlines needs text") }
    if specialToken.contains("") { throw ValidationError("--special-token is empty") }
  }

  func run() throws {
    let reader = RecordReader(paths: input.files, terminator: input.terminator)
    let sink = try output.open()
    let progress = verbosity.progress("counting words")
    let counts =
      try weighted
      ? WordCounts.weighted(reader)
      : WordCounts.counted(
        reader, pattern: pattern, keepsTerminators: keepNewlines, threads: threads.count
      ) { progress.update(byteCount: $0) }
    progress.finish()
    verbosity.note("\(counts.count) distinct words")
    let model = try learn(from: counts)
    switch format {
    case .merges:
      var file = ByteBuffer(capacity: 1 << 16)
      MergesFile.append(model, to: &file)
      try sink.write(file)
    case .json: try model.write(as: .json, to: sink)
    case .vocabulary: try model.write(as: .vocabulary, to: sink)
    }
    try sink.finish()
  }

  private func learn(from counts: WordCounts) throws -> BytePairModel {
    var learning = BytePairLearning(
      level: (level ?? (weighted ? .characters : .bytes)) == .bytes ? .byte : .character,
      pattern: pattern)
    learning.minimumCount = minCount
    learning.size.merges = merges ?? Int.max
    learning.size.vocabulary = vocabulary ?? (merges == nil ? 32_000 : Int.max)
    learning.wordEnd = Array((wordEnd ?? "").utf8)
    learning.specialTokens = specialToken.map { Array($0.utf8) }
    return try learning.learn(
      counts, begin: { verbosity.note("\($0) tokens before the first merge") },
      trace: trace ? { Message.printTrace($0, withTotal: verbosity.verbose) } : nil)
  }
}

extension Message {
  fileprivate static func printTrace(_ step: BytePairLearning.Trace, withTotal: Bool) {
    let pair = [step.left, step.right]
      .map { String(decoding: Spelling.spelling(of: $0), as: UTF8.self) }.joined(separator: " ")
    printLine("\(pair) \(step.count)" + (withTotal ? "\t\(step.tokenCount)" : ""))
  }
}

extension SplitPattern: ExpressibleByArgument {}
