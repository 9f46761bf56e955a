// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import LanguageModel
import NGrams
import Probability
import TestSupport
import Testing
import TokenStreams

@Suite struct BackoffModelTests {
  private func model(
    order: Int, _ method: SmoothingMethod = .modifiedKneserNey,
    _ options: EstimationOptions = .init()
  ) throws -> BackoffModel {
    try Pigs.counts(order: order).estimated(by: method, options).backoffModel()
  }

  /// The same in the double precision that it is computed in.
  private func exactModel(
    order: Int, _ method: SmoothingMethod = .modifiedKneserNey,
    _ options: EstimationOptions = .init()
  ) throws -> BackoffModel {
    let estimation = try BackoffEstimation(Pigs.counts(order: order), by: method, options)
    return BackoffModel(try estimation.table(rounded: false))
  }

  private func sum(_ row: [Double]) -> Double { row.reduce(0) { $0 + exp($1) } }

  @Test(arguments: 1...5) func aBlockScoresAsItsTokensDo(order: Int) throws {
    let model = try model(order: order)
    var random = SeededGenerator(seed: UInt64(order))
    var block = TokenBlock()
    var expected: [Double] = []
    // More records than there are lanes, some of them empty.
    for _ in 0..<50 {
      var state = model.start
      for _ in 0..<Int.random(in: 0...7, using: &random) {
        let token = [0] + (3..<Token(model.vocabulary.count)).map { $0 }
        block.tokens.append(token.randomElement(using: &random)!)
        expected.append(model.logProbability(of: block.tokens.last!, advancing: &state))
      }
      block.endRecord()
      expected.append(model.logProbability(of: 2, after: state))
    }
    var scores = [Double](repeating: .nan, count: expected.count)
    var span = scores.mutableSpan
    model.logProbabilities(ofRecordsIn: block, into: &span)
    #expect(scores == expected)
  }

  @Test func withoutEndsABlockScoresNone() throws {
    let lines = Pigs.countLines(Pigs.corpus, order: 2, predictsEnd: false)
    let model = try Pigs.counts(lines).estimated(by: .wittenBell).backoffModel()
    #expect(model.ending == .never)
    var block = TokenBlock()
    block.endRecord()
    block.tokens = model.tokens("what do")
    block.endRecord()
    var scores = [Double](repeating: .nan, count: 4)
    var span = scores.mutableSpan
    model.logProbabilities(ofRecordsIn: block, into: &span)
    #expect(scores[0] == 0 && scores[3] == 0 && scores[1] < 0 && scores[2] < 0)
  }

