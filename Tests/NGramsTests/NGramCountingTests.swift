// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import NGrams
import TestSupport
import Testing
import TokenStreams

/// Counts files into a sink.
func count(
  _ paths: [String], _ rules: CountingRules, threads: Int = 2, memory: Int = 1 << 28,
  to sink: ByteSink, form: CountWriter.Form
) throws {
  let counting = NGramCounting(
    rules, CountingResources(threads: threads, memoryByteCount: memory, directory: "/tmp"))
  try counting.read(paths)
  try counting.counts().write(to: sink, form: form)
}

/// Counts files as text.
private func countedText(
  _ paths: [String], _ rules: CountingRules, threads: Int = 2, memory: Int = 1 << 28
) throws -> String {
  let sink = ByteSink.memory()
  try count(paths, rules, threads: threads, memory: memory, to: sink, form: .text)
  return String(decoding: sink.takeBytes(), as: UTF8.self)
}

@Suite struct NGramCountingTests {
  let scratch: Scratch
  init() throws { scratch = try Scratch() }

  /// Records of words as skewed as those of a language; some are empty.
  private func records(_ count: Int, types: Int, seed: UInt64) -> [[String]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        let bound = Int.random(in: 1...types, using: &generator)
        let number = Int.random(in: 0..<bound, using: &generator)
        return String(repeating: "é", count: number % 5) + "w\(number)"
      }
    }
  }

  private func write(_ records: [[String]], to name: String) throws -> String {
    try scratch.write(name, records.map { $0.joined(separator: " ") + "\n" }.joined())
    return scratch.path(name)
  }

  @Test(arguments: [1, 2, 3, 4, 5, 7, 10, 15])
  func `counts are those of a dictionary`(order: Int) throws {
    let records = records(400, types: 50, seed: UInt64(order))
    let path = try write(records, to: "tokens")
    for predictsEnd in [true, false] {
      for padding in [nil, "pad", "w1"] {
        for isPositional in [false, true] {
          var rules = CountingRules(order: order)
          rules.predictsEnd = predictsEnd
          rules.padding = padding.map { Array($0.utf8) }
          rules.isPositional = isPositional
          let expected = slowCounts(
            of: records, order: order, predictsEnd: predictsEnd, padding: padding ?? "<s>",
            isPositional: isPositional)
          #expect(try countedText([path], rules) == countLines(expected))
        }
      }
    }
  }

  @Test(arguments: [1, 3, 6])
  func `threads, memory and the order of lines change nothing`(order: Int) throws {
    let records = records(60_000, types: 20_000, seed: 9)
    let path = try write(records, to: "tokens")
    let shuffled = try write(records.reversed(), to: "reversed")
    let rules = CountingRules(order: order)
    let expected = countLines(slowCounts(of: records, order: order))
    for (threads, memory) in [(1, 1 << 28), (4, 1 << 28), (1, 1), (3, 1 << 24)] {
      #expect(try countedText([path], rules, threads: threads, memory: memory) == expected)
    }
    #expect(try countedText([shuffled], rules) == expected)
    for form in [CountWriter.Form.text, .binary(level: 1)] {
      let sinks = try [(1, 1 << 28), (3, 1)].map { threads, memory in
        let sink = ByteSink.memory()
        try count([path], rules, threads: threads, memory: memory, to: sink, form: form)
        return sink.takeBytes()
      }
      #expect(sinks[0] == sinks[1])
    }
  }

  @Test func `a record of any length is one record`() throws {
    // Longer than the blocks it is read in, so that contexts and positions cross their borders.
    let record = (0..<300_000).map { "w\($0 % 1009)" }
    let path = try write([["a"], record, ["b"]], to: "tokens")
    for isPositional in [false, true] {
      var rules = CountingRules(order: 4)
      rules.isPositional = isPositional
      let expected = slowCounts(
        of: [["a"], record, ["b"]], order: 4, isPositional: isPositional)
      #expect(try countedText([path], rules, memory: 1) == countLines(expected))
    }
  }

  @Test func `a piece of 10 MB is a piece`() throws {
    let piece = String(repeating: "x", count: 10_000_000)
    let path = try write([["a", piece, "b"]], to: "tokens")
    let expected = slowCounts(of: [["a", piece, "b"]], order: 2)
    #expect(try countedText([path], CountingRules(order: 2), memory: 1) == countLines(expected))
  }

  @Test func `binary tokens count as text does`() throws {
    let records = records(2000, types: 300, seed: 5)
    let path = try write(records, to: "tokens")
    let reader = TokenReader(paths: [path], numbering: .growing)
    var blocks: [TokenBlock] = []
    while let block = try reader.next() { blocks.append(block) }
    let sink = try ByteSink.file(scratch.path("binary"))
    var writer = try TokenWriter(
      sink, vocabulary: reader.takeVocabulary(), form: .binary(level: 1))
    for block in blocks { try writer.write(block) }
    try writer.finish()
    try sink.finish()
    let rules = CountingRules(order: 3)
    #expect(try countedText([scratch.path("binary")], rules) == countedText([path], rules))
    #expect(
      try countedText([scratch.path("binary"), path], rules)
        == countLines(slowCounts(of: records + records, order: 3)))
  }

  @Test func `spellings are counted by what they stand for`() throws {
    // NUL, CR, a lone backslash and broken UTF-8 have one spelling each, however they are written.
    try scratch.write("tokens", Array("a\0 a\r \\ \\\\ \\x00 ".utf8) + [0xFF, 0x0A])
    var rules = CountingRules(order: 1)
    rules.predictsEnd = false
    #expect(
      try countedText([scratch.path("tokens")], rules)
        == "\\\\\t2\n\\x00\t1\n\\xFF\t1\na\\x00\t1\na\\x0D\t1\n")
  }

  @Test(arguments: ["a b\nc <s> d\n", "a b\nc </s>\n"])
  func `a record mark inside a record is an error with its line`(text: String) throws {
    try scratch.write("tokens", text)
    #expect { try countedText([scratch.path("tokens")], CountingRules(order: 2)) } throws: {
      "\($0)".contains("tokens:2: <")
    }
  }

  @Test func `words outside a vocabulary are unknown, and rare n-grams are left out`() throws {
    let path = try write([["a", "b", "c"], ["a", "d", "d"], ["<unk>", "b"]], to: "tokens")
    var rules = CountingRules(order: 1)
    rules.vocabulary = Vocabulary(modelSpellings: ["a", "b", "e"].map { Array($0.utf8) })
    #expect(try countedText([path], rules) == "</s>\t3\n<unk>\t4\na\t2\nb\t2\n")
    rules.minimumCount = 3
    #expect(try countedText([path], rules) == "</s>\t3\n<unk>\t4\n")
  }

  @Test func `nothing gives nothing, and one word gives one word`() throws {
    let empty = try write([], to: "empty")
    let one = try write([["a"]], to: "one")
    let blank = try write([[]], to: "blank")
    let rules = CountingRules(order: 2)
    #expect(try countedText([empty], rules) == "")
    #expect(try countedText([one], rules) == "<s> a\t1\na </s>\t1\n")
    #expect(try countedText([blank], rules) == "<s> </s>\t1\n")
    let sink = try ByteSink.file(scratch.path("binary"))
    try count([empty], rules, to: sink, form: .binary(level: 1))
    try sink.finish()
    #expect(try lines(ofCounts: [scratch.path("binary")]) == [])
  }
}
