// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// A byte-pair model as data: what a learner makes and what files of every format hold.
public struct BytePairModel: Sendable {
  /// What the pieces are made of.
  public enum Level: String, Sendable {
    /// All 256 bytes: any text can be spelt.
    case byte
    /// The characters seen in learning: others are unknown.
    case character
  }

  /// Which neighbours merge first.
  public enum Order: Sendable {
    /// Only listed pairs merge, in the order of the list (Sennrich et al. 2016; Hugging Face).
    case merges
    /// Any two neighbours whose concatenation is a piece merge, smaller ids first (tiktoken).
    case ranks
  }

  public struct Merge: Hashable, Sendable {
    public var left: Token
    public var right: Token
    public var result: Token

    public init(left: Token, right: Token, result: Token) {
      self.left = left
      self.right = right
      self.result = result
    }
  }

  public var level: Level
  public var order: Order = .merges
  public var pattern: SplitPattern
  /// The bytes of each piece, and its id; ids may have holes.
  public var pieces = PieceList()
  public var ids: [Token] = []
  /// In order of priority; empty with `ranks`.
  public var merges: [Merge] = []
  /// A piece of text that is a piece of the vocabulary is not looked into.
  public var ignoresMerges = false
  /// Ends the last character of a word, as `</w>` does.
  public var wordEnd: [UInt8] = []
  /// A space goes before a record that does not begin with one.
  public var addsPrefixSpace = false
  /// What characters outside the vocabulary become.
  public var unknown: Token?
  /// Unknown characters in a row are one token.
  public var fusesUnknown = false
  /// Tokens found in the text before it is split.
  public var addedTokens: [TokenizerFile.AddedToken] = []

  public init(level: Level, pattern: SplitPattern) {
    self.level = level
    self.pattern = pattern
  }

  /// Number of ids, holes included.
  public var idCount: Int {
    let largest = max(ids.max().map(Int.init) ?? -1, addedTokens.map(\.id).max() ?? -1)
    return largest + 1
  }

  /// How the pieces become text.
  public var decoding: TextDecoding {
    var decoding = TextDecoding.concatenated
    decoding.wordEndSuffix = wordEnd
    return decoding
  }

  /// The pieces as a stream spells them, by id. A hole is `<unused-N>`, which no text is encoded to.
  public func vocabulary() -> Vocabulary {
    var spellings = Array(repeating: [] as [UInt8], count: idCount)
    for (index, id) in ids.enumerated() {
      spellings[Int(id)] = Spelling.spelling(of: Array(pieces[index]))
    }
    for token in addedTokens where spellings[token.id].isEmpty || level == .character {
      let isReserved = [Spelling.unknown, Spelling.beginning, Spelling.end].contains(token.content)
      spellings[token.id] = isReserved ? token.content : Spelling.spelling(of: token.content)
    }
    if let unknown { spellings[Int(unknown)] = Spelling.unknown }
    var table = PieceTable()
    for (id, spelling) in spellings.enumerated() {
      var candidate = spelling.isEmpty ? Array("<unused-\(id)>".utf8) : spelling
      while candidate.withUnsafeBufferPointer({ Int(table.insert($0)) }) != id {
        candidate += Array("'".utf8)
      }
    }
    var vocabulary = Vocabulary(table, decoding: decoding)
    vocabulary.tokenizerFingerprint = vocabulary.fingerprint
    return vocabulary
  }
}

extension BytePairModel {
  /// The files that a model is written as.
  public enum Format: String, CaseIterable, Sendable {
    /// Lines of merges; `tokenizer.json`; `vocab.json`.
    case merges, json, vocabulary
  }

  /// Writes the model's file; the sink stays open.
  public func write(to sink: ByteSink, as format: Format) throws(StreamError) {
    switch format {
    case .merges:
      var lines = ByteBuffer(capacity: 1 << 16)
      MergesFile.append(self, to: &lines)
      try sink.write(lines)
    case .json: try file(name: "").write(as: .json, to: sink)
    case .vocabulary: try file(name: "").write(as: .vocabulary, to: sink)
    }
  }
}
