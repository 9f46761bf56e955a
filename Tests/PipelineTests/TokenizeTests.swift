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

@Test(arguments: ["", "-b", "--bytes --ids", "--characters -b", "--lines -z"])
func `any number of threads writes the same bytes`(options: String) throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 6)
  try scratch.write("in", generator.hostileBytes(count: 1_500_000))
  let outcome = try scratch.run(
    "tokenize -j1 \(options) in > 1; tokenize -j4 \(options) in > 4; cmp 1 4")
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
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
