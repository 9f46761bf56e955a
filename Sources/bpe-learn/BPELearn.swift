// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
public import Tokenization

@main struct BPELearn: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Learn byte-pair merges from text or from counted words.",
    discussion: """
      Writes merges, the most frequent pair first, from which tokenize -m encodes. Equal counts are \
      broken as by the tokenizers library.
      """,
    example: "bpe-learn --vocabulary 1000 /usr/share/common-licenses/GPL-3 > gpl.bpe")

  @Flag(help: "Lines are a word, a TAB and its count, as count-ngrams -n 1 writes them.")
  var weighted = false

  @OptionGroup var learning: LearningOptions

  @Flag(help: "A record's LF belongs to its text, as when the tokenizers library reads files.")
  var keepNewlines = false

  @Option(help: "What to write: merges, json (tokenizer.json) or vocabulary (vocab.json).")
  var format = BytePairModel.Format.merges

  @Flag(help: "Print each merge and its count on standard error; with -v the tokens left too.")
  var trace = false

  @OptionGroup var memory: MemoryOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    if !learning.specialToken.isEmpty, format == .merges {
      throw ValidationError("--special-token needs --format json or vocabulary")
    }
    if weighted, keepNewlines { throw ValidationError("--keep-newlines needs text") }
  }

  func run() throws {
    let learning = try learning.learning(fromCounts: weighted)
    let reader = RecordReader(paths: input.files, terminator: input.terminator)
    let sink = try output.open()
    let progress = verbosity.progress("counting words")
    let limit = LearningMemory(byteCount: memory.byteCount, directory: memory.directory)
    let words =
      try weighted
      ? CountedWords.weighted(reader, keepsOrder: learning.ties.needsOrder, memory: limit)
      : CountedWords.counted(
        reader, pattern: learning.pattern, keepsTerminators: keepNewlines,
        keepsOrder: learning.ties.needsOrder, memory: limit, threads: threads.count
      ) { progress.update(byteCount: $0) }
    progress.finish()
    let model = try learning.learn(
      words,
      begin: {
        verbosity.note("\($0) distinct words")
        verbosity.note("\($1) tokens before the first merge")
      },
      trace: trace
        ? { Message.printLine("\($0)" + (verbosity.verbose ? "\t\($0.tokenCount)" : "")) } : nil)
    try model.write(to: sink, as: format)
    try sink.finish()
  }
}

extension BytePairModel.Format: ExpressibleByArgument {}
