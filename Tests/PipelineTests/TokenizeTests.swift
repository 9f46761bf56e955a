// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

private let sentence = "echo 'What do pigs eat ?' | "

@Test(arguments: [
  ("tokenize", "What do pigs eat ?\n"),
  ("tokenize --words", "What do pigs eat ?\n"),
  ("tokenize --characters --drop-space", "W h a t d o p i g s e a t ?\n"),
  ("tokenize --characters | LC_ALL=C.UTF-8 wc -w", "18\n"),
  ("tokenize --bytes | LC_ALL=C.UTF-8 wc -w", "18\n"),
  ("tokenize --bytes --ids", "87 104 97 116 32 100 111 32 112 105 103 115 32 101 97 116 32 63\n"),
  ("tokenize --lines", "What▁do▁pigs▁eat▁?\n"),
  ("tokenize --lines | tokenize -d --lines", "What do pigs eat ?\n"),
]) func `a sentence in every unit`(command: String, expected: String) throws {
  let outcome = try Scratch().run(sentence + command)
  #expect(outcome.text == expected)
  #expect(outcome.status == 0)
}

@Test func `"eat?" is two tokens, and one between blanks`() throws {
  let scratch = try Scratch()
  #expect(try scratch.run("echo 'eat? a_b==c' | tokenize").text == "eat ? a _ b = = c\n")
  #expect(try scratch.run("echo 'eat? a_b==c' | tokenize --code").text == "eat ? a_b == c\n")
  #expect(try scratch.run("echo ' eat?  x' | tokenize --whitespace").text == "eat? x\n")
}

@Test(arguments: ["--bytes", "--characters", "--pattern gpt2", "--pattern o200k", "--lines"])
func `decoding gives back any bytes`(unit: String) throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 5)
  for (index, terminator) in ["", "\n", "\n\n"].enumerated() {
    var bytes = generator.hostileBytes(count: 30_000 + 1_000_000 * index)
    bytes += Array(terminator.utf8)
    try scratch.write("in", bytes)
    for form in ["", "-b", "-z", "-z -b -l0"] {
      let zero = form.contains("-z") ? "-z" : ""
      let outcome = try scratch.run(
        "tokenize \(unit) \(form) in | tokenize -d \(zero) \(unit) | cmp - in")
      #expect(outcome.status == 0, "\(form): \(outcome.errorOutput)")
    }
  }
}

@Test(arguments: ["--bytes", "--characters"])
func `decoding gives back a line of ten million bytes`(unit: String) throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 8)
  var line = generator.hostileBytes(count: 2_000_000).filter { $0 != 0x0A }
  while line.count < 10_000_000 { line += line.prefix(10_000_000 - line.count) }
  try scratch.write("in", line)
  for form in ["", "-b"] {
    let outcome = try scratch.run("tokenize \(unit) \(form) in | tokenize -d \(unit) | cmp - in")
    #expect(outcome.status == 0, "\(form): \(outcome.errorOutput)")
  }
}

@Test(arguments: ["", "-b", "--bytes --ids", "--characters -b", "--lines -z"])
func `any number of threads writes the same bytes`(options: String) throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 6)
  try scratch.write("in", generator.hostileBytes(count: 1_500_000))
  let outcome = try scratch.run(
    "tokenize -j1 \(options) in > 1; tokenize -j4 \(options) in > 4; cmp 1 4")
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
}

@Test(arguments: ["--words", "--whitespace", "--characters", "--bytes", "--code", "--lines"])
func `a binary stream has the tokens of the text`(unit: String) throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 7)
  // Plain words of all lengths, what ends them, and trouble: the text's pieces are found 64 bytes at a
  // time, those of the stream one by one.
  var bytes: [UInt8] = []
  let ends =
    [" ", "  ", "\n", ", ", ".", "'s ", "'", "7", "é", "\t", "_", "\\", "<", "\u{300}"]
    + ["3.1,4", " 1,", ".2 ", "''", " <s> ", "<unk>", "\r\n", "\u{1}", "\u{7F} "]
  while bytes.count < 300_000 {
    let length = Int.random(in: 1...(bytes.count % 50 == 0 ? 150 : 18), using: &generator)
    bytes += (0..<length).map { _ in UInt8.random(in: 0x61...0x7A, using: &generator) }
    bytes += Array(ends.randomElement(using: &generator)!.utf8)
    if length == 18 { bytes += generator.hostileBytes(count: 5) }
  }
  try scratch.write("in", bytes)
  let outcome = try scratch.run(
    """
    tokenize \(unit) in > text; tokenize \(unit) -b in > binary
    for n in 1 2; do count-ngrams -n $n text > t; count-ngrams -n $n binary | cmp - t; done
    tokenize \(unit) -d binary > b; tokenize \(unit) -d text | cmp - b
    """)
  #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `an open last record stays open, but not between files`() throws {
  let scratch = try Scratch()
  try scratch.write("a", "x y")
  try scratch.write("b", "z")
  #expect(try scratch.run("tokenize a b").text == "x y\nz")
  #expect(try scratch.run("tokenize -b a b | tokenize -d").text == "x y\nz")
}

@Test(arguments: [
  ("tokenize --ids --words", 64), ("tokenize --words --bytes", 64),
  ("tokenize --drop-space", 64), ("tokenize --strict", 64), ("tokenize -d -b", 64),
  ("tokenize nowhere", 1), ("printf '7 256\\n' | tokenize -d --bytes --ids", 1),
]) func `wrong usage and bad input end with their status`(command: String, status: Int) throws {
  let outcome = try Scratch().run(command)
  #expect(outcome.status == Int32(status))
  #expect(outcome.errorOutput.hasPrefix("tokenize: "))
  #expect(outcome.output.isEmpty)
}
