// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Hugging Face's `tokenizer.json`, and `vocab.json` with its merges.
public enum TokenizerJSON: TokenizerFormat {
  public static func recognises(_ source: ModelSource) -> Bool {
    source.bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 } == 0x7B
  }

  /// The file, or the vocabulary with the merges that came with it.
  public static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    try source.bytes.withUnsafeBufferPointer { (bytes) throws(StreamError) in
      try read(source, bytes)
    }
  }

  private static func read(
    _ source: ModelSource, _ bytes: UnsafeBufferPointer<UInt8>
  ) throws(StreamError) -> TokenizerFile {
    var file: TokenizerFile
    if let merges = source.merges {
      file = TokenizerFile(name: source.name)
      var scanner = JSONScanner(bytes, name: source.name)
      try file.readVocabulary(&scanner)
      try scanner.finish()
      file.model.merges = try MergesFile.halves(merges)
      let isMarked = file.model.merges.bytes.contains(bytes: Array("</w>".utf8))
      if isMarked {
        file.model.wordEnd = Array("</w>".utf8)
        file.decoder = .bpe(suffix: file.model.wordEnd)
      } else {
        file.decoder = .byteLevel
      }
      file.preTokenizer = isMarked ? .whitespaceSplit : (source.pattern ?? .gpt2).preTokenizer
    } else {
      file = try TokenizerFile(parsing: bytes, name: source.name)
    }
    if let pattern = source.pattern {
      guard file.preTokenizer.known != nil else {
        throw StreamError(
          .file(source.name), "says itself how text is cut", advice: "leave --pattern out")
      }
      if file.preTokenizer.known?.isByteLevel == true { file.preTokenizer = pattern.preTokenizer }
    }
    return file
  }

  /// Appends a file as `tokenizer.json`, for which the `tokenizers` library gives the same ids.
  ///
  /// - Throws: `StreamError` without a place for pieces that are not UTF-8, and for white space as suffix.
  static func append(_ file: TokenizerFile, to output: inout ByteBuffer) throws(StreamError) {
    if case .sentencePiece(let rules) = file.normalizer, rules.treatsWhitespaceAsSuffix {
      throw StreamError(
        .none, "tokenizer.json cannot mark the ends of words", advice: "save sentencepiece")
    }
    let file = file.withListedMerges()
    output.append("{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[")
    for (index, token) in file.addedTokens.enumerated() {
      if index > 0 { output.append(0x2C) }
      output.append("{\"id\":\(token.id),\"content\":")
      try appendString(token.content, to: &output)
      output.append(
        ",\"single_word\":\(token.isSingleWord),\"lstrip\":\(token.stripsLeft),"
          + "\"rstrip\":\(token.stripsRight),\"normalized\":\(token.isNormalized),"
          + "\"special\":\(token.isSpecial)}")
    }
    output.append("]")
    for (key, value) in [
      ("normalizer", file.normalizer.json), ("pre_tokenizer", file.preTokenizer.json),
      ("post_processor", file.postProcessor.source), ("decoder", file.decoder.json),
    ] {
      output.append(",\"\(key)\":")
      output.append(json: value)
    }
    output.append(",\"model\":")
    try append(file.model, to: &output)
    output.append("}\n")
  }

  private static func append(
    _ model: SubwordModel, to output: inout ByteBuffer
  ) throws(StreamError) {
    func append(_ key: String, _ text: [UInt8]?) throws(StreamError) {
      output.append(",\"\(key)\":")
      guard let text else { return output.append("null") }
      try appendString(text, to: &output)
    }
    output.append("{\"type\":\"\(model.kind.rawValue)\"")
    switch model.kind {
    case .bpe:
      output.append(",\"dropout\":null")
      try append("unk_token", model.unknown)
      try append(
        "continuing_subword_prefix", model.continuingPrefix.isEmpty ? nil : model.continuingPrefix)
      try append("end_of_word_suffix", model.wordEnd.isEmpty ? nil : model.wordEnd)
      output.append(
        ",\"fuse_unk\":\(model.fusesUnknown),\"byte_fallback\":\(model.hasByteFallback),"
          + "\"ignore_merges\":\(model.ignoresMerges)")
    case .wordPiece:
      try append("unk_token", model.unknown)
      try append("continuing_subword_prefix", model.continuingPrefix)
      output.append(",\"max_input_chars_per_word\":\(model.maximumCharacterCount)")
    case .wordLevel: try append("unk_token", model.unknown)
    case .unigram:
      let unknown = model.unknown.flatMap { model.index(of: $0) }.map { "\($0)" } ?? "null"
      output.append(",\"unk_id\":\(unknown),\"byte_fallback\":\(model.hasByteFallback)")
    }
    output.append(",\"vocab\":")
    try appendVocabulary(of: model, to: &output)
    if model.kind == .bpe {
      output.append(",\"merges\":[")
      for index in 0..<model.merges.count / 2 {
        output.append(index > 0 ? ",[" : "[")
        try appendString(model.merges[2 * index], to: &output)
        output.append(",")
        try appendString(model.merges[2 * index + 1], to: &output)
        output.append("]")
      }
      output.append("]")
    }
    output.append("}")
  }

  /// Appends `{"piece":id, ...}` by id, which is also what a `vocab.json` holds, or the pieces of a
  /// Unigram model with their scores.
  static func appendVocabulary(
    of model: SubwordModel, to output: inout ByteBuffer
  ) throws(StreamError) {
    let isUnigram = model.kind == .unigram
    let order = model.ids.indices.sorted { model.ids[$0] < model.ids[$1] }
    output.append(isUnigram ? "[" : "{")
    for (place, index) in order.enumerated() {
      if place > 0 { output.append(",") }
      if isUnigram { output.append("[") }
      try appendString(model.pieces[index], to: &output)
      output.append(isUnigram ? ",\(model.scores[index])]" : ":\(model.ids[index])")
    }
    output.append(isUnigram ? "]" : "}")
  }

  private static func appendString(
    _ text: some Collection<UInt8>, to output: inout ByteBuffer
  ) throws(StreamError) {
    guard output.append(jsonString: text) else {
      throw StreamError(
        .none, "a piece is not UTF-8, which tokenizer.json cannot hold",
        advice: "learn with --bytes, or write merges")
    }
  }
}
