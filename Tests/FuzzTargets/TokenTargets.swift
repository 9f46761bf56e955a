// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TokenStreams

/// The records of a token stream as spellings, and the tokens themselves.
private func records(_ bytes: [UInt8]) throws -> (blocks: [TokenBlock], vocabulary: Vocabulary) {
  let reader = try TokenReader(file: InputFile(bytes: bytes, name: "input"), numbering: .growing)
  var blocks: [TokenBlock] = []
  while let block = try reader.next() { blocks.append(block) }
  return (blocks, reader.takeVocabulary())
}

private func spelt(_ blocks: [TokenBlock], _ vocabulary: Vocabulary) -> [[[UInt8]]] {
  var result: [[[UInt8]]] = []
  for block in blocks {
    block.forEachRecord { tokens, _ in
      result.append(tokens.map { Array(vocabulary.spelling(of: $0)) })
    }
  }
  return result
}

/// What is accepted as tokens is written in both forms and read as the same records.
private func checkTokens(_ bytes: [UInt8]) throws {
  let (blocks, vocabulary) = try records(bytes)
  let expected = spelt(blocks, vocabulary)
  for form in [TokenWriter.Form.text(terminator: 0x0A), .binary(level: 0)] {
    let sink = ByteSink.memory()
    var writer = try TokenWriter(sink, vocabulary: vocabulary, form: form)
    for (index, block) in blocks.enumerated() {
      var block = block
      // Only the last record of all may lack its terminator.
      block.isTerminated = block.isTerminated || index + 1 < blocks.count
      try writer.write(block)
    }
    try writer.finish()
    let written = sink.takeBytes()
    // A text may begin as a compressed or binary stream does; then it is read as one.
    if case .text = form, let first = written.first, first >= 0x28 && first < 0x61 || first >= 0x80
    {
      continue
    }
    let again = try records(written)
    demand(spelt(again.blocks, again.vocabulary) == expected, "records differ")
  }
}

private let sampleText = "what do▁pigs eat ?\n\n\\x3Cs> <unk> \\\\ \\xFF é\ndogs"

extension FuzzTarget {
  static let tokenText = FuzzTarget(name: "token-text") {
    [Array(sampleText.utf8), Array("<unk> a\ta  b\r\n".utf8)]
  } attack: {
    try checkTokens($0)
  }

  /// Header and payload of a binary token stream, below the checksums.
  static let tokenBlocks = FuzzTarget(name: "token-blocks") {
    let (blocks, vocabulary) = try records(Array(sampleText.utf8))
    let sink = ByteSink.memory()
    var writer = try TokenWriter(sink, vocabulary: vocabulary, form: .binary(level: 0))
    for block in blocks { try writer.write(block) }
    try writer.finish()
    return [try unframed(sink.takeBytes())]
  } attack: {
    try checkTokens(try framed(kind: "tokn", $0))
  }
}
