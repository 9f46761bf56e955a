// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// A learnt WordPiece vocabulary, as files hold it.
public struct LearnedWordPiece: Sendable {
  public enum Format: String, CaseIterable, Sendable {
    /// BERT `vocab.txt`.
    case vocab
    /// Hugging Face `tokenizer.json`.
    case json
  }

  /// The pieces that BERT's tools expect in front.
  static let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

  /// Learnt pieces in order.
  public var pieces: [[UInt8]]
  public var preparation: BertPreparation

  public init(pieces: [[UInt8]], preparation: BertPreparation) {
    self.pieces = pieces
    self.preparation = preparation
  }

  public func write(to sink: ByteSink, as format: Format) throws(StreamError) {
    let all = LearnedWordPiece.specials.map { Array($0.utf8) } + pieces
    let file = TokenizerFile(wordPieces: PieceList(all), preparation: preparation, name: "")
    try file.write(as: format == .vocab ? .vocab : .json, to: sink)
  }
}

/// A learnt Unigram model, as files hold it.
public struct LearnedUnigram: Sendable {
  public enum Format: String, CaseIterable, Sendable {
    /// Lines of piece and score under a header line.
    case text
    /// SentencePiece `.model`.
    case model
    /// Hugging Face `tokenizer.json`.
    case json
  }

  public var pieces: [UnigramLearner.Piece]
  /// Whether words have a space in front, as SentencePiece marks them.
  public var marksWords: Bool
  public var hasByteFallback: Bool

  public init(pieces: [UnigramLearner.Piece], marksWords: Bool, hasByteFallback: Bool) {
    self.pieces = pieces
    self.marksWords = marksWords
    self.hasByteFallback = hasByteFallback
  }

  /// How many pieces the model has besides those learnt.
  public static func extraCount(hasByteFallback: Bool) -> Int { hasByteFallback ? 259 : 3 }

  /// The model as SentencePiece has it.
  public var sentencePieceModel: SentencePieceModel {
    var model = SentencePieceModel()
    model.append(Spelling.unknown, score: 0, type: .unknown)
    model.append(Spelling.beginning, score: 0, type: .control)
    model.append(Spelling.end, score: 0, type: .control)
    if hasByteFallback {
      for byte in UInt8.min...UInt8.max {
        model.append(SubwordModel.fallbackPiece(byte), score: 0, type: .byte)
      }
    }
    for piece in pieces {
      model.append(
        SentencePieceRules.escaped(piece.bytes), score: Float(piece.score), type: .normal)
    }
    model.hasByteFallback = hasByteFallback
    model.normalizerName = Array("identity".utf8)
    model.addsDummyPrefix = marksWords
    return model
  }

  public func write(to sink: ByteSink, as format: Format) throws(StreamError) {
    switch format {
    case .text: try sink.write(UnigramText(model: sentencePieceModel, marksWords: marksWords).bytes)
    case .model: try sink.write(sentencePieceModel.encoded())
    case .json:
      var file = try sentencePieceModel.file(name: "")
      if !marksWords {
        file.normalizer = .none
        file.preTokenizer = .whitespaceSplit
        file.decoder = .none
      }
      try file.write(as: .json, to: sink)
    }
  }
}
