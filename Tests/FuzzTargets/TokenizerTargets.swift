// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TokenStreams
import Tokenization

/// Encodes a text; every token has a piece, and the pieces have a text.
private func encoded(_ text: [UInt8], _ tokenizer: any Tokenizer) -> [Token] {
  let encoder = tokenizer.makeEncoder()
  var tokens = TokenList()
  text.withUnsafeBufferPointer { encoder.encode($0, into: &tokens) }
  for token in tokens.tokens {
    demand(token < tokenizer.vocabulary.count, "token \(token) has no piece")
  }
  return Array(tokens.tokens)
}

private func decoded(_ tokens: [Token], _ vocabulary: Vocabulary) -> [UInt8] {
  var decoder = TextDecoder(vocabulary)
  var text = ByteBuffer()
  decoder.begin()
  for token in tokens { decoder.append(token, to: &text) }
  return Array(text.bytes)
}

/// What is accepted as a tokeniser encodes any text, and what it can spell comes back.
private func checkTokenizer(_ source: ModelSource) throws -> any Tokenizer {
  let tokenizer = try TokenizerModel.open(source)
  let texts = [Array("what do▁pigs  eat ?\u{E9}\u{0}42".utf8), Array(source.bytes.suffix(40))]
  for text in texts {
    let tokens = encoded(text, tokenizer)
    let again = decoded(tokens, tokenizer.vocabulary)
    if let model = (tokenizer as? BytePairTokenizer)?.model, model.spellsEveryText {
      demand(again == text, "the text does not come back")
    }
    demand(encoded(text, tokenizer) == tokens, "a second encoding differs")
  }
  return tokenizer
}

extension BytePairModel {
  /// Whether decoding gives back any text: nothing is unknown, added or dropped on the way.
  fileprivate var spellsEveryText: Bool {
    level == .byte && addedTokens.isEmpty && wordEnd.isEmpty && !addsPrefixSpace
      && unknown == nil && ![.words, .whitespace].contains(pattern)
  }
}

/// The same tokens come from a model that was written and read again.
private func checkWriting(_ model: BytePairModel, _ written: [UInt8]) throws {
  let (first, second) = (
    try BytePairTokenizer(model), try TokenizerModel.open(ModelSource(bytes: written))
  )
  let text = Array("what do pigs eat ?".utf8)
  demand(encoded(text, first) == encoded(text, second), "a written model encodes otherwise")
}

private func tokenizer(
  of file: TokenizerFile, as format: SavedFormat
) throws -> any Tokenizer {
  let sink = ByteSink.memory()
  try file.write(as: format, to: sink)
  return try TokenizerModel.open(ModelSource(bytes: sink.takeBytes()))
}

private let byteMerges = "#version: 0.2 level=byte pattern=gpt2\nw h\na t\nwh at\n\u{120} d\n"
private let characterMerges = """
  #version: 0.2 level=character pattern=words alphabet=adehiopstw\\x3F
  w h
  a t
  wh at

  """

private func byteModel() throws -> BytePairModel {
  let source = ModelSource(bytes: Array(byteMerges.utf8))
  return (try TokenizerModel.open(source) as! BytePairTokenizer).model
}

extension FuzzTarget {
  /// Merges of our own, GPT-2, subword-nmt and fastBPE.
  static let merges = FuzzTarget(name: "merges") {
    [byteMerges, characterMerges, "#version: 0.2\nl o\nlo w</w>\n", "e s 12\nes t</w> 9\n"]
      .map { Array($0.utf8) }
  } attack: { bytes in
    let source = ModelSource(bytes: bytes)
    guard MergesFile.recognises(source) else { return }
    guard let tokenizer = try checkTokenizer(source) as? BytePairTokenizer else { return }
    var written = ByteBuffer()
    MergesFile.append(tokenizer.model, to: &written)
    try checkWriting(tokenizer.model, Array(written.bytes))
  }

  /// Codes of subword-nmt and fastBPE below a first merge that ends words: what is read is written as
  /// either, and encodes the same.
  static let codes = FuzzTarget(name: "codes") {
    ["l o\nlo w\nlow</w> e\n", "e s</w> 9\nt es</w> 3\n", "\u{E9} \u{E9}</w>\nx \u{E9}\n"]
      .map { Array($0.utf8) }
  } attack: { bytes in
    let file = try MergesFile.read(ModelSource(bytes: Array("z z</w> 1\n".utf8) + bytes))
    let texts = [Array("low lowes es zz  z\u{E9}\u{E9}".utf8), Array(bytes.prefix(40))]
    let first = try tokenizer(of: file, as: .merges)
    let second = try tokenizer(of: file, as: .fastbpe)
    for text in texts {
      demand(encoded(text, first) == encoded(text, second), "the two kinds of codes differ")
    }
  }

