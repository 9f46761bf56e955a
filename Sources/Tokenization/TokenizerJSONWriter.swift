// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

extension TokenizerJSON {
  /// Appends a model as `tokenizer.json`, for which the `tokenizers` library gives the same ids.
  ///
  /// - Throws: `StreamError` without a place for what the format cannot hold: tiktoken's order, and
  ///   characters that are not UTF-8.
  public static func append(_ model: BytePairModel, to output: inout ByteBuffer) throws(StreamError)
  {
    guard model.order == .merges else {
      throw StreamError(.none, "ranks without merges cannot be written as tokenizer.json")
    }
    output.append("{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[")
    for (index, token) in model.addedTokens.enumerated() {
      if index > 0 { output.append(0x2C) }
      output.append("{\"id\":\(token.id),\"content\":")
      try appendString(token.content, to: &output)
      output.append(
        ",\"single_word\":\(token.isSingleWord),\"lstrip\":\(token.stripsLeft),"
          + "\"rstrip\":\(token.stripsRight),\"normalized\":\(token.isNormalized),"
          + "\"special\":\(token.isSpecial)}")
    }
    output.append("],\"normalizer\":null,\"pre_tokenizer\":")
    try appendPreTokenizer(of: model, to: &output)
    output.append(",\"post_processor\":null,\"decoder\":")
    if model.level == .byte {
      output.append(byteLevel(addsPrefixSpace: true, usesPattern: true))
    } else if model.wordEnd.isEmpty {
      output.append("{\"type\":\"Fuse\"}")
    } else {
      output.append("{\"type\":\"BPEDecoder\",\"suffix\":")
      try appendString(model.wordEnd, to: &output)
      output.append("}")
    }
    try appendModel(model, to: &output)
    output.append("}\n")
  }

  private static func byteLevel(addsPrefixSpace: Bool, usesPattern: Bool) -> String {
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":\(addsPrefixSpace),\"trim_offsets\":true,"
      + "\"use_regex\":\(usesPattern)}"
  }

  private static func appendPreTokenizer(
    of model: BytePairModel, to output: inout ByteBuffer
  ) throws(StreamError) {
    let isByteLevel = model.level == .byte
    if isByteLevel, model.pattern == .gpt2 || model.pattern == .none {
      output.append(
        byteLevel(
          addsPrefixSpace: model.addsPrefixSpace, usesPattern: model.pattern == .gpt2))
      return
    }
    guard let expression = model.pattern.regularExpressions.first else {
      output.append("null")
      return
    }
    if isByteLevel { output.append("{\"type\":\"Sequence\",\"pretokenizers\":[") }
    output.append("{\"type\":\"Split\",\"pattern\":{\"Regex\":")
    try appendString(Array(expression.utf8), to: &output)
    let drops = model.pattern.dropsSpaces
    output.append("},\"behavior\":\"\(drops ? "Removed" : "Isolated")\",\"invert\":\(drops)}")
    if isByteLevel {
      output.append(",")
      output.append(byteLevel(addsPrefixSpace: model.addsPrefixSpace, usesPattern: false))
      output.append("]}")
    }
  }

  private static func appendModel(
    _ model: BytePairModel, to output: inout ByteBuffer
  ) throws(StreamError) {
    output.append(",\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":")
    let unknown = model.addedTokens.first { $0.id == model.unknown.map(Int.init) }
    if let unknown {
      try appendString(unknown.content, to: &output)
    } else {
      output.append("null")
    }
    output.append(",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":")
    if model.wordEnd.isEmpty {
      output.append("null")
    } else {
      try appendString(model.wordEnd, to: &output)
    }
    output.append(
      ",\"fuse_unk\":\(model.fusesUnknown),\"byte_fallback\":false,"
        + "\"ignore_merges\":\(model.ignoresMerges),\"vocab\":")
    try appendVocabulary(of: model, to: &output)
    output.append(",\"merges\":[")
    let texts = texts(of: model)
    for (index, merge) in model.merges.enumerated() {
      output.append(index > 0 ? ",[" : "[")
      try appendString(texts[Int(merge.left)]!, to: &output)
      output.append(",")
      try appendString(texts[Int(merge.right)]!, to: &output)
      output.append("]")
    }
    output.append("]}")
  }

  /// Appends `{"piece":id, ...}`, which is also what a `vocab.json` holds.
  public static func appendVocabulary(
    of model: BytePairModel, to output: inout ByteBuffer
  ) throws(StreamError) {
    var texts = texts(of: model)
    for token in model.addedTokens where texts[token.id] == nil { texts[token.id] = token.content }
    output.append("{")
    var isFirst = true
    for (id, text) in texts.enumerated() {
      guard let text else { continue }
      if !isFirst { output.append(",") }
      isFirst = false
      try appendString(text, to: &output)
      output.append(":\(id)")
    }
    output.append("}")
  }

  /// The pieces as files write them, by id.
  private static func texts(of model: BytePairModel) -> [[UInt8]?] {
    var texts: [[UInt8]?] = Array(repeating: nil, count: model.idCount)
    for (index, id) in model.ids.enumerated() {
      let piece = model.pieces[index]
      texts[Int(id)] = model.level == .byte ? ByteLevelAlphabet.text(of: piece) : Array(piece)
    }
    return texts
  }

  private static func appendString(
    _ text: [UInt8], to output: inout ByteBuffer
  ) throws(StreamError) {
    guard String(validating: text, as: UTF8.self) != nil else {
      throw StreamError(
        .none, "a piece is not UTF-8, which tokenizer.json cannot hold",
        advice: "learn with --bytes, or write merges")
    }
    output.append(0x22)
    for byte in text {
      switch byte {
      case 0x22, 0x5C: output.append([0x5C, byte])
      case 0x00...0x1F:
        let digits = String(byte, radix: 16)
        output.append("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits)
      default: output.append(byte)
      }
    }
    output.append(0x22)
  }
}
