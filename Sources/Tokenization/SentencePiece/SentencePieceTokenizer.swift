// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// A SentencePiece model, BPE or Unigram, with the ids of `sentencepiece`.
///
/// Where no piece has `▁` after another character, no piece can reach over the start of a run of `▁`:
/// the text is cut there and words are remembered. Other models are encoded a record at a time.
public final class SentencePieceTokenizer: Tokenizer {
  enum Engine: Sendable {
    case unigram(UnigramModel)
    case merges(ScoredPieces)
  }

  public let model: SentencePieceModel
  public let vocabulary: Vocabulary
  let engine: Engine
  let normalizer: SentencePieceNormalizer
  /// Whether words are independent of one another.
  let cutsWords: Bool

  /// Spaces only part words and have no token: the words of an example, not of running text.
  let dropsSpaces: Bool

  /// - name: of the model in messages.
  /// - Throws: `StreamError` when the kind of model is not one of the two, or its map is malformed.
  public init(
    _ model: SentencePieceModel, name: String, dropsSpaces: Bool = false
  ) throws(StreamError) {
    self.model = model
    self.dropsSpaces = dropsSpaces
    normalizer = try SentencePieceNormalizer(model, name: name)
    let forms = PieceForms(model)
    switch model.kind {
    case .unigram: engine = .unigram(forms.unigramModel())
    case .bpe: engine = .merges(forms.scoredPieces())
    case .word, .characters:
      throw StreamError(
        .file(name), "is a SentencePiece model of words or characters",
        advice: "use --words or --characters")
    }
    cutsWords = forms.cutsWords || dropsSpaces
    vocabulary = try forms.vocabulary(name: name)
  }

  public func makeEncoder() -> any RecordEncoder {
    switch engine {
    case .unigram(let model): SentencePieceEncoder(self, core: UnigramLattice(model))
    case .merges(let pieces): SentencePieceEncoder(self, core: ScoredMerges(pieces))
    }
  }
}

/// The pieces of a model as its engine wants them: one byte 0x20 for `▁`.
private struct PieceForms {
  let model: SentencePieceModel
  var bytes = PieceList()
  let byteTokens: [Token]
  let unknown: Token

  init(_ model: SentencePieceModel) {
    self.model = model
    for id in 0..<model.pieces.count {
      bytes.append(SentencePieceRules.unescaped(model.pieces[id]))
    }
    unknown = Token(model.types.firstIndex(of: .unknown) ?? 0)
    var tokens = [Token](repeating: 0, count: model.hasByteFallback ? 256 : 0)
    if model.hasByteFallback {
      for id in 0..<model.pieces.count where model.types[id] == .byte {
        if let byte = model.byte(of: id) { tokens[Int(byte)] = Token(id) }
      }
    }
    byteTokens = tokens
  }

  private func isText(_ id: Int) -> Bool {
    switch model.types[id] {
    case .normal, .userDefined, .unused: true
    case .unknown, .control, .byte: false
    }
  }

  /// No piece has a space after another character, and a lone space is a piece: then an unknown run
  /// never crosses a cut either.
  var cutsWords: Bool {
    guard !model.treatsWhitespaceAsSuffix else { return false }
    var hasSpace = model.hasByteFallback
    for id in 0..<bytes.count where isText(id) {
      let piece = bytes[id]
      if piece.elementsEqual([0x20]), model.types[id] == .normal { hasSpace = true }
      if piece.drop(while: { $0 == 0x20 }).contains(0x20) { return false }
    }
    return hasSpace
  }

  func unigramModel() -> UnigramModel {
    let trie = PieceTrie(capacity: bytes.bytes.count / 2)
    var minimum = Float.greatestFiniteMagnitude
    for id in 0..<bytes.count where model.types[id] == .normal {
      minimum = min(minimum, model.scores[id])
    }
    var scores = model.scores.map(Double.init)
    for id in 0..<bytes.count {
      switch model.types[id] {
      case .normal: trie.insert(bytes[id], value: id)
      case .userDefined:
        trie.insert(bytes[id], value: id)
        // Better than any other piece, whatever the file says.
        scores[id] = 0
      default: break
      }
    }
    return UnigramModel(
      trie: trie, scores: scores, unknown: unknown, unknownScore: Double(minimum - 10),
      byteTokens: byteTokens, roundsToFloat: true)
  }

  func scoredPieces() -> ScoredPieces {
    var texts = PieceList()
    var tokens: [Token] = []
    var scores: [Float] = []
    let frozen = PieceTrie()
    for id in 0..<bytes.count where isText(id) {
      texts.append(bytes[id])
      tokens.append(Token(id))
      scores.append(model.scores[id])
      if model.types[id] == .userDefined { frozen.insert(bytes[id], value: id) }
    }
    let unused = (0..<bytes.count).filter { model.types[$0] == .unused }.map { Token($0) }
    return ScoredPieces(
      pieces: texts, tokens: tokens, scores: scores, unused: Set(unused),
      frozen: frozen.nodeCount > 1 ? frozen : nil, unknown: unknown, byteTokens: byteTokens)
  }

  func vocabulary(name: String) throws(StreamError) -> Vocabulary {
    var decoding = TextDecoding.concatenated
    decoding.dropsLeadingSpace = model.addsDummyPrefix && !model.treatsWhitespaceAsSuffix
    decoding.hasByteFallback = model.hasByteFallback
    var table = VocabularyTable()
    for id in 0..<bytes.count {
      switch model.types[id] {
      case .unknown: table.append(special: Spelling.unknown)
      case .control where bytes[id].elementsEqual(Spelling.beginning):
        table.append(special: Spelling.beginning)
      case .control where bytes[id].elementsEqual(Spelling.end):
        table.append(special: Spelling.end)
      default: table.append(bytes[id])
      }
    }
    return table.finish(decoding: decoding)
  }
}
