// SPDX-License-Identifier: Apache-2.0

internal import Foundation
public import LanguageModel
public import TokenStreams

/// A model written down as a table: the maximum-likelihood n-gram model of some sentences, or what a
/// test says. Every look-up is a dictionary's: the slow twin of the families.
public struct TableModel: LanguageModel {
  public let vocabulary: Vocabulary
  public let ending: RecordEnding
  public let batchCount: Int
  private let order: Int
  /// For each context the probability of each token that can follow.
  private var table: [[Token]: [Token: Double]] = [:]

  /// The n-gram frequencies of sentences, whose words are separated by spaces.
  public init(
    _ sentences: [String], order: Int, ending: RecordEnding = .predicted, batchCount: Int = 1
  ) {
    let words = sentences.map { $0.split(separator: " ").map { Array($0.utf8) } }
    vocabulary = Vocabulary(modelSpellings: Array(Set(words.joined())), decoding: .spaced)
    self.order = order
    self.ending = ending
    self.batchCount = batchCount
    for sentence in words {
      var tokens = sentence.map { vocabulary.token($0)! }
      if ending == .predicted { tokens.append(vocabulary.end!) }
      var state = start
      for token in tokens {
        table[state, default: [:]][token, default: 0] += 1
        advance(&state, with: token)
      }
    }
    for (context, counts) in table {
      let total = counts.values.reduce(0, +)
      table[context] = counts.mapValues { $0 / total }
    }
  }

  /// A memoryless model: what it says of one token it says of all.
  ///
  /// - weights: need not sum to one.
  public init(_ weights: [(word: String, weight: Double)], batchCount: Int = 1) {
    self.init(
      weights.map(\.word), order: 1, ending: .never, batchCount: batchCount)
    let total = weights.reduce(0) { $0 + $1.weight }
    table[[]] = Dictionary(
      uniqueKeysWithValues: weights.map {
        (vocabulary.token(Array($0.word.utf8))!, $0.weight / total)
      })
  }

  public var start: [Token] { Array(repeating: vocabulary.beginning!, count: order - 1) }

  public func advance(_ state: inout [Token], with token: Token) {
    state = Array((state + [token]).suffix(order - 1))
  }

  public func logProbability(of token: Token, after state: [Token]) -> Double {
    guard let distribution = table[state] else { return .nan }
    return log(distribution[token] ?? 0)
  }

  public func logProbabilities(after state: [Token], into row: inout MutableSpan<Double>) {
    for token in 0..<Token(vocabulary.count) {
      row[Int(token)] = logProbability(of: token, after: state)
    }
  }

  /// The tokens of a sentence.
  public func tokens(_ sentence: String) -> [Token] {
    sentence.split(separator: " ").map { vocabulary.token(Array($0.utf8))! }
  }

  /// The sentence of tokens.
  public func text(_ tokens: [Token]) -> String {
    tokens.map { String(decoding: vocabulary.spelling(of: $0), as: UTF8.self) }
      .joined(separator: " ")
  }
}

/// Every record that a model can produce, with its log-probability: depth first.
///
/// - maximumLength: tokens at most, for models whose records could go on for ever.
public func allRecords<Model: LanguageModel>(
  of model: Model, maximumLength: Int = .max
) -> [(tokens: [Token], logProbability: Double)] {
  var result: [(tokens: [Token], logProbability: Double)] = []
  func visit(_ tokens: [Token], _ state: Model.State, _ logProbability: Double) {
    for token in 0..<Token(model.vocabulary.count) {
      let step = model.logProbability(of: token, after: state)
      guard step > -.infinity else { continue }
      if token == model.vocabulary.end {
        result.append((tokens, logProbability + step))
      } else if tokens.count < maximumLength {
        var next = state
        model.advance(&next, with: token)
        visit(tokens + [token], next, logProbability + step)
      }
    }
  }
  visit([], model.start, 0)
  return result
}
