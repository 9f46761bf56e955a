// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing
import Tokenization

/// The published regular expressions, for another engine.
private let published: [SplitPattern: String] = [
  .gpt2: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
  .llama3: ##"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"##
    + ##"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
  .qwen2: ##"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"##
    + ##"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
  .cl100k: ##"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"##
    + ##"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|\s+(?!\S)|\s"##,
  .o200k:
    ##"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"##
    + ##"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"##
    + ##"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"##
    + ##"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
]

private func pieces(_ text: String, _ segmentation: Segmentation) -> [String] {
  var result: [String] = []
  Array(text.utf8).withUnsafeBufferPointer {
    segmentation.forEachPiece(in: $0) { result.append(String(decoding: $0, as: UTF8.self)) }
  }
  return result
}

/// Characters of every class, as they have stood in Unicode for long, with a taste for borders.
private let alphabet: [String] =
  ["a", "b", "s", "t", "l", "e", "v", "A", "S", "T", "Z", "1", "2", "9", " ", " ", " ", "\t", "\n"]
  + ["\r", "'", "'s", "'LL", "'ſ", ".", "/", "-", "!", "é", "É", "ß", "ǅ", "ʰ", "日", "本", "ª", "٣"]
  + ["½", "Ⅷ", "\u{301}", "\u{93F}", "\u{A0}", "\u{85}", "\u{2028}", "\u{3000}", "\u{200B}", "😀"]
  + ["\u{FE0F}", "“", "’", "€", "\u{0}", "𝔘", "ⅷ", "ſ", "K"]

@Test(arguments: published.keys.sorted { $0.rawValue < $1.rawValue })
func `a scanner cuts as its regular expression does`(pattern: SplitPattern) throws {
  let expression = try NSRegularExpression(pattern: published[pattern]!)
  var generator = SeededGenerator(seed: 7)
  for length in 0..<4000 {
    let text = (0..<length % 30).map { _ in alphabet.randomElement(using: &generator)! }.joined()
    let whole = NSRange(location: 0, length: text.utf16.count)
    let expected = expression.matches(in: text, range: whole).map {
      (text as NSString).substring(with: $0.range)
    }
    try #require(pieces(text, .pieces(pattern)) == expected, "\(text.debugDescription)")
  }
}

@Test(arguments: SplitPattern.allCases.filter { $0 != .words && $0 != .whitespace })
func `nothing is lost, whatever the bytes`(pattern: SplitPattern) {
  var generator = SeededGenerator(seed: 8)
  for length in 0..<300 {
    let bytes = generator.hostileBytes(count: length)
    var joined: [UInt8] = []
    bytes.withUnsafeBufferPointer { record in
      Segmentation.pieces(pattern).forEachPiece(in: record) { joined += $0 }
    }
    #expect(joined == bytes)
  }
}

@Test func `words keep apostrophes and decimal points and lose white space`() {
  #expect(
    pieces("Don't eat 3.14 pigs? (It’s a_b: 1,000.)", .words)
      == ["Don't", "eat", "3.14", "pigs", "?", "(", "It’s", "a", "_", "b", ":", "1,000", ".", ")"])
  #expect(
    pieces("make_list(x->y) != 0", .code) == [
      "make_list", "(", "x", "->", "y", ")", "!=", "0",
    ])
  #expect(pieces(" a\tb\u{3000}c ", .whitespace) == ["a", "b", "c"])
  #expect(pieces("e\u{301}! 👍🏽", .words) == ["e\u{301}", "!", "👍", "🏽"])
}

@Test(arguments: published.keys.sorted { $0.rawValue < $1.rawValue })
func `a scanner cuts long plain text as its regular expression does`(pattern: SplitPattern) throws {
  let expression = try NSRegularExpression(pattern: published[pattern]!)
  // Few characters and long texts: what falls on the borders of a window of 64 bytes.
  let plain =
    [
      "a", "b", "st", "re", "LL", "A", "Z", "12", "3", " ", " ", "  ", "\t", "'", "'s", "'ve",
      "'LL",
    ]
    + [".", "/", "((", "_", "word", "Word", "longerword"]
  var generator = SeededGenerator(seed: 9)
  for round in 0..<3000 {
    let text = (0..<round % 120).map { _ in
      (Int.random(in: 0..<60, using: &generator) == 0 ? alphabet : plain)
        .randomElement(using: &generator)!
    }.joined()
    let whole = NSRange(location: 0, length: text.utf16.count)
    let expected = expression.matches(in: text, range: whole).map {
      (text as NSString).substring(with: $0.range)
    }
    try #require(pieces(text, .pieces(pattern)) == expected, "\(text.debugDescription)")
  }
}
