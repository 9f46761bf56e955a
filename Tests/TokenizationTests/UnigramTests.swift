// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import TestSupport
import Testing
import TokenStreams
import Tokenization

private func encode(_ tokenizer: any Tokenizer, _ text: [UInt8]) -> [Token] {
  var tokens = TokenList()
  text.withUnsafeBufferPointer { tokenizer.makeEncoder().encode($0, into: &tokens) }
  return Array(tokens.tokens)
}

private func model(
  _ kind: SentencePieceModel.Kind, _ pieces: [(String, Float)], fallback: Bool = false
) -> SentencePieceModel {
  var model = SentencePieceModel()
  model.kind = kind
  model.append(Spelling.unknown, score: 0, type: .unknown)
  if fallback {
    for byte in 0..<256 {
      model.append(Array(String(format: "<0x%02X>", byte).utf8), score: 0, type: .byte)
    }
    model.hasByteFallback = true
  }
  for (piece, score) in pieces { model.append(Array(piece.utf8), score: score, type: .normal) }
  return model
}

/// All ways to cut a text into pieces, and the best by a sum in the same order.
private func slowBest(_ text: Substring, _ scores: [String: Float], before: Double = 0) -> Double? {
  if text.isEmpty { return before }
  return text.indices.compactMap { index -> Double? in
    let end = text.index(after: index)
    guard let score = scores[String(text[..<end])] else { return nil }
    return slowBest(text[end...], scores, before: before + Double(score))
  }.max()
}

@Test func `the segmentation found is as likely as the best of all`() throws {
  var generator = SeededGenerator(seed: 3)
  for _ in 0..<200 {
    var scores: [String: Float] = ["▁": -4, "a": -3, "b": -3, "c": -3]
    for _ in 0..<12 {
      let length = Int.random(in: 2...4, using: &generator)
      let piece = String((0..<length).map { _ in "abc".randomElement(using: &generator)! })
      scores[piece] = Float(-Int.random(in: 1...40, using: &generator)) / 4
      scores["▁" + piece] = Float(-Int.random(in: 1...40, using: &generator)) / 4
    }
    let sorted = scores.sorted { $0.key < $1.key }
    let tokenizer = try SentencePieceTokenizer(model(.unigram, sorted), name: "m")
    for _ in 0..<20 {
      let text = String(
        (0..<Int.random(in: 1...10, using: &generator)).map { _ in
          "abc".randomElement(using: &generator)!
        })
      let tokens = encode(tokenizer, Array(text.utf8))
      let found = tokens.reduce(0.0) { $0 + Double(sorted[Int($1) - 1].value) }
      // Quarters are exact in Float: no tolerance.
      #expect(found == slowBest("▁\(text)"[...], scores)!, "\(text)")
      #expect(tokens.map { sorted[Int($0) - 1].key }.joined() == "▁\(text)")
    }
  }
}

/// The best segmentation by sums in single precision from the start of the sentence.
private func slowFloatBest(_ text: [Character], _ scores: [String: Float]) -> [String] {
  var best: [(score: Float, start: Int)?] = Array(repeating: nil, count: text.count + 1)
  best[0] = (0, 0)
  for start in text.indices {
    for end in start + 1...min(start + 8, text.count) {
      guard let before = best[start], let score = scores[String(text[start..<end])] else {
        continue
      }
      let sum = before.score + score
      if best[end] == nil || sum > best[end]!.score { best[end] = (sum, start) }
    }
  }
  var pieces: [String] = []
  var end = text.count
  while end > 0 {
    pieces.append(String(text[best[end]!.start..<end]))
    end = best[end]!.start
  }
  return pieces.reversed()
}

@Test func `near ties fall as sums over the whole sentence do, from the cache too`() throws {
  var generator = SeededGenerator(seed: 31)
  for _ in 0..<60 {
    var scores: [String: Float] = [:]
    for piece in ["▁", "a", "b", "c"] {
      scores[piece] = Float.random(in: -9 ... -5, using: &generator)
    }
    for _ in 0..<14 {
      let length = Int.random(in: 2...4, using: &generator)
      let piece = String((0..<length).map { _ in "abc".randomElement(using: &generator)! })
      // Sums of the parts, a little off now and then: ties that rounding decides.
      let parts = piece.reduce(Float(0)) { $0 + scores[String($1)]! }
      scores[piece] = parts + [0, 0, 1e-6, -1e-6, 0.5].randomElement(using: &generator)!
    }
    let sorted = scores.sorted { $0.key < $1.key }
    // A piece that the user defined costs nothing, whatever the file says.
    var spec = model(.unigram, sorted)
    spec.append(Array(".".utf8), score: -3, type: .userDefined)
    let names = sorted.map(\.key) + ["."]
    scores["."] = 0
    let encoder = try SentencePieceTokenizer(spec, name: "m").makeEncoder()
    for _ in 0..<12 {
      let words = (0..<Int.random(in: 1...60, using: &generator)).map { _ in
        String(
          (0..<Int.random(in: 1...7, using: &generator)).map { _ in
            "abc.".randomElement(using: &generator)!
          })
      }
      var tokens = TokenList()
      Array(words.joined(separator: " ").utf8).withUnsafeBufferPointer {
        encoder.encode($0, into: &tokens)
      }
      let expected = slowFloatBest(Array("▁" + words.joined(separator: "▁")), scores)
      #expect(tokens.tokens.map { names[Int($0) - 1] } == expected)
    }
  }
}

