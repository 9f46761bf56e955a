// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import LanguageModel
import Probability
import TestSupport
import Testing
import TokenStreams

private func settings(
  _ count: Int, _ normalisation: LengthNormalisation = .none, maximumLength: Int = 1000
) -> SearchSettings {
  SearchSettings(count: count, normalisation: normalisation, maximumLength: maximumLength)
}

/// All records, best first: the slow twin of every search.
private func exhaustive(
  _ model: TableModel, _ settings: SearchSettings
) -> [(text: String, score: Double)] {
  allRecords(of: model, maximumLength: settings.maximumLength - 1)
    .map { record in
      let score = settings.normalisation.score(
        record.logProbability, length: record.tokens.count + 1)
      return (model.text(record.tokens), score)
    }
    .sorted {
      let (a, b) = ((($0.1) * 1e9).rounded(), (($1.1) * 1e9).rounded())
      return a != b ? a > b : Array($0.0.utf8).lexicographicallyPrecedes(Array($1.0.utf8))
    }
    .prefix(settings.count).map { $0 }
}

@Test(arguments: 1...5) func `greedy is wrong and so is a narrow beam`(width: Int) throws {
  let model = TableModel(pigs, order: 2)
  let text = width < 4 ? "what do dogs eat ?" : "what do dogs like ?"
  let probability = width < 4 ? 2 / 45.0 : 1 / 15.0
  let found = try BeamSearch(model, width: width, settings: settings(1)).search(after: [])
  #expect(model.text(found[0].tokens) == text)
  #expect(abs(exp(found[0].logProbability) - probability) < 1e-12)
}

@Test func `a written garden path needs two beginnings`() throws {
  var sentences: [String] = []
  for (first, count, x) in [("a", 50, 20), ("b", 40, 36), ("c", 10, 1)] {
    for index in 0..<count { sentences.append("\(first) \(index < x ? "x" : "y\(index)")") }
  }
  let model = TableModel(sentences, order: 2, ending: .never)
  for (width, text, p) in [(1, "a x", 0.2), (2, "b x", 0.36)] {
    let found = try BeamSearch(model, width: width, settings: settings(1, maximumLength: 2))
      .search(after: [])
    #expect(model.text(found[0].tokens) == text)
    #expect(abs(exp(found[0].logProbability) - p) < 1e-12)
  }
}

@Test(arguments: 0..<40) func `wide beams and exact search find what looking at all finds`(
  seed: Int
)
  throws
{
  var generator = SeededGenerator(seed: UInt64(seed))
  let sentences = (0..<12).map { _ in
    (0..<Int.random(in: 1...4, using: &generator)).map { _ in
      ["a", "b", "c", "d"].randomElement(using: &generator)!
    }.joined(separator: " ")
  }
  let model = TableModel(sentences, order: 2)
  for normalisation in [
    LengthNormalisation.none, .plain(exponent: 1), .gnmt(exponent: 0.6), .plain(exponent: 0.5),
  ] {
    let wanted = settings(5, normalisation, maximumLength: 5)
    let expected = exhaustive(model, wanted)
    let exact = try ExactSearch(model, settings: wanted).search(after: [])
    let wide = try BeamSearch(model, width: 4 * 4 * 4 * 4 * 5, settings: wanted).search(after: [])
    for found in [exact, Array(wide.prefix(expected.count))] {
      #expect(found.map { model.text($0.tokens) } == expected.map(\.text))
      for (a, b) in zip(found, expected) { #expect(abs(a.score - b.score) < 1e-12) }
    }
  }
}

@Test(arguments: 0..<20) func `width one is greedy, and scores are those of scoring`(seed: Int)
  throws
{
  var generator = SeededGenerator(seed: UInt64(seed))
  let sentences = (0..<20).map { _ in
    (0..<Int.random(in: 1...6, using: &generator)).map { _ in
      ["a", "b", "c", "d", "e"].randomElement(using: &generator)!
    }.joined(separator: " ")
  }
  let model = TableModel(sentences, order: 3)
  let prompt = model.tokens(String(sentences[0].prefix(1)))
  let greedy = try Sampler(model, adjustments: [Temperature(0)], maximumCount: 50)
    .samples(of: prompt, records: 1..<2, random: .init(seed: 0))[0]
  let beam = try BeamSearch(model, width: 1, settings: settings(1, maximumLength: 51))
    .search(after: prompt)
  #expect(beam[0].tokens.prefix(50) == greedy.prefix(50))
  for found in try BeamSearch(model, width: 7, settings: settings(7)).search(after: prompt) {
    var state = model.start
    for token in prompt { model.advance(&state, with: token) }
    var total = 0.0
    for token in found.tokens.dropFirst(prompt.count) + [model.vocabulary.end!] {
      total += model.logProbability(of: token, after: state)
      model.advance(&state, with: token)
    }
    #expect(abs(total - found.logProbability) < 1e-12)
    #expect(found.length == found.tokens.count - prompt.count + 1)
  }
}

@Test func `short records win unless lengths are normalised`() throws {
  let model = TableModel(pigs, order: 2)
  func rank(_ text: String, _ normalisation: LengthNormalisation) throws -> Int {
    try ExactSearch(model, settings: settings(51, normalisation, maximumLength: 20))
      .search(after: []).firstIndex { model.text($0.tokens) == text }!
  }
  #expect(try rank("cows eat ?", .none) < rank("what do cows eat ?", .none))
  #expect(
    try rank("cows eat ?", .plain(exponent: 1)) > rank("what do cows eat ?", .plain(exponent: 1)))
}

@Test func `a trace is a graph of what was kept and pruned`() throws {
  let model = TableModel(pigs, order: 2)
  let trace = SearchTrace(model.vocabulary)
  _ = try BeamSearch(model, width: 2, settings: settings(1)).search(after: [], trace: trace)
  #expect(trace.text.hasPrefix("digraph beam {"))
  #expect(trace.text.contains("style=dashed") && trace.text.contains("penwidth=2"))
}
