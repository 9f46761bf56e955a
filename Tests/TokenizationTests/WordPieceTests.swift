// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TestSupport
import Testing
import TokenStreams
import Tokenization

private func encode(_ tokenizer: any Tokenizer, _ text: [UInt8]) -> [Token] {
  var tokens = TokenList()
  text.withUnsafeBufferPointer { tokenizer.makeEncoder().encode($0, into: &tokens) }
  return Array(tokens.tokens)
}

/// Greedy longest match as it is defined: try the whole rest, then ever shorter.
private func slowMatch(
  _ word: [UInt8], _ ids: [[UInt8]: Int], prefix: [UInt8], unknown: Token
) -> [Token] {
  var tokens: [Token] = []
  var start = 0
  while start < word.count {
    guard
      let end = (start + 1...word.count).reversed().first(where: {
        ids[(start > 0 ? prefix : []) + word[start..<$0]] != nil
      })
    else { return [unknown] }
    tokens.append(Token(ids[(start > 0 ? prefix : []) + word[start..<end]]!))
    start = end
  }
  return tokens
}

@Test func `failure links give the greedy longest match on random vocabularies and words`() {
  var generator = SeededGenerator(seed: 4)
  let letters = Array("abc#".utf8)
  func word(_ range: ClosedRange<Int>) -> [UInt8] {
    (0..<Int.random(in: range, using: &generator)).map { _ in
      letters.randomElement(using: &generator)!
    }
  }
  var spelt = 0
  for _ in 0..<300 {
    var ids: [[UInt8]: Int] = [:]
    for _ in 0..<Int.random(in: 3...24, using: &generator) {
      let piece = (Bool.random(using: &generator) ? Array("##".utf8) : []) + word(1...4)
      if ids[piece] == nil { ids[piece] = ids.count + 1 }
    }
    let ordered = ids.sorted { $0.value < $1.value }
    let matcher = WordPieceMatcher(
      pieces: PieceList(ordered.map(\.key)), ids: ordered.map(\.value), prefix: Array("##".utf8),
      unknown: 0)
    for _ in 0..<50 {
      let text = word(1...12)
      var tokens = TokenList()
      text.withUnsafeBufferPointer { matcher.match($0, into: &tokens) }
      let expected = slowMatch(text, ids, prefix: Array("##".utf8), unknown: 0)
      #expect(Array(tokens.tokens) == expected, "\(String(decoding: text, as: UTF8.self))")
      if expected.count > 1 { spelt += 1 }
    }
  }
  #expect(spelt > 500)
}

private let tinyVocabulary = """
  [PAD]\n[UNK]\nthe\ncat\n##s\nca\n##fe\ncafe\n!\n日\n本\nun\n##believ\n##able\na\n
  """

private func tinyTokenizer(_ text: String = tinyVocabulary) throws -> any Tokenizer {
  try TokenizerModel.open(ModelSource(name: "vocab.txt", bytes: Array(text.utf8)))
}

@Test(arguments: [
  ("The CATS", [2, 3, 4]), ("café!", [7, 8]), ("cafe\u{301}\tthe", [7, 2]),
  ("日本", [9, 10]), ("unbelievable", [11, 12, 13]), ("th\u{0}e", [2]), ("dog cat", [1, 3]),
  ("the\u{3000}cat", [2, 3]), ("", []), (String(repeating: "a", count: 101), [1]),
]) func `text is prepared as for an uncased BERT`(text: String, expected: [Token]) throws {
  #expect(encode(try tinyTokenizer(), Array(text.utf8)) == expected)
}

@Test func `a cased vocabulary keeps case, and lines may end in CR LF`() throws {
  let cased = try tinyTokenizer("[UNK]\r\nThe\r\nthe\r\n")
  #expect(encode(cased, Array("The the THE".utf8)) == [1, 2, 0])
  #expect(cased.vocabulary.count == 3)
}

@Test func `the unknown piece is spelt as in every vocabulary, and pieces join to words`() throws {
  let vocabulary = try tinyTokenizer().vocabulary
  #expect(vocabulary.unknown == 1)
  var decoder = TextDecoder(vocabulary)
  var text = ByteBuffer()
  decoder.begin()
  for token: Token in [2, 3, 4] { decoder.append(token, to: &text) }
  #expect(Array(text.bytes) == Array("the cats".utf8))
}

@Test func `a piece that stands twice is named with its line`() throws {
  #expect {
    try tinyTokenizer("[UNK]\na\nb\na\n")
  } throws: {
    "\($0)" == "vocab.txt: piece a stands twice, the second time at line 4"
  }
}

/// Learning by its definition: count all pairs anew before every merge.
private func slowMerges(
  _ words: [(String, Int)], _ score: WordPieceLearner.Score, count: Int
) -> [String] {
  var cut = words.map { word in
    word.0.enumerated().map { ($0.offset > 0 ? "##" : "") + "\($0.element)" }
  }
  var result: [String] = []
  for _ in 0..<count {
    var pieces: [String: Int] = [:]
    var pairs: [[String]: Int] = [:]
    var order: [[String]] = []
    for (index, word) in cut.enumerated() {
      for piece in word { pieces[piece, default: 0] += words[index].1 }
      for pair in zip(word, word.dropFirst()) {
        if pairs[[pair.0, pair.1]] == nil { order.append([pair.0, pair.1]) }
        pairs[[pair.0, pair.1], default: 0] += words[index].1
      }
    }
    // a / b > c / d exactly, as a d > c b; the counts of these tests are small.
    func value(_ pair: [String]) -> (Int, Int) {
      (pairs[pair]!, score == .count ? 1 : pieces[pair[0]]! * pieces[pair[1]]!)
    }
    guard var best = order.first else { break }
    for pair in order where value(pair).0 * value(best).1 > value(best).0 * value(pair).1 {
      best = pair
    }
    result.append(best.joined(separator: " "))
    for index in cut.indices {
      var new: [String] = []
      var place = 0
      while place < cut[index].count {
        if place + 1 < cut[index].count, Array(cut[index][place...place + 1]) == best {
          new.append(best[0] + best[1].dropFirst(2))
          place += 2
        } else {
          new.append(cut[index][place])
          place += 1
        }
      }
      cut[index] = new
    }
  }
  return result
}

@Test(arguments: WordPieceLearner.Score.allCases)
func `learning agrees with counting all pairs before every merge`(score: WordPieceLearner.Score) {
  var generator = SeededGenerator(seed: 6)
  for _ in 0..<60 {
    var words: [(String, Int)] = []
    for _ in 0..<Int.random(in: 1...12, using: &generator) {
      let length = Int.random(in: 1...9, using: &generator)
      let word = String((0..<length).map { _ in "abc".randomElement(using: &generator)! })
      if !words.contains(where: { $0.0 == word }) {
        words.append((word, Int.random(in: 1...9, using: &generator)))
      }
    }
    var counts = TrainingWords()
    for (word, count) in words {
      Array(word.utf8).withUnsafeBufferPointer {
        do { try counts.add($0, count: UInt64(count)) } catch { Issue.record("\(error)") }
      }
    }
    var learner = WordPieceLearner(counts, score: score)
    var merges: [String] = []
    while merges.count < 30, let merge = learner.next() {
      merges.append(
        learner.description(of: merge).split(separator: " ").dropLast().joined(separator: " "))
    }
    #expect(merges == slowMerges(words, score, count: 30), "\(words)")
  }
}
