// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// The model of a chain: what cuts words into pieces, as files hold it.
public struct SubwordModel: Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case bpe = "BPE"
    case wordPiece = "WordPiece"
    case unigram = "Unigram"
    case wordLevel = "WordLevel"
  }

  /// Which neighbours merge first.
  public enum Order: Sendable {
    /// Listed pairs, in the order of the list (Hugging Face).
    case merges
    /// What two neighbours spell is a piece, of the smaller id first (tiktoken).
    case ranks
    /// What two neighbours spell is a piece, of the larger score first (SentencePiece).
    case scores
  }

  public var kind = Kind.bpe
  /// Pieces as `tokenizer.json` spells them, and their ids, which may have holes.
  public var pieces = PieceList()
  public var ids: [Int] = []
  /// Log-probabilities of a Unigram model, nats, or the scores of SentencePiece merges; else empty.
  public var scores: [Double] = []
  /// Merges in order of priority: left 2i, right 2i + 1, as the file spells them.
  public var merges = PieceList()
  public var order = Order.merges
  /// The piece that stands for what cannot be spelt; nothing to leave it out.
  public var unknown: [UInt8]?
  /// Goes before pieces that do not begin a word, as `##`.
  public var continuingPrefix: [UInt8] = []
  /// Ends the last piece of a word, as `</w>`.
  public var wordEnd: [UInt8] = []
  public var fusesUnknown = false
  /// What cannot be spelt becomes pieces `<0xHH>`.
  public var hasByteFallback = false
  /// A word that is a piece is not looked into.
  public var ignoresMerges = false
  /// Longer words are unknown (WordPiece).
  public var maximumCharacterCount = 100
  /// A SentencePiece model's own rules: sums in single precision, frozen and unused pieces.
  public var sentencePieceTypes: [SentencePieceModel.PieceType] = []

  public init() {}

  /// Where a piece stands in the lists.
  func index(of piece: [UInt8]) -> Int? {
    (0..<pieces.count).first { pieces[$0].elementsEqual(piece) }
  }

  /// The byte that a piece spelt `<0xHH>` stands for.
  static func fallbackByte(_ piece: some Collection<UInt8>) -> UInt8? {
    Array(piece).withUnsafeBufferPointer { TextDecoding.fallbackByte($0) }
  }

  static func fallbackPiece(_ byte: UInt8) -> [UInt8] {
    let digits = String(byte, radix: 16, uppercase: true)
    return Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)
  }
}
