// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Decoding
import Foundation
import LanguageModel
import Probability
import TestSupport
import Testing
import TokenStreams

@Test(
  arguments: [
    (0.05, "1"), (0.1, "1"), (0.1000001, "2"), (0.3, "2"), (0.95, "4"), (0.0, "1"), (1.0, "4"),
  ] as [(Double, String)]) func `the smallest token whose cumulated probability reaches u is drawn`(
    u: Double, word: String
  )
{
  let model = TableModel([("1", 1), ("2", 2), ("3", 3), ("4", 4)])
  let distribution = Distribution(of: model, after: model.start)
  #expect(model.text([distribution.token(atCumulative: u)]) == word)
}

@Test func `draws follow the distribution`() throws {
  let model = TableModel([
    ("eat", 50), ("like", 30), ("see", 10), ("know", 5), ("do", 4), ("wear", 1),
  ])
  let sampler = Sampler(model, adjustments: [], maximumCount: nil)
  let count = 100_000
  let samples = try sampler.samples(
    of: [], records: 1..<UInt64(count + 1), random: RandomNumbers(seed: 1))
  var counts: [String: Int] = [:]
  for sample in samples { counts[model.text(sample), default: 0] += 1 }
  var chiSquare = 0.0
  for (word, p) in [
    ("eat", 0.5), ("like", 0.3), ("see", 0.1), ("know", 0.05), ("do", 0.04), ("wear", 0.01),
  ] {
    let expected = p * Double(count)
    let difference = Double(counts[word]!) - expected
    chiSquare += difference * difference / expected
  }
  // 5 degrees of freedom, p = 0.001.
  #expect(chiSquare < 20.52)
}

@Test func `whole sentences follow the product of their conditionals`() throws {
  let model = TableModel(pigs, order: 2)
  let sampler = Sampler(model, adjustments: [], maximumCount: nil)
  let count = 72_000
  let samples = try sampler.samples(
    of: [], records: 1..<UInt64(count + 1), random: RandomNumbers(seed: 1))
  var counts: [[Token]: Int] = [:]
  for sample in samples { counts[sample, default: 0] += 1 }
  let records = allRecords(of: model)
  #expect(records.count == 51)
  var chiSquare = 0.0
  for (tokens, logProbability) in records {
    let expected = exp(logProbability) * Double(count)
    let difference = Double(counts[tokens] ?? 0) - expected
    chiSquare += difference * difference / expected
  }
  // 50 degrees of freedom, p = 0.001.
  #expect(chiSquare < 86.66)
  #expect(counts.count == 51)
}

@Test func `batches and the cut into calls change no sample`() throws {
  let random = RandomNumbers(seed: 3)
  let adjustments: [any Adjustment] = [Temperature(1.5), TopP(0.9)]
  let plain = Sampler(TableModel(pigs, order: 2), adjustments: adjustments, maximumCount: 8)
  let expected = try plain.samples(of: [], records: 1..<41, random: random)
  for batchCount in [2, 7, 64] {
    let model = TableModel(pigs, order: 2, batchCount: batchCount)
    let sampler = Sampler(model, adjustments: adjustments, maximumCount: 8)
    let halves =
      try sampler.samples(of: [], records: 1..<12, random: random)
      + sampler.samples(of: [], records: 12..<41, random: random)
    #expect(halves == expected)
  }
}

@Test func `a prompt is continued, up to the width of a fixed one`() throws {
  let model = TableModel(["a b c", "a c b"], order: 2, ending: .after(3))
  let sampler = Sampler(model, adjustments: [Temperature(0)], maximumCount: nil)
  let prompt = model.tokens("a")
  #expect(
    try sampler.samples(of: prompt, records: 1..<2, random: RandomNumbers(seed: 0))[0].count == 3)
  #expect(throws: StreamError.self) {
    try sampler.samples(
      of: model.tokens("a b c a"), records: 1..<2, random: RandomNumbers(seed: 0))
  }
}

@Test func `an unseen context is an error, and the end of counts without ends is an end`() throws {
  let model = TableModel(["a b c"], order: 2, ending: .never)
  let sampler = Sampler(model, adjustments: [], maximumCount: 10)
  let random = RandomNumbers(seed: 0)
  #expect(
    try sampler.samples(of: [], records: 1..<2, random: random) == [model.tokens("a b c")])
  #expect(throws: StreamError.self) {
    try sampler.samples(of: model.tokens("c"), records: 1..<2, random: random)
  }
}
