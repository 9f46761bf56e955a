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
    let idCount = idCount
    // The index of an id's piece, -1 for a hole, -2 where `others` says how it is spelt.
    var places = [Int](repeating: -1, count: idCount)
    var others: [Int: [UInt8]] = [:]
    for (index, id) in ids.enumerated() where !pieces[index].isEmpty { places[Int(id)] = index }
    for token in addedTokens where places[token.id] == -1 || level == .character {
      if token.content.isEmpty { continue }
      let isReserved = Spelling.specials.contains(token.content)
      others[token.id] = isReserved ? token.content : Spelling.spelling(of: token.content)
      places[token.id] = -2
    }
    if let unknown {
      others[Int(unknown)] = Spelling.unknown
      places[Int(unknown)] = -2
    }
    var table = PieceTable(capacity: idCount)
    var spelling = ByteBuffer()
    for id in 0..<idCount {
      spelling.removeAll()
      switch places[id] {
      case -2: spelling.append(others[id]!)
      case -1: spelling.append("<unused-\(id)>")
      default: pieces.withPiece(at: places[id]) { Spelling.append($0, to: &spelling) }
      }
      while Int(table.insert(spelling.bytes)) != id { spelling.append("'") }
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
