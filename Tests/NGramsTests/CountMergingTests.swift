// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import NGrams
import TestSupport
import Testing

@Suite struct CountMergingTests {
  let scratch: Scratch
  init() throws { scratch = try Scratch() }

  private func resources(memory: Int = 1 << 26) -> CountingResources {
    CountingResources(threads: 2, memoryByteCount: memory, directory: "/tmp")
  }

  /// Merges files; the result as bytes.
  private func merged(
    _ names: [String], _ form: CountWriter.Form = .text, memory: Int = 1 << 26,
    minimumCount: UInt64 = 1
  ) throws -> [UInt8] {
    let merging = CountMerging(resources(memory: memory), minimumCount: minimumCount)
    try merging.add(names.map { scratch.path($0) })
    let sink = ByteSink.memory()
    try merging.write(to: sink, form: form)
    return sink.takeBytes()
  }

  private func counted(_ names: [String], order: Int, _ form: CountWriter.Form = .text) throws
    -> [UInt8]
  {
    let sink = ByteSink.memory()
    try count(names.map { scratch.path($0) }, CountingRules(order: order), to: sink, form: form)
    return sink.takeBytes()
  }

  @Test(arguments: [1, 2, 4]) func `merged counts of parts are the counts of the whole`(
    order: Int
  ) throws {
    var generator = SeededGenerator(seed: UInt64(order))
    let parts = ["a", "b", "c"]
    for part in parts {
      var text = ""
      for _ in 0..<3000 {
        let words = (0..<Int.random(in: 0...7, using: &generator)).map { _ in
          "é\(Int.random(in: 0..<Int.random(in: 1...400, using: &generator), using: &generator))"
        }
        text += words.joined(separator: " ") + "\n"
      }
      try scratch.write(part, text)
      try scratch.write(part + ".txt", counted([part], order: order))
      try scratch.write(part + ".bin", counted([part], order: order, .binary(level: 1)))
    }
    let text = try counted(parts, order: order)
    let binary = try counted(parts, order: order, .binary(level: 1))
    for files in [["a.txt", "b.txt", "c.txt"], ["c.bin", "a.txt", "b.bin"]] {
      #expect(try merged(files) == text)
      #expect(try merged(files, .binary(level: 1)) == binary)
    }
    try scratch.write("ab", merged(["b.bin", "a.bin"], .binary(level: 1)))
    #expect(try merged(["c.txt", "ab"]) == text)
    #expect(try merged(["ab", "c.bin"], .binary(level: 1), memory: 1) == binary)
    let filtered = String(decoding: text, as: UTF8.self).split(separator: "\n")
      .filter { Int($0.split(separator: "\t")[1])! >= 3 }.map { $0 + "\n" }.joined()
    #expect(
      try merged(["a.txt", "b.txt", "c.txt"], minimumCount: 3) == Array(filtered.utf8))
  }

  @Test func `more files than can be read at once are merged in groups`() throws {
    let names = (0..<30).map { "f\($0)" }
    for (index, name) in names.enumerated() {
      try scratch.write(name, "all\t1\nonly\(10 + index)\t2\n")
    }
    let expected = "all\t30\n" + (10..<40).map { "only\($0)\t2\n" }.joined()
    #expect(try merged(names, memory: 1) == Array(expected.utf8))
    #expect(
      try merged(names, memory: 1, minimumCount: 3) == Array("all\t30\n".utf8))
  }

  @Test func `spellings and blanks are brought into one form`() throws {
    try scratch.write("a", "a  b\t1\na \\x62\t2\nc\td\t3")
    #expect(try merged(["a"]) == Array("a b\t3\nc d\t3\n".utf8))
  }

  @Test(arguments: [
    ("a\t1\nc\t1\nb\t2\n", "a:3: not in byte order after the line before"),
    ("a\t1\nb c\t2\n", "a:2: an n-gram of order 2 among those of order 1"),
    ("a\t1\nb\n", "a:2: no n-gram before a TAB"),
    ("a\t18446744073709551615\na\t1\n", "'a': a count is above 18446744073709551615"),
  ])
  func `bad counts are refused with their place`(text: String, message: String) throws {
    try scratch.write("a", text)
    #expect { try merged(["a"]) } throws: { "\($0)".contains(message) }
  }

  @Test func `counts of other orders, and no counts, are told apart`() throws {
    try scratch.write("a", "a\t1\n")
    try scratch.write("b", "a b\t1\n")
    try scratch.write("empty", "")
    #expect { try merged(["a", "b"]) } throws: { "\($0)".contains("cannot be merged") }
    #expect(try merged(["a", "empty"]) == Array("a\t1\n".utf8))
    #expect(try merged(["empty"]) == [])
  }

  @Test func `a binary stream cut anywhere is an error`() throws {
    try scratch.write("a", "a b c\nd e\n")
    try scratch.write("whole", counted(["a"], order: 2, .binary(level: 1)))
    let whole = [UInt8](try scratch.read("whole"))
    for length in 1..<whole.count {
      try scratch.write("cut", whole.prefix(length))
      #expect(throws: (any Error).self, "cut at \(length)") { try merged(["cut"]) }
    }
  }
}
