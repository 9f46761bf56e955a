// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
public import Tokenization

/// Which model, and how it is used.
struct ModelUse: ParsableArguments {
  @Option(
    name: [.customShort("m", allowingJoined: true), .long],
    help: ArgumentHelp("Tokenise with this model; its kind is recognised.", valueName: "file"))
  var model: String?

  @Option(help: ArgumentHelp("The merges that belong to a vocab.json.", valueName: "file"))
  var merges: String?

  @Option(
    help: ArgumentHelp(
      "Without a model: the pieces that learners count. With one that names no pattern: its pattern.",
      valueName: "name"))
  var pattern: SplitPattern?

  @Option(
    help: ArgumentHelp("Write the model in this format and read no text.", valueName: "format"))
  var save: SavedFormat?

  @Flag(help: "Text of special tokens stands for them.") var special = false
  @Flag(help: "Put the tokens of the model's template around each record.") var template = false

  @Option(
    help: ArgumentHelp("Leave out each byte-pair merge with this probability.", valueName: "p"))
  var dropout: Double?

  @Option(
    help: ArgumentHelp(
      "Draw among a Unigram model's segmentations, by their probability to this power.",
      valueName: "x"))
  var alpha: Double?

  @OptionGroup var seed: SeedOptions

  func validate() throws {
    if model == nil {
      for (name, isGiven) in [
        ("--merges", merges != nil), ("--save", save != nil), ("--special", special),
        ("--template", template), ("--dropout", dropout != nil), ("--alpha", alpha != nil),
      ] where isGiven {
        throw ValidationError("\(name) needs a --model")
      }
    }
    if let dropout, !(0...1).contains(dropout) {
      throw ValidationError("--dropout \(dropout) is not between 0 and 1")
    }
    if let alpha, !(alpha >= 0 && alpha.isFinite) {
      throw ValidationError("--alpha \(alpha) is no number from 0 up")
    }
  }

  /// The model's file, read whole.
  ///
  /// - tracesOffsets: its encoders tell where tokens stand.
  func source(tracesOffsets: Bool) throws(StreamError) -> ModelSource? {
    guard let model else { return nil }
    var source = try ModelSource(path: model, merges: merges, pattern: pattern)
    source.options.allowsSpecialTokens = special
    source.options.addsTemplate = template
    source.options.tracesOffsets = tracesOffsets
    source.options.sampling.dropout = dropout ?? 0
    source.options.sampling.exponent = alpha
    source.options.sampling.seed = seed.seed
    return source
  }
}

extension SplitPattern: ExpressibleByArgument {}
extension SavedFormat: ExpressibleByArgument {}

/// What a token is without a model.
extension Segmentation: EnumerableFlag {
  public static var allCases: [Segmentation] {
    [.words, .whitespace, .characters, .bytes, .lines, .code]
  }

  public static func help(for unit: Segmentation) -> ArgumentHelp? {
    switch unit {
    case .words: "Words and punctuation marks (the default)."
    case .whitespace: "What stands between white space."
    case .characters: "Characters; bytes that are not UTF-8 one by one."
    case .bytes: "Bytes: 256 tokens."
    case .lines: "A whole record is one token."
    case .code: "Words with underscores, and whole operators."
    case .ink, .pieces: nil
    }
  }
}