  static let tokenizerJSON = FuzzTarget(name: "tokenizer-json") {
    let small = #"""
      {"added_tokens": [{"id": 5, "content": "<|e|>", "special": true, "lstrip": true}],
       "normalizer": null, "pre_tokenizer": null, "post_processor": null,
       "model": {"type": "BPE", "unk_token": "u", "fuse_unk": true, "end_of_word_suffix": "",
       "vocab": {"u": 0, "a": 1, "\u0062": 2, "ab": 3}, "merges": ["a b"]}}
      """#
    let large = ByteSink.memory()
    try byteModel().write(to: large, as: .json)
    return [large.takeBytes(), Array(small.utf8)]
  } attack: {
    _ = try checkTokenizer(ModelSource(bytes: Array("{".utf8) + $0.dropFirst()))
  }

  /// `vocab.json` and its merges: a NUL stands between the two.
  static let vocabularyJSON = FuzzTarget(name: "vocabulary-json") {
    let output = ByteSink.memory()
    try byteModel().write(to: output, as: .vocabulary)
    return [output.takeBytes() + [0] + Array("#version: 0.2\nw h\na t\nwh at\n".utf8)]
  } attack: { bytes in
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    var source = ModelSource(bytes: Array("{".utf8) + parts[0].dropFirst())
    source.merges = parts.count > 1 ? Array(parts[1]) : []
    _ = try checkTokenizer(source)
  }

  static let tiktoken = FuzzTarget(name: "tiktoken") {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var lines: [UInt8] = []
    for byte in 0..<256 {
      lines += [digits[byte >> 2], digits[(byte & 3) << 4]] + Array("== \(byte)\n".utf8)
    }
    return [lines + Array("d2g= 256\nYXQ= 257\nd2hhdA== 258\n".utf8)]
  } attack: {
    _ = try checkTokenizer(ModelSource(bytes: $0, pattern: .cl100k))
  }

  static let sentencePiece = FuzzTarget(name: "sentencepiece") {
    var model = SentencePieceModel()
    model.append(Array("<unk>".utf8), score: 0, type: .unknown)
    model.append(Array("</s>".utf8), score: 0, type: .control)
    for (index, piece) in ["a", "▁what", "wh", "▁", "h", "w", "t"].enumerated() {
      model.append(Array(piece.utf8), score: -1.5 - Float(index), type: .normal)
    }
    var merges = model
    merges.kind = .bpe
    var bytes = model
    bytes.hasByteFallback = true
    for byte in 0..<256 {
      let digits = String(byte + 256, radix: 16, uppercase: true).dropFirst()
      bytes.append(Array("<0x\(digits)>".utf8), score: 0, type: .byte)
    }
    return [model, merges, bytes].map { $0.encoded() }
  } attack: { bytes in
    guard let tokenizer = try checkTokenizer(ModelSource(bytes: bytes)) as? SentencePieceTokenizer
    else { return }
    let written = tokenizer.model.encoded()
    let again = try SentencePieceModel(parsing: written, name: "again")
    demand(again.encoded() == written, "a written model reads otherwise")
  }

  static let unigramText = FuzzTarget(name: "unigram-text") {
    let pieces = "<unk>\t0.0\n<s>\t0.0\n</s>\t0.0\n▁what\t-2.25\nw\t-3\n"
    return ["#version: unigram 1 words=marked\n", "#version: unigram 1 words=plain\n", ""]
      .map { Array(($0 + pieces).utf8) }
  } attack: {
    _ = try checkTokenizer(ModelSource(bytes: $0))
  }

  static let wordPiece = FuzzTarget(name: "vocab-txt") {
    [
      Array("[PAD]\n[UNK]\n[CLS]\nwhat\n##s\nd\n##o\n?\n\u{E9}\n".utf8),
      Array("[UNK]\r\nA\r\n".utf8),
    ]
  } attack: {
    _ = try checkTokenizer(ModelSource(bytes: $0))
  }

  /// JSON by itself: what is accepted is a value, and nothing follows it.
  static let json = FuzzTarget(name: "json") {
    [#"{"a": [1, -2.5e3, true, null, "\u00e9\ud83d\ude00\n"], "b": {"": []}}"#, "[[[[]]]]", "12"]
      .map { Array($0.utf8) }
  } attack: { bytes in
    try bytes.withUnsafeBufferPointer { bytes in
      var scanner = JSONScanner(bytes, name: "input")
      _ = try scanner.value()
      try scanner.finish()
    }
  }
}
