// SPDX-License-Identifier: Apache-2.0

import Foundation
import LanguageModel
import NGrams
import TestSupport
import Testing
import TokenStreams

@Suite struct BackoffEstimationTests {
  private func model(
    _ method: SmoothingMethod, _ counts: NGramCounts, _ options: EstimationOptions = .init()
  ) throws -> BackoffModel {
    let estimation = try BackoffEstimation(counts, by: method, options)
    return BackoffModel(try estimation.table(rounded: false))
  }

  private func check(_ method: SmoothingMethod, order: Int, a: Double, b: Double) throws {
    let model = try model(method, Pigs.counts(order: order))
    // Twelve digits: only logarithms and their sums are rounded.
    #expect(abs(exp(model.logProbability(of: Pigs.a)) / a - 1) < 1e-12)
    #expect(abs(exp(model.logProbability(of: Pigs.b)) / b - 1) < 1e-12)
  }

  @Test func absoluteDiscountingOfTheLecture() throws {
    try check(.backoff(0.5), order: 3, a: 441 / 327_680, b: 21 / 606_208)
    let model = try model(.backoff(0.5), Pigs.counts(order: 3))
    let row = model.row(after: model.state(after: "what do pigs")).map(exp)
    #expect(abs(row[Int(model.tokens("eat")[0])] - 0.25) < 1e-14)
    #expect(abs(row[2] - 4 / 37) < 1e-14)
  }

  @Test func interpolationOfTheLecture() throws {
    let factors: [Double] = [413 / 900, 41 / 45, 83 / 300, 77 / 150, 1 / 9, 413 / 450]
    let model = try model(.interpolate([0.1, 0.3, 0.6]), Pigs.counts(order: 3))
    #expect(abs(exp(model.logProbability(of: Pigs.a)) / factors.reduce(1, *) - 1) < 1e-12)
    // Seven digits are what the reference has; 9.463840e-7 would be lost mass.
    #expect(abs(exp(model.logProbability(of: Pigs.b)) / 5.914900e-6 - 1) < 1e-6)
  }

  @Test func recursiveInterpolationOfTheLecture() throws {
    let model = try model(.recursive(0.5), Pigs.counts(order: 3))
    #expect(abs(exp(model.logProbability(of: Pigs.a)) / 2.712317e-3 - 1) < 1e-6)
    #expect(abs(exp(model.logProbability(of: Pigs.b)) / 1.078126e-5 - 1) < 1e-6)
  }

  static let methods: [SmoothingMethod] = [
    .backoff(0.5), .backoff(0.9), .katz, .wittenBell, .interpolate([0.2, 0, 0.8]),
    .interpolate([0, 0, 1]), .recursive(0.3), .kneserNey, .modifiedKneserNey,
  ]

  @Test(arguments: methods, [nil, true, false] as [Bool?])
  func everyDistributionSumsToOne(method: SmoothingMethod, isOpen: Bool?) throws {
    var options = EstimationOptions()
    options.isOpen = isOpen
    let model = try model(method, Pigs.counts(order: 3), options)
    for state in model.contexts(in: Pigs.corpus) {
      let row = model.row(after: state)
      #expect(abs(row.reduce(0) { $0 + exp($1) } - 1) < 1e-12)
      for token in row.indices {
        let single = model.logProbability(of: Token(token), after: state)
        #expect(abs(row[token] - single) < 1e-12 || row[token] == single)
      }
    }
  }

  @Test func vocabularyIsOpenForKneserNeyOnly() throws {
    let counts = try Pigs.counts(order: 2)
    for method in BackoffEstimationTests.methods where method != .interpolate([0, 0, 1]) {
      guard method != .interpolate([0.2, 0, 0.8]) else { continue }
      let model = try model(method, counts)
      let unknown = model.logProbability(of: 0, after: model.start)
      let isKneserNey = method == .kneserNey || method == .modifiedKneserNey
      #expect((unknown > -.infinity) == isKneserNey, "\(method)")
    }
  }

  /// Lines of a few words, the first ones most often.
  private func corpus(seed: UInt64, lines: Int) -> String {
    var random = SeededGenerator(seed: seed)
    return (0..<lines).map { _ in
      (0..<Int.random(in: 0...6, using: &random)).map { _ in
        let word = min(
          Int.random(in: 0...9, using: &random), Int.random(in: 0...9, using: &random))
        return "w\(word)"
      }.joined(separator: " ")
    }.joined(separator: "\n")
  }

  @Test(arguments: [1, 2, 3, 5], [[], [0, 1, 2]])
  func modifiedKneserNeyAgreesWithDirectSums(order: Int, thresholds: [Int]) throws {
    for seed in 0..<3 as Range<UInt64> {
      let corpus = corpus(seed: seed, lines: 150)
      let twin = ReferenceKneserNey(corpus, order: order, prune: thresholds)
      var options = EstimationOptions()
      options.pruneThresholds = thresholds.map(UInt64.init)
      let model = try model(
        .modifiedKneserNey, Pigs.counts(Pigs.countLines(corpus, order: order)), options)
      for line in ["w0 w1 w0 w0", "w3 w9 zebra w0 w1", ""] {
        var state = model.start
        var context = order > 1 ? ["<s>"] : []
        for word in line.split(separator: " ").map(String.init) + ["</s>"] {
          let expected = twin.probability(word, after: context)
          let token = model.vocabulary.token(Array(word.utf8)) ?? 0
          let found = exp(model.logProbability(of: token, advancing: &state))
          #expect(abs(found - expected) < 1e-9)
          context = Array((context + [word]).suffix(order - 1))
        }
      }
      for state in model.contexts(in: corpus) {
        #expect(abs(model.row(after: state).reduce(0) { $0 + exp($1) } - 1) < 1e-9)
      }
    }
  }

  @Test func orderOfLinesDoesNotMatter() throws {
    let lines = Pigs.countLines(corpus(seed: 7, lines: 50), order: 3)
    let (a, b) = try (Pigs.counts(lines), Pigs.counts(lines.reversed()))
    let state = "w0 w1"
    let (first, second) = try (model(.modifiedKneserNey, a), model(.modifiedKneserNey, b))
    #expect(
      first.row(after: first.state(after: state)) == second.row(after: second.state(after: state)))
  }

  @Test func tinyCorporaFallBackAndSaySo() throws {
    var remarks: [EstimationRemark] = []
    _ = try Pigs.counts(["a\t1"]).estimated(by: .modifiedKneserNey) { remarks.append($0) }
    #expect(remarks.map(\.isWarning) == [true])
    #expect(remarks[0].text.contains("order 1: no n-gram has a count of 2"))
  }

  @Test func lowerOrdersAreSumsOfTheHighest() throws {
    let short = try Pigs.counts(order: 2)
    let long = try Pigs.counts(order: 4).shortened(to: 2)
    let (a, b) = try (model(.wittenBell, short), model(.wittenBell, long))
    for text in ["", "what", "what do", "zebra"] {
      #expect(a.row(after: a.state(after: text)) == b.row(after: b.state(after: text)))
    }
  }
}
