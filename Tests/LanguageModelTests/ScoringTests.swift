// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import LanguageModel
import Probability
import TestSupport
import Testing
import TokenStreams

/// A block of sentences in a model's tokens.
private func block(_ sentences: [String], _ model: TableModel) -> TokenBlock {
  var block = TokenBlock()
  for sentence in sentences {
    block.tokens += model.tokens(sentence)
    block.endRecord()
  }
  return block
}

@Test func `the bigram finds the lecture's sentence as probable as by hand`() throws {
  let model = TableModel(pigs, order: 2)
  let scored = try model.scored(block(["what do pigs eat ?", "pigs eat what do ?"], model))
  let scores = scored.recordScores
  #expect(abs(exp(scores[0].logProbability) - 2 / 45) < 1e-15)
  #expect(scores[0].count == 6)
  #expect(scores[1].logProbability == -.infinity)
  #expect(scores[1].zeroCount == 2)
}

@Test func `zero and undefined are told apart`() throws {
  let model = TableModel(pigs, order: 3)
  let scores = try model.scored(block(["what do pigs eat ?", "pigs eat what do ?"], model))
    .recordScores
  #expect(scores[0].logProbability == -.infinity)
  #expect(scores[0].undefinedCount == 0)
  #expect(scores[1].logProbability.isNaN)
  #expect(scores[1].undefinedCount > 0)
}

@Test(arguments: [(1, 11.425734), (2, 1.928281), (3, 1.637064), (4, 1.447269)] as [(Int, Double)])
func `training perplexities are those of the lecture`(order: Int, perplexity: Double) throws {
  let model = TableModel(pigs, order: order)
  var total = Score()
  for score in try model.scored(block(pigs, model)).recordScores { total += score }
  #expect(total.count == 45)
  #expect(abs(total.perplexity - perplexity) < 5e-7)
}

@Test func `records in lock step score as one by one`() throws {
  var generator = SeededGenerator(seed: 4)
  let words = (0..<7).map { "w\($0)" }
  let sentences = (0..<50).map { _ in
    (0..<Int.random(in: 0...12, using: &generator)).map { _ in
      words.randomElement(using: &generator)!
    }.joined(separator: " ")
  }
  let plain = TableModel(sentences, order: 3)
  let expected = try plain.scored(block(sentences, plain)).logProbabilities
  for batchCount in [2, 3, 8, 100] {
    let model = TableModel(sentences, order: 3, batchCount: batchCount)
    #expect(try model.scored(block(sentences, model)).logProbabilities == expected)
  }
}

@Test func `unknown tokens are left out of the known perplexity only`() {
  var score = Score()
  score.add(-1, isUnknown: false)
  score.add(-.infinity, isUnknown: true)
  score.add(-3, isUnknown: false)
  #expect(score.perplexity == .infinity)
  #expect(score.knownPerplexity == exp(2))
  #expect(score.unknownCount == 1)
}

@Test func `a record of another width than the model's is an error`() throws {
  let model = TableModel(["a b"], order: 2, ending: .after(2))
  #expect(throws: StreamError.self) { try model.scored(block(["a b", "a b a"], model)) }
  let scores = try model.scored(block(["a b"], model)).recordScores
  #expect(scores[0].count == 2)
}

@Test func `the text of a block is measured, unknown words at their own length`() throws {
  let scratch = try Scratch()
  try scratch.write("in", "pigs eat\nsnow ?\n")
  let model = TableModel(pigs, order: 2)
  let reader = TokenReader(paths: [scratch.path("in")], numbering: .known(model.vocabulary))
  let block = try #require(try reader.next())
  #expect(TextSize(model.vocabulary)!.byteCount(of: block) == 16)
}