/// Merging by its definition: look at all neighbours before every merge.
private func slowMerges(_ text: String, _ scores: [String: Float]) -> [String] {
  var symbols = text.map { String($0) }
  while true {
    let candidates = symbols.indices.dropLast().filter {
      scores[symbols[$0] + symbols[$0 + 1]] != nil
    }
    guard
      let best = candidates.max(by: {
        let (a, b) = (
          scores[symbols[$0] + symbols[$0 + 1]]!, scores[symbols[$1] + symbols[$1 + 1]]!
        )
        return a != b ? a < b : $0 > $1
      })
    else { return symbols }
    symbols.replaceSubrange(best...best + 1, with: [symbols[best] + symbols[best + 1]])
  }
}

@Test func `scored merges agree with merging by rescanning, with and without cuts at words`() throws
{
  var generator = SeededGenerator(seed: 8)
  for round in 0..<100 {
    var scores: [String: Float] = ["▁": -100, "a": -101, "b": -102, "c": -103]
    for index in 0..<20 {
      let parts = scores.keys.sorted().shuffled(using: &generator).prefix(2)
      let piece = parts.joined()
      // Half of the models have a piece that reaches over a space: words must not be cut then.
      if round % 2 == 0, piece.dropFirst().contains("▁") { continue }
      if piece.count <= 6 { scores[piece] = Float(-index / 2) }
    }
    let sorted = scores.sorted { $0.key < $1.key }
    var spec = model(.bpe, sorted)
    spec.removesExtraWhitespace = false
    let tokenizer = try SentencePieceTokenizer(spec, name: "m")
    for _ in 0..<20 {
      let text = String(
        (0..<Int.random(in: 1...40, using: &generator)).map { _ in
          "abc ".randomElement(using: &generator)!
        })
      let expected = slowMerges("▁" + text.replacing(" ", with: "▁"), scores)
      #expect(encode(tokenizer, Array(text.utf8)).map { sorted[Int($0) - 1].key } == expected)
    }
  }
}

@Test func `bytes spell what no piece does, and come back as text`() throws {
  for kind in [SentencePieceModel.Kind.unigram, .bpe] {
    let tokenizer = try SentencePieceTokenizer(
      model(kind, [("▁", -2), ("a", -3), ("▁a", -1)], fallback: true), name: "m")
    let tokens = encode(tokenizer, Array("a é".utf8))
    #expect(tokens == [259, 257, 1 + 0xC3, 1 + 0xA9])
    var decoder = TextDecoder(tokenizer.vocabulary)
    var text = ByteBuffer()
    decoder.begin()
    for token in tokens { decoder.append(token, to: &text) }
    #expect(Array(text.bytes) == Array("a é".utf8))
  }
}

@Test func `a run of unknown characters is one unknown token`() throws {
  for kind in [SentencePieceModel.Kind.unigram, .bpe] {
    let tokenizer = try SentencePieceTokenizer(model(kind, [("▁", -2), ("a", -3)]), name: "m")
    #expect(encode(tokenizer, Array("xyz axa".utf8)) == [1, 0, 1, 2, 0, 2])
  }
}

@Test func `200 thousand letters without a cut take no more than linear time`() throws {
  let text = [UInt8](repeating: 0x61, count: 200_000)
  let pieces: [(String, Float)] = [("▁", -9), ("a", -8), ("aa", -1), ("aaaa", -2), ("▁a", -3)]
  for kind in [SentencePieceModel.Kind.unigram, .bpe] {
    let tokenizer = try SentencePieceTokenizer(model(kind, pieces), name: "m")
    let clock = ContinuousClock()
    let time = clock.measure { #expect(encode(tokenizer, text).count > 49_999) }
    // A quadratic encoder needs minutes; this takes a few hundredths of a second.
    #expect(time < .seconds(3))
  }
}

@Test func `a model file is written and read back the same`() throws {
  var original = model(.unigram, [("▁a", -1.5), ("b", -2.25), ("日本", -3)], fallback: true)
  original.removesExtraWhitespace = false
  original.addsDummyPrefix = false
  let copy = try SentencePieceModel(parsing: original.encoded(), name: "m")
  #expect(copy.pieces == original.pieces && copy.scores == original.scores)
  #expect(copy.types == original.types && copy.hasByteFallback)
  #expect(!copy.removesExtraWhitespace && !copy.addsDummyPrefix && copy.escapesWhitespace)
}

@Test func `a model cut short or altered is refused or still a model, with its place`() throws {
  let whole = model(.bpe, [("▁a", -1), ("b", -2), ("ab", -3)]).encoded()
  var refused = 0
  for length in 1..<whole.count {
    // Cut between two fields, what is left is a shorter model.
    do {
      #expect(try SentencePieceModel(parsing: Array(whole[..<length]), name: "m").pieces.count < 5)
    } catch {
      #expect("\(error)".hasPrefix("m:"))
      refused += 1
    }
  }
  #expect(refused > whole.count * 4 / 5)
  var generator = SeededGenerator(seed: 12)
  for _ in 0..<2000 {
    var altered = whole
    altered[Int.random(in: 0..<whole.count, using: &generator)] ^=
      1 << UInt8.random(in: 0..<8, using: &generator)
    do {
      let model = try SentencePieceModel(parsing: altered, name: "m")
      _ = encode(try SentencePieceTokenizer(model, name: "m"), Array("ab \u{ff} ba".utf8))
    } catch {
      #expect("\(error)".hasPrefix("m:"))
    }
  }
  #expect {
    try SentencePieceModel(parsing: Array(whole[..<7]), name: "m")
  } throws: {
    "\($0)".hasPrefix("m:@0: malformed SentencePiece model: field 1 of")
  }
}

