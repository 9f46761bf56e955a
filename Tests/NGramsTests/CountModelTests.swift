// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import LanguageModel
import NGrams
import Testing
import TokenStreams

@Suite struct CountModelTests {
  /// - rule: as in a model file.
  private func model(_ rule: String, order: Int) throws -> any LanguageModel {
    let lines = ["\\counts\\ \(rule)"] + Pigs.countLines(Pigs.corpus, order: order)
    let file = try InputFile(bytes: Array(lines.joined(separator: "\n").utf8), name: "model")
    return try openNGramModel(file)
  }

  private func probability(_ text: String, _ rule: String, order: Int) throws -> Double {
    exp(try model(rule, order: order).logProbability(of: text))
  }

  @Test func relativeFrequenciesOfTheLecture() throws {
    // Exact rationals, so that only the rounding of a few logarithms remains.
    let unigram = try probability(Pigs.a, "mle", order: 1)
    #expect(abs(unigram / (64 / 36_905_625.0) - 1) < 1e-12)
    #expect(try probability(Pigs.b, "mle", order: 1) == unigram)
    #expect(abs(try probability(Pigs.a, "mle", order: 2) - 2 / 45.0) < 1e-15)
    #expect(try probability(Pigs.b, "mle", order: 2) == 0)
    #expect(try probability(Pigs.a, "mle", order: 3) == 0)
    #expect(try probability(Pigs.b, "mle", order: 3).isNaN)
  }

  @Test func aBareCountsStreamIsTheMaximumLikelihoodModel() throws {
    let text = Pigs.countLines(Pigs.corpus, order: 2).joined(separator: "\n")
    let model = try openNGramModel(InputFile(bytes: Array(text.utf8)))
    #expect(abs(exp(model.logProbability(of: Pigs.a)) - 2 / 45.0) < 1e-15)
  }

  struct Remedy: Sendable { var rule: String, order: Int, a: Double, b: Double }

  static let remedies = [
    Remedy(rule: "laplace=1", order: 2, a: 45 / 540_056, b: 1 / 270_028),
    Remedy(rule: "laplace", order: 3, a: 25 / 2_433_024, b: 1 / 4_656_960),
    Remedy(rule: "laplace=0.1", order: 3, a: 3.964791e-4, b: 1.490450e-7),
    Remedy(rule: "stupid=0.4", order: 3, a: 1 / 120, b: 5.056790e-6),
  ]

  @Test(arguments: remedies) func remediesOfTheLecture(_ remedy: Remedy) throws {
    // Seven digits are all that the reference values have: half a unit of the last is 5e-7 at most.
    let a = try probability(Pigs.a, remedy.rule, order: remedy.order)
    let b = try probability(Pigs.b, remedy.rule, order: remedy.order)
    #expect(abs(a / remedy.a - 1) < 5e-7)
    #expect(abs(b / remedy.b - 1) < 5e-7)
  }

  @Test func rowsAgreeWithSingleProbabilitiesAndSumToOne() throws {
    for (rule, order) in [("mle", 2), ("mle", 4), ("laplace=1", 3), ("laplace=0.1", 1)] {
      try check(model(rule, order: order))
    }
    func check<Model: LanguageModel>(_ model: Model) {
      for state in model.contexts(in: Pigs.corpus) {
        let row = model.row(after: state)
        for token in row.indices {
          let single = model.logProbability(of: UInt32(token), after: state)
          #expect(row[token] == single || (row[token].isNaN && single.isNaN))
        }
        if !row[2].isNaN { #expect(abs(row.reduce(0) { $0 + exp($1) } - 1) < 1e-12) }
      }
    }
  }

  @Test func stupidBackoffIsNoDistribution() throws {
    func check<Model: LanguageModel>(_ model: Model) {
      #expect(!model.isDistribution)
      let sum = model.row(after: model.state(after: "what do")).reduce(0) { $0 + exp($1) }
      #expect(abs(sum - 1.131556) < 5e-7)
    }
    try check(model("stupid=0.4", order: 3))
  }

  @Test func withoutEndsRecordsDoNotEnd() throws {
    let histogram = ["1\t1", "2\t2", "10\t7"].joined(separator: "\n")
    let model = try openNGramModel(InputFile(bytes: Array(histogram.utf8)))
    #expect(model.ending == .never)
    // Tokens that are numbers stand in numeric order.
    func check<Model: LanguageModel>(_ model: Model) {
      let expected: [Double] = [0, 0, 0, 0.1, 0.2, 0.7]
      #expect(model.row(after: model.start) == expected.map { log($0) })
    }
    check(model)
  }

  @Test func positionsAndPaddingAreParts() throws {
    // Two pixels: the first is 1 in a half, the second repeats it.
    let lines = "\\@1 0\t1\n\\@1 1\t1\n\\@2 0\t1\n\\@2 1\t3"
    let independent = try openNGramModel(InputFile(bytes: Array(lines.utf8)))
    #expect(independent.ending == .after(2))
    func check<Model: LanguageModel>(_ model: Model) {
      let one = model.vocabulary.token(Array("1".utf8))!
      #expect(model.logProbability(of: one, after: model.start) == log(0.5))
      #expect(model.logProbability(of: one, after: model.state(after: "1")) == log(0.75))
      #expect(model.logProbability(of: one, after: model.state(after: "1 1")).isNaN)
    }
    check(independent)
  }

  @Test func aModelThatNothingIsKnownOfIsRefused() throws {
    let file = try InputFile(bytes: Array("\\counts\\ magic\na\t1\n".utf8), name: "m")
    #expect(throws: StreamError.self) { try openNGramModel(file) }
  }
}
