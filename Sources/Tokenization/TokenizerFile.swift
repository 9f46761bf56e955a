// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// What a Hugging Face `tokenizer.json` says, before it is decided who can run it.
///
/// The large parts are flat lists; the components, which are small, are JSON values.
public struct TokenizerFile: Sendable {
  /// A token that is found in the text before the model sees it.
  public struct AddedToken: Sendable {
    public var id: Int
    public var content: [UInt8]
    public var isSpecial = false
    public var isNormalized = true
    public var isSingleWord = false
    public var stripsLeft = false
    public var stripsRight = false
  }

  public var name: String
  public var addedTokens: [AddedToken] = []
  public var normalizer: JSONValue = .null
  public var preTokenizer: JSONValue = .null
  public var postProcessor: JSONValue = .null
  public var decoder: JSONValue = .null
  /// `BPE`, `WordPiece`, `Unigram`, `WordLevel`; inferred where the file does not say.
  public var modelType = ""
  /// The model's members other than `vocab` and `merges`.
  public var model: [(key: String, value: JSONValue)] = []
  /// Pieces as the file spells them, and their ids; for Unigram, ids count and scores are beside them.
  public var pieces = PieceList()
  public var ids: [Int] = []
  public var scores: [Double] = []
  /// Merges in order of priority: left 2i, right 2i + 1, as the file spells them.
  public var merges = PieceList()

  public init(name: String) { self.name = name }

  /// A member of the model: `unk_token`, `continuing_subword_prefix`, ...
  public subscript(key: String) -> JSONValue? { JSONValue.object(model)[key] }

  /// - Throws: `StreamError` with the byte offset of what is malformed.
  public init(parsing bytes: UnsafeBufferPointer<UInt8>, name: String) throws(StreamError) {
    self.name = name
    var scanner = JSONScanner(bytes, name: name)
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch key {
      case "added_tokens": addedTokens = try TokenizerFile.addedTokens(&scanner)
      case "normalizer": normalizer = try scanner.value()
      case "pre_tokenizer": preTokenizer = try scanner.value()
      case "post_processor": postProcessor = try scanner.value()
      case "decoder": decoder = try scanner.value()
      case "model": try readModel(&scanner)
      default: _ = try scanner.value()
      }
    }
    try scanner.finish()
    guard pieces.count > 0 else {
      throw StreamError(.file(name), "holds no vocabulary", advice: "give a tokenizer.json")
    }
    if modelType.isEmpty {
      modelType =
        merges.count > 0
        ? "BPE" : scores.count > 0 ? "Unigram" : self["unk_token"] != nil ? "WordPiece" : "BPE"
    }
  }

  private mutating func readModel(_ scanner: inout JSONScanner) throws(StreamError) {
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch key {
      case "vocab": try readVocabulary(&scanner)
      case "merges": try readMerges(&scanner)
      case "type": modelType = try scanner.string()
      default: model.append((key, try scanner.value()))
      }
    }
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
        ids.append(pieces.count)
        scores.append(try scanner.number())
        pieces.append(piece)
        if try scanner.nextElement() { throw scanner.failure("more than a piece and its score") }
      }
    } else {
      try scanner.beginObject()
      while try scanner.nextKey(into: &piece) {
        let id = try scanner.integer()
        guard id >= 0, id < 1 << 31 else { throw scanner.failure("id \(id) is out of range") }
        ids.append(id)
        pieces.append(piece)
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
          merges.append(text)
          count += 1
        }
        guard count == 2 else { throw scanner.failure("a merge of \(count) pieces, not 2") }
      } else {
        try scanner.appendString(to: &text)
        let halves = text.bytes.split(separator: 0x20, omittingEmptySubsequences: false)
        guard halves.count == 2 else { throw scanner.failure("a merge is two pieces and a space") }
        for half in halves { merges.append(half) }
      }
    }
  }

  private static func addedTokens(_ scanner: inout JSONScanner) throws(StreamError) -> [AddedToken]
  {
    guard case .array(let values) = try scanner.value() else { return [] }
    var tokens: [AddedToken] = []
    for value in values {
      guard let id = value["id"]?.number, let content = value["content"]?.string, id >= 0,
        id < 0x1p31
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