@Test func `duplicate pieces, a missing unknown piece and missing bytes are refused`() {
  func message(_ model: SentencePieceModel) -> String {
    do {
      _ = try SentencePieceModel(parsing: model.encoded(), name: "m")
      return ""
    } catch { return "\(error)" }
  }
  #expect(message(model(.bpe, [("a", 0), ("b", 0), ("a", 0)])) == "m: piece 3 stands twice")
  var plain = SentencePieceModel()
  plain.append(Array("a".utf8), score: 0, type: .normal)
  #expect(message(plain) == "m: has 0 unknown pieces; a model has one")
  var missing = model(.bpe, [("a", 0)])
  missing.hasByteFallback = true
  #expect(message(missing) == "m: has 0 byte pieces; byte fallback needs 256")
}

private func learner(
  _ words: [(String, UInt64)], _ change: (inout UnigramLearner.Options) -> Void
) throws -> UnigramLearner {
  var counts = TrainingWords()
  for (word, count) in words {
    var bytes = ByteBuffer()
    bytes.append(word)
    try counts.add(bytes.bytes, count: count)
  }
  var options = UnigramLearner.Options()
  change(&options)
  return try UnigramLearner(counts, options: options)
}

@Test func `seeds are the substrings that occur twice and cannot be longer without a loss`() throws
{
  // banana twice: every substring occurs at least twice; ana, na and a more often than any longer one.
  let learned = try learner([("banana", 2), ("can", 1)]) { _ in }
  let seeds = zip(learned.seedPieces, learned.initialCounts).map {
    "\(String(decoding: $0, as: UTF8.self)) \($1)"
  }
  #expect(
    Set(seeds) == [
      "a 7", "b 2", "c 1", "n 5", "an 5", "ana 4", "anana 2", "banana 2", "na 4", "nana 2",
    ])
}

@Test func `expected counts agree with the sum over all segmentations`() throws {
  // One word of n letters a, seeds a and aa: the number of segmentations is a Fibonacci number.
  let learned = try learner([("aaaaaa", 1), ("aa", 3)]) {
    $0.seeds = .substrings
    $0.maximumCharacterCount = 2
    $0.iterationsPerRound = 1
  }
  #expect(learned.seedPieces.map { $0.count } == [1, 2])
  let p = [12.0 / 20, 8.0 / 20]
  #expect(learned.initialCounts == [12, 8])
  // The best path of aaaaaa is aa aa aa: 0.4³ = 0.064 against 0.6² 0.4² = 0.0576.
  let expected = -(log(p[1]) * 3) - 3 * log(p[1])
  #expect(abs(learned.loss() - expected) < 1e-12, "two sums of the same six logarithms")
}

@Test
func `the model has as many pieces as wanted, spells all characters, and is the same for any -j`()
  throws
{
  var generator = SeededGenerator(seed: 2)
  let stems = ["sing", "walk", "talk", "jump", "日本", "тест"]
  let ends = ["", "s", "ing", "ed", "er"]
  var words: [(String, UInt64)] = []
  for stem in stems {
    for end in ends {
      words.append((" " + stem + end, UInt64.random(in: 1...50, using: &generator)))
    }
  }
  func learn(_ threads: Int) throws -> [UnigramLearner.Piece] {
    try learner(words) {
      $0.pieceCount = 40
      $0.coverage = 1
      $0.threads = threads
    }.learn()
  }
  let one = try learn(1)
  let characters = Set(words.flatMap { $0.0.unicodeScalars.map { Array(String($0).utf8) } })
  #expect(one.count == 40)
  #expect(characters.isSubset(of: Set(one.map(\.bytes))))
  #expect(one.contains { $0.bytes == Array("ing".utf8) || $0.bytes == Array(" walk".utf8) })
  for threads in [2, 5] {
    let several = try learn(threads)
    #expect(several.map(\.bytes) == one.map(\.bytes) && several.map(\.score) == one.map(\.score))
  }
}
