// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import NGrams
import TokenStreams

/// All counts of a stream, as lines of text.
private func lines(_ bytes: [UInt8]) throws -> [[UInt8]] {
  let reader = try CountReader(file: InputFile(bytes: bytes, name: "input"))
  var blocks: [CountBlock] = []
  while let block = try reader.next() { blocks.append(block) }
  let vocabulary = reader.takeVocabulary()
  guard let order = reader.order else { return [] }
  let sink = ByteSink.memory()
  var writer = try CountWriter(sink, order: order, vocabulary: vocabulary, form: .text)
  for block in blocks { try writer.write(block) }
  try writer.finish()
  return sink.takeBytes().split(separator: 0x0A).map(Array.init)
}

/// What is accepted as counts reads the same from its text; as a model it can be opened.
private func checkCounts(_ bytes: [UInt8]) throws {
  let expected = try lines(bytes)
  // The text of counts whose first piece looks like a compressed stream is read as one.
  let text = Array(expected.joined(separator: [0x0A]))
  if let first = text.first, first > 0x60 && first < 0x7F {
    let again = try lines(text)
    demand(
      again == expected,
      "counts differ: \(String(decoding: text, as: UTF8.self))\n"
        + String(decoding: Array(again.joined(separator: [0x0A])), as: UTF8.self))
  }
  _ = try openNGramModel(InputFile(bytes: bytes, name: "input"))
}

private let sampleCounts = "<s> what\t4\nwhat do\t4\ndo pigs\t18446744073709551000\npigs </s>\t1\n"

extension FuzzTarget {
  static let counts = FuzzTarget(name: "counts") {
    [Array(sampleCounts.utf8), Array("1\t1\n2\t2\n".utf8), Array("a b c\t07\n".utf8)]
  } attack: {
    try checkCounts($0)
  }

  /// Header and payload of a binary counts stream, below the checksums.
  static let countBlocks = FuzzTarget(name: "count-blocks") {
    let vocabulary = Vocabulary(PieceTable(["</s>", "<s>", "a", "b"].map { Array($0.utf8) }))
    var block = CountBlock(order: 2)
    block.tokens = [1, 2, 2, 3, 3, 0]
    block.counts = [1, 20, .max - 30]
    let sink = ByteSink.memory()
    var writer = try CountWriter(
      sink, order: 2, vocabulary: vocabulary, form: .binary(level: 0))
    try writer.write(block)
    try writer.finish()
    return [try unframed(sink.takeBytes())]
  } attack: {
    try checkCounts(try framed(kind: "cnts", parameters: [("order", "2")], $0))
  }
}
