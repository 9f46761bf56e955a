// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import LanguageModel
import NGrams
import TestSupport
import TokenStreams

/// The toy corpus of the lecture, its counts, and its two sentences.
enum Pigs {
  static let corpus = pigs.joined(separator: "\n")
  static let a = "what do pigs eat ?"
  static let b = "pigs eat what do ?"

  /// The lines `w1 w2<TAB>1` of every predicted token of a corpus.
  static func countLines(
    _ corpus: String, order: Int, predictsEnd: Bool = true
  ) -> [String] {
    corpus.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line in
      let words =
        Array(repeating: "<s>", count: order - 1) + line.split(separator: " ").map(String.init)
        + (predictsEnd ? ["</s>"] : [])
      return (order - 1..<words.count).map {
        words[($0 - order + 1)...$0].joined(separator: " ") + "\t1"
      }
    }
  }

  static func counts(_ lines: [String]) throws -> NGramCounts {
    let text = lines.joined(separator: "\n")
    return try NGramCounts(CountReader(file: InputFile(bytes: Array(text.utf8), name: "counts")))
  }

  static func counts(order: Int) throws -> NGramCounts {
    try counts(countLines(corpus, order: order))
  }
}

extension LanguageModel {
  func tokens(_ text: String) -> [Token] {
    text.split(separator: " ").map { vocabulary.token(Array($0.utf8)) ?? vocabulary.unknown! }
  }

  /// The log-probability of a record, its end included, in nats.
  func logProbability(of text: String) -> Double {
    var state = start
    var sum = 0.0
    for token in tokens(text) { sum += logProbability(of: token, advancing: &state) }
    return sum + logProbability(of: vocabulary.end!, after: state)
  }

  func state(after text: String) -> State {
    var state = start
    for token in tokens(text) { advance(&state, with: token) }
    return state
  }

  func row(after state: State) -> [Double] {
    var row = [Double](repeating: 0, count: vocabulary.count)
    var span = row.mutableSpan
    logProbabilities(after: state, into: &span)
    return row
  }

  /// Every context of up to `length` tokens of a record of the corpus, and a few unseen ones.
  func contexts(in corpus: String) -> [State] {
    var states = [start]
    for line in corpus.split(separator: "\n").map(String.init) + [Pigs.b, "? ?", "zebra eat"] {
      var state = start
      for token in tokens(line) {
        advance(&state, with: token)
        states.append(state)
      }
    }
    return states
  }
}
