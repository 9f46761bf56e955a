// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import NGrams
import TestSupport
import Testing
import TokenStreams

/// All n-grams of files, as text lines in the order of the files.
func lines(ofCounts paths: [String]) throws -> [String] {
  let reader = CountReader(paths: paths)
  var blocks: [CountBlock] = []
  while let block = try reader.next() { blocks.append(block) }
  let vocabulary = reader.takeVocabulary()
  return blocks.flatMap { block in
    block.counts.indices.map { index in
      let tokens = block.tokens[index * block.order..<(index + 1) * block.order]
      let words = tokens.map { String(decoding: vocabulary.spelling(of: $0), as: UTF8.self) }
      return "\(words.joined(separator: " "))\t\(block.counts[index])"
    }
  }
}

@Suite struct CountReaderTests {
  let scratch: Scratch
  init() throws { scratch = try Scratch() }

  @Test func `text is read in any order, with repetitions`() throws {
    try scratch.write("a", "b  c\t2\na b\t18446744073709551615\nb c\t1")
    #expect(
      try lines(ofCounts: [scratch.path("a")]) == ["b c\t2", "a b\t18446744073709551615", "b c\t1"])
  }

  @Test(arguments: [
    ("a b\t1\na b c\t2\n", ":2: an n-gram of order 3 among those of order 2"),
    ("a b\t1\na b\n", ":2: no n-gram before a TAB"),
    ("\t1\n", ":1: no n-gram before a TAB"),
    ("a\t\n", ":1: no count after the TAB"),
    ("a\t0\n", ":1: a count of 0"),
    ("a\t1.5\n", ":1: '1.5' is no count"),
    ("a\t1\r\n", ":1: '1\\x0D' is no count"),
    ("a\t18446744073709551616\n", ":1: a count is above 18446744073709551615"),
  ])
  func `a malformed line is named`(text: String, message: String) throws {
    try scratch.write("a", text)
    #expect { try lines(ofCounts: [scratch.path("a")]) } throws: { "\($0)".contains(message) }
  }

  @Test func `a binary stream whose vocabulary is in no byte order is refused`() throws {
    let sink = ByteSink.memory()
    let vocabulary = Vocabulary(PieceTable(["b", "a"].map { Array($0.utf8) }))
    var writer = try CountWriter(sink, order: 1, vocabulary: vocabulary, form: .binary(level: 0))
    try writer.finish()
    let reader = try CountReader(file: InputFile(bytes: sink.takeBytes(), name: "counts"))
    #expect {
      _ = try reader.next()
    } throws: {
      "\($0)".contains("counts: token 1 is not in byte order after the one before it")
    }
  }

  @Test(arguments: [0, 1]) func `a binary stream holds what the text held`(level: Int) throws {
    var generator = SeededGenerator(seed: 1)
    var text = ""
    for _ in 0..<300 {
      let words = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
        "w\(Int.random(in: 0..<20, using: &generator))"
      }
      text += words.joined(separator: " ") + "\n"
    }
    try scratch.write("tokens", text)
    for order in [1, 2, 3, 5, 15] {
      let rules = CountingRules(order: order)
      for (name, form) in [("text", CountWriter.Form.text), ("binary", .binary(level: level))] {
        let sink = try ByteSink.file(scratch.path(name))
        try count([scratch.path("tokens")], rules, to: sink, form: form)
        try sink.finish()
      }
      let expected = try lines(ofCounts: [scratch.path("text")])
      #expect(!expected.isEmpty)
      #expect(try lines(ofCounts: [scratch.path("binary")]) == expected)
    }
  }

  @Test func `a binary stream cut or altered anywhere is an error`() throws {
    try scratch.write("tokens", "a b c\nd e\n")
    let sink = try ByteSink.file(scratch.path("whole"))
    try count([scratch.path("tokens")], CountingRules(order: 2), to: sink, form: .binary(level: 0))
    try sink.finish()
    let whole = [UInt8](try scratch.read("whole"))
    for length in 1..<whole.count {
      try scratch.write("cut", whole.prefix(length))
      #expect(throws: StreamError.self, "cut at \(length)") {
        try lines(ofCounts: [scratch.path("cut")])
      }
    }
    for index in 8..<whole.count {
      var altered = whole
      altered[index] ^= 0x10
      try scratch.write("altered", altered)
      #expect(throws: StreamError.self, "bit flipped at \(index)") {
        try lines(ofCounts: [scratch.path("altered")])
      }
    }
  }
}
