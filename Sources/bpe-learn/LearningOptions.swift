// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
public import Tokenization

/// What is learnt, and from where.
struct LearningOptions: ParsableArguments {
  enum Level: String, EnumerableFlag {
    case bytes, characters

    static func help(for level: Level) -> ArgumentHelp? {
      switch level {
      case .bytes: "Begin with the 256 bytes, which spell any text (the default for text)."
      case .characters: "Begin with the characters that occur (the default with --weighted)."
      }
    }
  }

  @Flag(exclusivity: .exclusive) var level: Level?

  @Option(
    name: [.customShort("n", allowingJoined: true), .long],
    help: ArgumentHelp("Number of merges.", valueName: "n"))
  var merges: Int?

  @Option(
    help: ArgumentHelp("Number of pieces, alphabet included (default: 32000).", valueName: "n"))
  var vocabulary: Int?

  @Option(help: ArgumentHelp("Do not merge pairs that occur less often.", valueName: "n"))
  var minCount = 1

  @Option(
    help: ArgumentHelp("Cut text into words by this pattern (default: gpt2).", valueName: "name"))
  var pattern: SplitPattern?

  @Option(help: ArgumentHelp("Mark the last character of a word, as </w>.", valueName: "text"))
  var wordEnd: String?

  @Option(help: ArgumentHelp("Give a special token the next id from 0.", valueName: "text"))
  var specialToken: [String] = []

  @Option(
    help: ArgumentHelp(
      "Go on from this model: its merges come first, its pieces keep their ids.", valueName: "file")
  )
  var extend: String?

  @Option(help: ArgumentHelp("Never make this piece.", valueName: "text"))
  var forbid: [String] = []

  @Option(
    help: ArgumentHelp(
      "Break equal counts as this tool: tokenizers, bytes (ids by value), subword-nmt, first-seen or fastbpe.",
      valueName: "order"))
  var ties = BytePairLearning.Ties.tokenizers

  func validate() throws {
    for (name, value) in [("merges", merges), ("vocabulary", vocabulary), ("min-count", minCount)] {
      if let value, value < (name == "merges" ? 0 : 1) {
        throw ValidationError("--\(name) \(value) is too small")
      }
    }
    if extend != nil {
      for (name, isGiven) in [
        ("--pattern", pattern != nil), ("--word-end", wordEnd != nil), ("a level", level != nil),
        ("--special-token", !specialToken.isEmpty),
      ] where isGiven {
        throw ValidationError("--extend takes \(name) from its model")
      }
    }
    if specialToken.contains("") { throw ValidationError("--special-token is empty") }
  }

  /// - fromCounts: the words come counted, as characters unless asked for bytes.
  func learning(fromCounts weighted: Bool) throws -> BytePairLearning {
    var learning: BytePairLearning
    if let extend {
      learning = try BytePairLearning(extending: ModelSource(path: extend))
    } else {
      let isBytes = (level ?? (weighted ? .characters : .bytes)) == .bytes
      learning = BytePairLearning(level: isBytes ? .byte : .character, pattern: pattern ?? .gpt2)
      learning.wordEnd = Array((wordEnd ?? "").utf8)
      learning.specialTokens = specialToken.map { Array($0.utf8) }
    }
    learning.minimumCount = minCount
    learning.size.merges = merges ?? Int.max
    learning.size.vocabulary = vocabulary ?? (merges == nil ? 32_000 : Int.max)
    learning.ties = ties
    learning.forbidden = Set(forbid.map { Array($0.utf8) })
    return learning
  }
}

extension SplitPattern: ExpressibleByArgument {}
extension BytePairLearning.Ties: ExpressibleByArgument {}
