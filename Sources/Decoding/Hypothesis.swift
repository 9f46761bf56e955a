// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel
public import TokenStreams

/// A record that a search found, or the beginning of one.
public struct Hypothesis: Sendable {
  /// Its tokens, the prompt's among them, `</s>` not.
  public let tokens: [Token]
  /// Number of symbols predicted after the prompt, `</s>` among them.
  public let length: Int
  /// ln p of those symbols.
  public let logProbability: Double
  /// What it is ranked by.
  public let score: Double
}

/// How a search ends and what it ranks by.
public struct SearchSettings: Sendable {
  /// Number of records wanted.
  public var count: Int
  public var normalisation: LengthNormalisation
  /// Symbols to predict at most after the prompt.
  public var maximumLength: Int

  public init(count: Int, normalisation: LengthNormalisation, maximumLength: Int) {
    self.count = count
    self.normalisation = normalisation
    self.maximumLength = maximumLength
  }

  /// Settings for a prompt of `promptCount` tokens.
  ///
  /// - maximumTokens: as the user set it; nothing for a model's own measure: the fixed width, one token
  ///   where records never end, and else 1000, so that a search ends.
  /// - Throws: `StreamError` when the prompt is longer than a model's fixed width.
  public init(
    count: Int, normalisation: LengthNormalisation, maximumTokens: Int?, ending: RecordEnding,
    promptCount: Int
  ) throws(StreamError) {
    let length: Int
    switch ending {
    // The `</s>` after the last token is one more symbol.
    case .predicted: length = (maximumTokens ?? 1000) + 1
    case .never: length = maximumTokens ?? 1
    case .after(let width):
      guard promptCount < width else {
        throw StreamError(
          .none, "a prompt of \(promptCount) tokens leaves nothing of the model's width of \(width)"
        )
      }
      length = min(maximumTokens ?? width, width - promptCount)
    }
    self.init(count: count, normalisation: normalisation, maximumLength: length)
  }
}

/// The best complete hypotheses so far: by score, ties bytewise.
struct FinishedHypotheses {
  private var best: Best<Hypothesis>

  init(_ count: Int, _ vocabulary: Vocabulary) {
    best = Best(count) { a, b in
      let (x, y) = (tieKey(a.score), tieKey(b.score))
      return x != y ? x > y : bytewisePrecedes(a.tokens, b.tokens, vocabulary)
    }
  }

  mutating func offer(_ hypothesis: Hypothesis) { best.offer(hypothesis) }

  /// Whether nothing that scores up to `bound` can still change the result.
  func excludes(bound: Double) -> Bool {
    guard let worst = best.worst else { return false }
    return tieKey(bound) < tieKey(worst.score)
  }

  var isFull: Bool { best.worst != nil }

  func sorted() -> [Hypothesis] { best.sorted() }
}

/// Whether `a` stands before `b` as lines of token text do in byte order.
func bytewisePrecedes(_ a: [Token], _ b: [Token], _ vocabulary: Vocabulary) -> Bool {
  for (x, y) in zip(a, b) where x != y { return vocabulary.precedes(x, y) }
  return a.count < b.count
}
