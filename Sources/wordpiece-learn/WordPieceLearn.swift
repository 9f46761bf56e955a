// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
public import Tokenization

extension WordPieceLearner.Score: ExpressibleByArgument {}
extension LearnedWordPiece.Format: ExpressibleByArgument {}

@main struct WordPieceLearn: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Learn a WordPiece vocabulary from text or word counts.",
    discussion: "Writes a vocabulary for tokenize -m; see wordpiece-learn(1).",
    example: "wordpiece-learn --vocabulary 2000 $f > gpl.vocab")

  @Option(
    name: [.customShort("n", allowingJoined: true), .long],
    help: ArgumentHelp("Stop after so many merges.", valueName: "n"))
  var merges: Int?

  @Option(
    help: ArgumentHelp(
      "Stop at so many pieces, special ones included (8000 without --merges).", valueName: "n"))
  var vocabulary: Int?

  @Option(help: ArgumentHelp("What makes a pair the best.", valueName: "score"))
  var score = WordPieceLearner.Score.likelihood

  @Option(help: ArgumentHelp("Merge only pairs that occur so often.", valueName: "n"))
  var minCount = 2

  @Flag(help: "Lines are 'word<TAB>count'; words are taken as they are.")
  var weighted = false

  @Flag(help: "Keep case and accents.")
  var cased = false

  @Flag(help: "Print each merge and its score on standard error.")
  var trace = false

  @Option(help: ArgumentHelp("Format of the output.", valueName: "format"))
  var format = LearnedWordPiece.Format.vocab

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let merges, merges < 0 { throw ValidationError("--merges \(merges) is negative") }
    if let vocabulary, vocabulary < 1 {
      throw ValidationError("--vocabulary \(vocabulary) is no number of pieces")
    }
    if minCount < 1 { throw ValidationError("--min-count \(minCount) is not positive") }
  }

  func run() throws {
    let sink = try output.open()
    var preparation = BertPreparation()
    preparation.lowercases = !cased
    preparation.stripsAccents = !cased
    let words = try TrainingWords(
      paths: input.files, terminator: input.terminator,
      cutting: weighted ? nil : .bert(preparation))
    var learner = WordPieceLearner(words, score: score)
    try learner.learn(
      mergeCount: merges ?? Int.max,
      pieceCount: vocabulary ?? (merges == nil ? 8000 : Int.max), minimumCount: UInt64(minCount),
      trace: trace ? { Message.printLine($0) } : nil)
    try LearnedWordPiece(pieces: learner.pieces, preparation: preparation)
      .write(to: sink, as: format)
    try sink.finish()
  }
}
