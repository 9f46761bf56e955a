// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import Probability
internal import TokenStreams

/// The tokens of words and where each stands in its word.
struct PieceRun {
  private(set) var tokens: [Token] = []
  private(set) var ranges: [Range<Int>] = []

  mutating func append(_ token: Token, _ range: Range<Int>) {
    tokens.append(token)
    ranges.append(range)
  }

  mutating func removeAll() {
    tokens.removeAll(keepingCapacity: true)
    ranges.removeAll(keepingCapacity: true)
  }
}

/// How segmentations are drawn instead of the best being taken.
public struct SegmentationSampling: Sendable {
  /// The probability that a byte-pair merge is left out each time it comes up (Provilkov et al. 2020).
  public var dropout = 0.0
  /// The exponent of a Unigram segmentation's probability (Kudo 2018); nothing for the likeliest one.
  public var exponent: Double?
  public var seed: UInt64 = 0

  public init() {}

  var isActive: Bool { dropout > 0 || exponent != nil }
}

/// What the models of a chain have in common.
class ChainModel: @unchecked Sendable {
  let model: SubwordModel
  /// Pieces by what they spell; of two with the same spelling the first counts.
  private let table: PieceTable
  private let tokens: [Token]
  let unknown: Token?
  /// The tokens of `<0x00>` and so on, where all 256 are there and asked for.
  private let byteTokens: [Token]

  /// - Throws: `StreamError` when ids or the unknown piece contradict the vocabulary.
  init(_ file: TokenizerFile) throws(StreamError) {
    let model = file.model
    self.model = model
    var table = PieceTable()
    var tokens: [Token] = []
    for index in 0..<model.pieces.count {
      let isText = model.sentencePieceTypes.isEmpty || model.sentencePieceTypes[index].isText
      model.pieces.withPiece(at: index) {
        // What is no text is not found in any.
        guard isText else { return }
        if Int(table.insert($0)) == tokens.count { tokens.append(Token(model.ids[index])) }
      }
    }
    if let piece = model.unknown {
      let id =
        model.index(of: piece).map { model.ids[$0] }
        ?? file.addedTokens.first { $0.content == piece }?.id
      guard let id else {
        let text = String(decoding: piece, as: UTF8.self)
        throw StreamError(
          .file(file.name), "has no unknown piece \(text)", advice: "add it to the vocabulary")
      }
      unknown = Token(id)
    } else {
      unknown = nil
    }
    var bytes = [Token?](repeating: nil, count: 256)
    if model.hasByteFallback {
      for index in 0..<model.pieces.count {
        let piece = model.pieces[index]
        if piece.count == 6, let byte = SubwordModel.fallbackByte(piece) {
          bytes[Int(byte)] = Token(model.ids[index])
        }
      }
    }
    byteTokens = bytes.contains { $0 == nil } ? [] : bytes.map { $0! }
    self.table = table
    self.tokens = tokens
  }

  func token(_ piece: UnsafeBufferPointer<UInt8>) -> Token? {
    table.find(piece).map { tokens[Int($0)] }
  }

  /// The tokens of bytes that no piece spells; false when there are none.
  func appendBytes(
    _ word: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, to output: inout PieceRun
  ) -> Bool {
    guard !byteTokens.isEmpty else { return false }
    for index in range { output.append(byteTokens[Int(word[index])], index..<index + 1) }
    return true
  }

  /// Appends the tokens of one word.
  ///
  /// - random: where segmentations are drawn.
  func encode(
    _ word: UnsafeBufferPointer<UInt8>, _ sampling: SegmentationSampling,
    _ random: inout StepNumbers, into output: inout PieceRun
  ) { preconditionFailure("a model of no kind") }

  /// The model of a file.
  static func make(_ file: TokenizerFile) throws(StreamError) -> ChainModel {
    switch file.model.kind {
    case .bpe: try BytePairChain(file)
    case .unigram: try UnigramChain(file)
    case .wordPiece: try WordPieceChain(file)
    case .wordLevel: try WordLevelChain(file)
    }
  }
}

extension SentencePieceModel.PieceType {
  /// Whether pieces of this type are found in text.
  var isText: Bool { self == .normal || self == .userDefined || self == .unused }
}

/// Whole words only.
final class WordLevelChain: ChainModel, @unchecked Sendable {
  override func encode(
    _ word: UnsafeBufferPointer<UInt8>, _ sampling: SegmentationSampling,
    _ random: inout StepNumbers, into output: inout PieceRun
  ) {
    if let token = token(word) ?? unknown { output.append(token, 0..<word.count) }
  }
}

/// Greedy longest match.
final class WordPieceChain: ChainModel, @unchecked Sendable {
  private let matcher: WordPieceMatcher
  private let lengths: [Token: Int]

  override init(_ file: TokenizerFile) throws(StreamError) {
    let model = file.model
    let unknownID = model.unknown.flatMap { model.index(of: $0) }.map { model.ids[$0] } ?? 0
    matcher = WordPieceMatcher(
      pieces: model.pieces, ids: model.ids, prefix: model.continuingPrefix,
      unknown: Token(unknownID), maximumCharacterCount: model.maximumCharacterCount)
    lengths = Dictionary(
      (0..<model.pieces.count).map { (Token(model.ids[$0]), model.pieces[$0].count) },
      uniquingKeysWith: { first, _ in first })
    try super.init(file)
  }

  override func encode(
    _ word: UnsafeBufferPointer<UInt8>, _ sampling: SegmentationSampling,
    _ random: inout StepNumbers, into output: inout PieceRun
  ) {
    var tokens = TokenList()
    matcher.match(word, into: &tokens)
    var start = 0
    for (index, token) in tokens.tokens.enumerated() {
      let prefix = index > 0 ? model.continuingPrefix.count : 0
      let isWhole = tokens.count == 1
      let end = isWhole ? word.count : start + (lengths[token] ?? 0) - prefix
      output.append(token, start..<min(end, word.count))
      start = end
    }
  }
}
