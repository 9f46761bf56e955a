// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// Small files that claim to be large, and options out of all proportion: one line, little memory.

/// A safetensors file of one text and empty tensors.
private func tensors(_ key: String, _ text: String, _ shapes: [(String, [Int])] = []) -> [UInt8] {
  var end = 0
  var members = ["\"__metadata__\":{\"\(key)\":\"\(text)\"}"]
  for (name, shape) in shapes {
    let start = end
    end += 4 * shape.reduce(1, *)
    members.append(
      "\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}")
  }
  let json = Array("{\(members.joined(separator: ","))}".utf8)
  return (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) } + json
    + Array(repeating: 0, count: end)
}

private let network = "output=softmax tied=false biases=true"

/// A file and the command that is given it as `hostile`.
private let files: [(bytes: [UInt8], command: String)] = [
  (
    Array(#"{"model":{"type":"BPE","vocab":{"a":0,"b":2147483647},"merges":[]}}"#.utf8),
    "tokenize -m hostile $examples/pigs.txt"
  ),
  (
    Array(
      #"{"added_tokens":[{"id":2147483647,"content":"x"}],"model":{"vocab":{"a":0},"merges":[]}}"#
        .utf8), "tokenize -m hostile $examples/pigs.txt"
  ),
  (
    Array("{\"x\":".utf8) + Array(repeating: UInt8(ascii: "["), count: 1 << 20),
    "tokenize -m hostile $examples/pigs.txt"
  ),
  (Array("YQ== 999999999\n".utf8), "tokenize -m hostile --pattern gpt2 $examples/pigs.txt"),
  (
    tensors(
      "chainrule.network",
      "cell=lstm layers=1048576 hidden=1048576 outputs=3 inputs=4 embedding=2 \(network)"),
    "sample -m hostile"
  ),
  (
    tensors(
      "chainrule.network",
      "cell=lstm layers=1 hidden=1048576 outputs=1073741824 inputs=4 embedding=2 \(network)",
      [("encoder.weight", [4, 2])]), "sample -m hostile"
  ),
  (
    // Tied by its shapes, with more outputs than rows.
    tensors(
      "x", "", [("encoder.weight", [2, 2]), ("rnn.weight_hh_l0", [2, 2]), ("decoder.bias", [9])]),
    "sample -m hostile"
  ),
  (
    // Fewer rows to look up than symbols.
    tensors(
      "x", "",
      [
        ("encoder.weight", [1, 2]), ("rnn.weight_ih_l0", [6, 2]), ("rnn.weight_hh_l0", [6, 2]),
        ("decoder.weight", [3, 2]),
      ]), "sample -m hostile"
  ),
  (
    tensors(
      "chainrule.masked",
      "width=1048576 symbols=2 hidden=1048576 targets=1048576 mask=autoregressive"),
    "sample -m hostile"
  ),
  (Array("\\data\\\nngram 1=99999999999999\n\n\\1-grams:\n-1\ta\n".utf8), "sample -m hostile"),
  // N-grams longer than counts hold.
  (Array("\(String(repeating: "a ", count: 17))\t8\n".utf8), "sample -m hostile"),
  (Array("\(String(repeating: "a ", count: 17))\t8\n".utf8), "count-ngrams --merge hostile"),
]

@Test(arguments: files.indices) func `a small file that claims to be large is refused`(index: Int)
  throws
{
  let scratch = try Scratch()
  try scratch.write("hostile", files[index].bytes)
  let outcome = try scratch.run("ulimit -v 2000000; " + files[index].command)
  let program = files[index].command.prefix { $0 != " " }
  #expect(outcome.status == 1, "\(outcome.errorOutput)")
  #expect(outcome.errorOutput.hasPrefix("\(program): "))
  #expect(outcome.errorOutput.split(separator: "\n").count == 1)
}

@Test(arguments: [
  "train-masked --batch 1000000000000 masks -o x",
  "unigram-learn --vocabulary 9223372036854775807 $examples/pigs.txt",
  "estimate-ngrams --prune-entropy nan $examples/pigs.txt",
]) func `an option out of all proportion is wrong usage`(command: String) throws {
  let outcome = try Scratch().run("ulimit -v 2000000; " + command)
  #expect(outcome.status == 64, "\(outcome.errorOutput)")
}
