// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// What a tokeniser is made of, whatever file it comes from: a chain
///
///     added tokens -> normaliser -> pre-tokeniser -> model -> post-processor,  and a decoder
///
/// as the `tokenizers` library has it. Each format reads into it and writes from it, so that to convert
/// is to read and to write.
public struct TokenizerFile: Sendable {
  /// A token that is found in the text before the model sees it.
  public struct AddedToken: Sendable {
    public var id: Int
    public var content: [UInt8]
    public var isSpecial = false
    /// It is looked for in the normalised text.
    public var isNormalized = true
    public var isSingleWord = false
    public var stripsLeft = false
    public var stripsRight = false
  }

  public var name: String
  public var addedTokens: [AddedToken] = []
  public var normalizer = Normalizer.none
  public var preTokenizer = PreTokenizer.none
  public var model = SubwordModel()
  public var postProcessor = PostProcessor.none
  public var decoder = PieceDecoder.none

  public init(name: String) { self.name = name }

  /// Number of ids, holes included.
  public var idCount: Int {
    max(model.ids.max() ?? -1, addedTokens.map(\.id).max() ?? -1) + 1
  }

  /// Reads a `tokenizer.json`.
  ///
  /// - Throws: `StreamError` with the byte offset of what is malformed, or with the place of a component
  ///   that is not built.
  public init(parsing bytes: UnsafeBufferPointer<UInt8>, name: String) throws(StreamError) {
    self.name = name
    var scanner = JSONScanner(bytes, name: name)
    var parts: [String: JSONValue] = [:]
    var settings = JSONValue.null
    var kind: SubwordModel.Kind?
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch key {
      case "added_tokens":
        addedTokens = try TokenizerFile.addedTokens(try scanner.value(), scanner)
      case "normalizer", "pre_tokenizer", "post_processor", "decoder":
        parts[key] = try scanner.value()
      case "model": (kind, settings) = try readModel(&scanner)
      default: _ = try scanner.value()
      }
    }
    try scanner.finish()
    guard model.pieces.count > 0 else {
      throw StreamError(.file(name), "holds no vocabulary", advice: "give a tokenizer.json")
    }
    do throws(StreamError) {
      func reader(_ key: String) -> ComponentReader {
        ComponentReader(source: parts[key] ?? .null, path: key)
      }
      normalizer = try reader("normalizer").normalizer()
      preTokenizer = try reader("pre_tokenizer").preTokenizer()
      decoder = try reader("decoder").decoder()
      postProcessor = try PostProcessor(parts["post_processor"] ?? .null, path: "post_processor")
    } catch { throw error.located(at: .file(name)) }
    model.kind = kind ?? inferredKind(settings)
    try set(from: settings)
  }

  private func inferredKind(_ settings: JSONValue) -> SubwordModel.Kind {
    if model.merges.count > 0 { return .bpe }
    if !model.scores.isEmpty { return .unigram }
    if settings["max_input_chars_per_word"] != nil { return .wordPiece }
    return settings["unk_token"] != nil ? .wordPiece : .bpe
  }

  /// Takes over the model's members other than `vocab` and `merges`.
  private mutating func set(from settings: JSONValue) throws(StreamError) {
    func text(_ key: String) -> [UInt8] { Array((settings[key]?.string ?? "").utf8) }
    func flag(_ key: String) -> Bool { settings[key]?.boolean ?? false }
    if let unknown = settings["unk_token"]?.string { model.unknown = Array(unknown.utf8) }
    if let number = settings["unk_id"]?.number {
      guard let id = Int(exactly: number), id >= 0, id < model.pieces.count else {
        throw StreamError(.file(name), "unk_id \(number) is not below \(model.pieces.count)")
      }
      model.unknown = Array(model.pieces[id])
    }
    model.continuingPrefix = text("continuing_subword_prefix")
    model.wordEnd = text("end_of_word_suffix")
    model.fusesUnknown = flag("fuse_unk")
    model.hasByteFallback = flag("byte_fallback")
    model.ignoresMerges = flag("ignore_merges")
    model.maximumCharacterCount =
      settings["max_input_chars_per_word"]?.number.flatMap { Int(exactly: $0) } ?? 100
    if model.kind == .wordPiece || model.kind == .wordLevel, model.unknown == nil {
      model.unknown = Array((model.kind == .wordPiece ? "[UNK]" : "<unk>").utf8)
    }
  }

  private mutating func readModel(
    _ scanner: inout JSONScanner
  ) throws(StreamError) -> (SubwordModel.Kind?, JSONValue) {
    var kind: SubwordModel.Kind?
    var settings: [(key: String, value: JSONValue)] = []
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch key {
      case "vocab": try readVocabulary(&scanner)
      case "merges": try readMerges(&scanner)
      case "type":
        let name = try scanner.string()
        kind = SubwordModel.Kind(rawValue: name)
        guard kind != nil else { throw scanner.failure("the model '\(name)' is not built") }
      default: settings.append((key, try scanner.value()))
      }
    }
    return (kind, .object(settings))
  }

  mutating func readVocabulary(_ scanner: inout JSONScanner) throws(StreamError) {
    var piece = ByteBuffer()
    if try scanner.peek() == .array {
      try scanner.beginArray()
      while try scanner.nextElement() {
        try scanner.beginArray()
        piece.removeAll()
        guard try scanner.nextElement() else { throw scanner.failure("a piece is missing") }
        try scanner.appendString(to: &piece)
        guard try scanner.nextElement() else { throw scanner.failure("a score is missing") }
        model.ids.append(model.pieces.count)
        model.scores.append(try scanner.number())
        model.pieces.append(piece)
        if try scanner.nextElement() { throw scanner.failure("more than a piece and its score") }
      }
    } else {
      try scanner.beginObject()
      while try scanner.nextKey(into: &piece) {
        let id = try scanner.integer()
        guard id >= 0, id < 1 << 31 else { throw scanner.failure("id \(id) is out of range") }
        model.ids.append(id)
        model.pieces.append(piece)
      }
    }
  }

  private mutating func readMerges(_ scanner: inout JSONScanner) throws(StreamError) {
    var text = ByteBuffer()
    try scanner.beginArray()
    while try scanner.nextElement() {
      text.removeAll()
      if try scanner.peek() == .array {
        try scanner.beginArray()
        var count = 0
        while try scanner.nextElement() {
          text.removeAll()
          try scanner.appendString(to: &text)
          model.merges.append(text)
          count += 1
        }
        guard count == 2 else { throw scanner.failure("a merge of \(count) pieces, not 2") }
      } else {
        try scanner.appendString(to: &text)
        let bytes = text.bytes
        guard let space = bytes.firstIndex(of: 0x20), !bytes[(space + 1)...].contains(0x20) else {
          throw scanner.failure("a merge is two pieces and a space")
        }
        model.merges.append(UnsafeBufferPointer(rebasing: bytes[..<space]))
        model.merges.append(UnsafeBufferPointer(rebasing: bytes[(space + 1)...]))
      }
    }
  }

  /// - scanner: stands behind the value, for the place of an error.
  static func addedTokens(
    _ value: JSONValue, _ scanner: borrowing JSONScanner
  ) throws(StreamError) -> [AddedToken] {
    guard let values = value.array else { return [] }
    var tokens: [AddedToken] = []
    for value in values {
      guard let id = value["id"]?.number, let content = value["content"]?.string, id >= 0,
        id < 0x1p31, id == id.rounded()
      else { throw scanner.failure("an added token needs an id and its content") }
      var token = AddedToken(id: Int(id), content: Array(content.utf8))
      token.isSpecial = value["special"]?.boolean ?? false
      token.isNormalized = value["normalized"]?.boolean ?? !token.isSpecial
      token.isSingleWord = value["single_word"]?.boolean ?? false
      token.stripsLeft = value["lstrip"]?.boolean ?? false
      token.stripsRight = value["rstrip"]?.boolean ?? false
      tokens.append(token)
    }
    return tokens
  }
}