  /// Chi-square with up to 15 degrees of freedom: 37.7 is exceeded once in a thousand.
  @Test(arguments: [
    SmoothingMethod.modifiedKneserNey, .backoff(0.5), .interpolate([0.1, 0.3, 0.6]),
  ])
  func drawsFollowTheDistribution(method: SmoothingMethod) throws {
    let model = try model(order: 3, method)
    let random = RandomNumbers(seed: 5)
    for (record, text) in ["", "what do", "what do pigs", "zebra"].enumerated() {
      let state = model.state(after: text)
      var found = [Double](repeating: 0, count: model.vocabulary.count)
      let drawCount = 20_000
      for step in 0..<drawCount {
        var numbers = random.numbers(record: UInt64(record), step: UInt64(step))
        found[Int(try #require(model.token(drawnAfter: state, with: &numbers)))] += 1
      }
      var distance = 0.0
      for (token, value) in model.row(after: state).enumerated() {
        let expected = exp(value) * Double(drawCount)
        if expected < 1e-9 {
          #expect(found[token] == 0)
        } else {
          distance += (found[token] - expected) * (found[token] - expected) / expected
        }
      }
      #expect(distance < 37.7, "\(text)")
    }
  }

  @Test func entropyPruningKeepsDistributionsWhole() throws {
    for limit in [EntropyLimit.perplexityIncrease(1e-2), .count(30), .count(0)] {
      var options = EstimationOptions()
      options.entropyLimit = limit
      let whole = try model(order: 3)
      let pruned = try model(order: 3, .modifiedKneserNey, options)
      let count = (0..<3).reduce(0) { $0 + pruned.nGramCount(order: $1 + 1) }
      #expect(count < (0..<3).reduce(0) { $0 + whole.nGramCount(order: $1 + 1) })
      if case .count(let bound) = limit {
        #expect(count <= max(bound, pruned.nGramCount(order: 1)))
      }
      let exact = try exactModel(order: 3, .modifiedKneserNey, options)
      for state in exact.contexts(in: Pigs.corpus) {
        #expect(abs(sum(exact.row(after: state)) - 1) < 1e-9)
      }
      // Stored values are single precision: 3e-7 of each probability, and of the back-offs before it.
      for state in pruned.contexts(in: Pigs.corpus) {
        #expect(abs(sum(pruned.row(after: state)) - 1) < 2e-6)
      }
    }
  }

  @Test func aMixtureIsTheWeightedSum() throws {
    let (a, b) = try (model(order: 3), model(order: 2, .wittenBell))
    let mixture = try BackoffMixture([a, b])
    let mixed = try mixture.mixed([0.25, 0.75])
    // Where both hold the n-gram, exactly, but for single precision.
    for (context, word) in [("what", "do"), ("what do", "pigs"), ("", "what"), ("pigs", "eat")] {
      func p(_ model: BackoffModel) -> Double {
        exp(model.logProbability(of: model.tokens(word)[0], after: model.state(after: context)))
      }
      #expect(abs(p(mixed) - 0.25 * p(a) - 0.75 * p(b)) < 1e-6)
    }
    for state in mixed.contexts(in: Pigs.corpus) {
      #expect(abs(sum(mixed.row(after: state)) - 1) < 2e-6)
    }
    let exact = try BackoffMixture([exactModel(order: 3), exactModel(order: 2, .wittenBell)])
      .mixed([0.25, 0.75], rounded: false)
    for state in exact.contexts(in: Pigs.corpus) {
      #expect(abs(sum(exact.row(after: state)) - 1) < 1e-9)
    }
  }

  @Test func heldOutTextFindsTheWeights() throws {
    let scratch = try Scratch()
    try scratch.write("held", "what do pigs eat ?\npigs eat grass .\n")
    let (a, b) = try (model(order: 3), model(order: 1))
    let mixture = try BackoffMixture([a, b])
    let weights = try mixture.weights(heldOut: [scratch.path("held")])
    #expect(abs(weights[0] + weights[1] - 1) < 1e-12)
    // The maximum: no step to either side is better.
    func logLikelihood(_ weight: Double) -> Double {
      ["what do pigs eat ?", "pigs eat grass ."].reduce(0) { sum, line in
        var (one, other) = (a.start, b.start)
        return (a.tokens(line) + [2]).reduce(sum) { sum, token in
          let p = exp(a.logProbability(of: token, advancing: &one))
          let q = exp(b.logProbability(of: token, advancing: &other))
          return sum + log(weight * p + (1 - weight) * q)
        }
      }
    }
    let best = logLikelihood(weights[0])
    for weight in [weights[0] - 1e-3, weights[0] + 1e-3] where (0...1).contains(weight) {
      #expect(best >= logLikelihood(weight), "\(weights[0]) is no maximum")
    }
    let orders = try Pigs.counts(order: 3).interpolationWeights(heldOut: [scratch.path("held")])
    #expect(orders.count == 3 && abs(orders.reduce(0, +) - 1) < 1e-12)
  }

  @Test func quantizedModelsAreSmallerAndNear() throws {
    var options = EstimationOptions()
    options.quantizationBitCount = 4
    let (whole, quantized) = try (model(order: 3), model(order: 3, .modifiedKneserNey, options))
    #expect(quantized.byteCount < whole.byteCount)
    let difference =
      quantized.logProbability(of: Pigs.a) - whole.logProbability(of: Pigs.a)
    #expect(difference != 0 && abs(difference) < 1)
  }

  @Test func listedAndFrequentWordsStay() throws {
    let counts = try Pigs.counts(order: 2)
    let frequent = try counts.limitingVocabulary(minimumCount: 2)
    #expect(frequent.rows.vocabulary.token(Array("corn".utf8)) == nil)
    #expect(frequent.rows.vocabulary.token(Array("eat".utf8)) != nil)
    let list = WordList(words: ["eat", "pigs"])
    let listed = try counts.limitingVocabulary(listed: list.words)
    #expect(listed.rows.vocabulary.count == 5)
    let model = try listed.estimated(by: .wittenBell).backoffModel()
    // 37 tokens of the corpus, 12 of them «eat» and «pigs»... the others are counted as <unk>.
    #expect(model.logProbability(of: 0, after: model.start) > log(0.5))
  }
}
