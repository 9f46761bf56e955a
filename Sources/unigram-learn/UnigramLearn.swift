// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
public import Tokenization

extension UnigramLearner.Options.Seeds: ExpressibleByArgument {}
extension LearnedUnigram.Format: ExpressibleByArgument {}

@main struct UnigramLearn: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Learn a Unigram subword model from text or word counts.",
    discussion: "Writes pieces and log-probabilities for tokenize -m; see unigram-learn(1).",
    example: "unigram-learn --vocabulary 2000 --format model -o gpl.model $f")

  @Option(help: ArgumentHelp("Pieces of the model, special ones included.", valueName: "n"))
  var vocabulary = 8000

  @Option(
    name: .customLong("init"), help: ArgumentHelp("Pieces to begin with.", valueName: "seeds"))
  var seeds = UnigramLearner.Options.Seeds.frequent

  @Option(help: ArgumentHelp("Share of the characters that the model spells.", valueName: "x"))
  var coverage = 0.9995

  @Option(help: ArgumentHelp("Characters of a piece at most.", valueName: "n"))
  var maxLength = 16

  @Flag(help: "Add the 256 bytes, which spell all other characters.")
  var byteFallback = false

  @Flag(help: "Lines are 'word<TAB>count'; words are taken as they are.")
  var weighted = false

  @Flag(
    help:
      "Print the loss before and after each round; with --init substrings also what it would be without each piece."
  )
  var traceLoss = false

  @Option(help: ArgumentHelp("Format of the output.", valueName: "format"))
  var format = LearnedUnigram.Format.text

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    let extra = LearnedUnigram.extraCount(hasByteFallback: byteFallback)
    guard vocabulary < 1 << 31 else {
      throw ValidationError("--vocabulary \(vocabulary) is not below \(1 << 31)")
    }
    guard vocabulary > extra else {
      throw ValidationError("--vocabulary \(vocabulary) is not above \(extra)")
    }
    guard coverage > 0, coverage <= 1 else {
      throw ValidationError("--coverage \(coverage) is not between 0 and 1")
    }
    guard (1...64).contains(maxLength) else {
      throw ValidationError("--max-length \(maxLength) is not between 1 and 64")
    }
  }

  func run() throws {
    let sink = try output.open()
    let words = try TrainingWords(
      paths: input.files, terminator: input.terminator, cutting: weighted ? nil : .marked)
    var options = UnigramLearner.Options()
    options.seeds = seeds
    options.pieceCount = vocabulary - LearnedUnigram.extraCount(hasByteFallback: byteFallback)
    options.coverage = coverage
    options.maximumCharacterCount = maxLength
    options.threads = threads.count
    let learner = try UnigramLearner(words, options: options)
    if traceLoss { printSeeds(of: learner) }
    let pieces = learner.learn { round in
      if traceLoss { Message.printLine("pieces \(round.pieceCount) loss \(fixed(round.loss))") }
    }
    try LearnedUnigram(pieces: pieces, marksWords: !weighted, hasByteFallback: byteFallback)
      .write(to: sink, as: format)
    try sink.finish()
  }

  /// The model before the first round: occurrences, loss, and what the loss grows by without a piece.
  private func printSeeds(of learner: UnigramLearner) {
    Message.printLine("total \(learner.initialCounts.reduce(0, +))")
    Message.printLine("loss \(fixed(learner.loss()))")
    // Each piece costs a search through all words: for small examples.
    guard seeds == .substrings else { return }
    for (number, piece) in learner.seedPieces.enumerated() {
      let increase = learner.lossIncrease(without: number)
      let spelling = UnigramLearner.spelling(of: piece)
      Message.printLine("without \(spelling) \(increase.map(fixed) ?? "inf")")
    }
  }
}

/// Four decimals, without the machinery of formats.
private func fixed(_ value: Double) -> String {
  let scaled = (abs(value) * 1e4).rounded()
  guard scaled < 1e18 else { return "\(value)" }
  let digits = String(Int(scaled) % 10_000)
  let sign = value < 0 && scaled > 0 ? "-" : ""
  return
    "\(sign)\(Int(scaled) / 10_000).\(String(repeating: "0", count: 4 - digits.count))\(digits)"
}
