// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import TestSupport
import Testing
import TokenStreams

/// Reads a file of tokens; returns its records as spellings.
private func records(of path: String) throws -> [[String]] {
  let reader = TokenReader(paths: [path], numbering: .growing, blockByteCount: 1 << 10)
  var blocks: [TokenBlock] = []
  while let block = try reader.next() { blocks.append(block) }
  let vocabulary = reader.takeVocabulary()
  var result: [[String]] = []
  for block in blocks {
    block.forEachRecord { tokens, _ in
      result.append(tokens.map { String(decoding: vocabulary.spelling(of: $0), as: UTF8.self) })
    }
  }
  return result
}

/// Writes records in the growing numbering, as a binary stream.
private func writeBinary(_ text: String, to path: String, level: Int = 1) throws {
  let scratch = path + ".txt"
  try Data(text.utf8).write(to: URL(fileURLWithPath: scratch))
  let reader = TokenReader(paths: [scratch], numbering: .growing)
  var blocks: [TokenBlock] = []
  while let block = try reader.next() { blocks.append(block) }
  let sink = try ByteSink.file(path)
  var writer = try TokenWriter(
    sink, vocabulary: reader.takeVocabulary(), form: .binary(level: level))
  for block in blocks { try writer.write(block) }
  try writer.finish()
  try sink.finish()
}

@Test(arguments: [0, 1]) func `a binary stream holds what the text held`(level: Int) throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 3)
  var text = ""
  for _ in 0..<500 {
    let words = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
      "w\(Int.random(in: 0..<400, using: &generator))"
    }
    text += words.joined(separator: " ") + "\n"
  }
  try scratch.write("a.txt", text)
  try writeBinary(text, to: scratch.path("a.bin"), level: level)
  let expected = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    .map { $0.split(separator: " ").map(String.init) }
  #expect(try records(of: scratch.path("a.txt")) == expected)
  #expect(try records(of: scratch.path("a.bin")) == expected)
  // `cat` of two streams is a stream.
  let joined = try scratch.read("a.bin") + scratch.read("a.bin")
  try joined.write(to: scratch.folder.appendingPathComponent("b.bin"))
  #expect(try records(of: scratch.path("b.bin")) == expected + expected)
}

@Test func `a stream cut or altered anywhere is an error`() throws {
  let scratch = try Scratch()
  try writeBinary("a b c\nd e\n", to: scratch.path("a.bin"), level: 0)
  let whole = [UInt8](try scratch.read("a.bin"))
  for length in 1..<whole.count {
    try scratch.write("cut", whole.prefix(length))
    #expect(throws: StreamError.self, "cut at \(length)") {
      try records(of: scratch.path("cut"))
    }
  }
  for index in 8..<whole.count {
    var altered = whole
    altered[index] ^= 0x10
    try scratch.write("altered", altered)
    #expect(throws: StreamError.self, "bit flipped at \(index)") {
      try records(of: scratch.path("altered"))
    }
  }
}
