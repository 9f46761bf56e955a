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
  /// How many pieces every vocabulary has besides those learnt.
  public static var specialCount: Int { specials.count }

  /// Learnt pieces in order.
  public var pieces: [[UInt8]]
  public var preparation: BertPreparation

  public init(pieces: [[UInt8]], preparation: BertPreparation) {
    self.pieces = pieces
    self.preparation = preparation
  }

  public func write(to sink: ByteSink, as format: Format) throws(StreamError) {
    let all = LearnedWordPiece.specials.map { Array($0.utf8) } + pieces
    switch format {
    case .vocab:
      for piece in all {
        try sink.write(piece)
        try sink.write([0x0A])
      }
    case .json:
      var json = JSONText()
      json.beginTokenizer(specials: LearnedWordPiece.specials)
      json.raw(
        """
        "normalizer": {"type": "BertNormalizer", "clean_text": \(preparation.cleansText), \
        "handle_chinese_chars": \(preparation.separatesIdeographs), \
        "strip_accents": \(preparation.stripsAccents), "lowercase": \(preparation.lowercases)},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": null,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": false},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
          "max_input_chars_per_word": 100, "vocab": {\n
        """)
      for (id, piece) in all.enumerated() {
        json.string(piece)
        json.raw(": \(id)\(id + 1 < all.count ? "," : "}}}")\n")
      }
      try sink.write(json.bytes)
    }
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
      for byte in 0..<256 {
        let digits = String(byte, radix: 16, uppercase: true)
        model.append(
          Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8), score: 0, type: .byte)
      }
    }
    for piece in pieces {
      model.append(
        LearnedUnigram.escaped(piece.bytes), score: Float(piece.score), type: .normal)
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
    case .json: try sink.write(json)
    }
  }

  private var json: [UInt8] {
    let model = sentencePieceModel
    var json = JSONText()
    json.beginTokenizer(specials: ["<unk>", "<s>", "</s>"])
    let cutting =
      marksWords
      ? #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}"#
      : #"{"type": "WhitespaceSplit"}"#
    json.raw(
      """
      "normalizer": \(marksWords ? LearnedUnigram.whitespaceRules : "null"),
      "pre_tokenizer": \(cutting),
      "post_processor": null,
      "decoder": \(marksWords ? cutting : "null"),
      "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": \(hasByteFallback), "vocab": [\n
      """)
    for id in 0..<model.pieces.count {
      json.raw("[")
      json.string(Array(model.pieces[id]))
      json.raw(", \(model.scores[id])]\(id + 1 < model.pieces.count ? "," : "]}}")\n")
    }
    return json.bytes
  }

  /// Runs of white space are one space, and none stands at either end.
  private static let whitespaceRules =
    #"{"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": true, "strip_right": true}, "#
    + #"{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}"#

  /// `▁` for a space.
  static func escaped(_ piece: [UInt8]) -> [UInt8] {
    piece.flatMap { $0 == 0x20 ? [0xE2, 0x96, 0x81] : [$0] }
  }
}

/// Writes JSON: members by hand, strings escaped.
struct JSONText: ~Copyable {
  private var buffer = ByteBuffer(capacity: 1 << 16)

  var bytes: [UInt8] { Array(buffer.bytes) }

  mutating func raw(_ text: String) { buffer.append(text) }

  /// Appends a string with its quotes; bytes that are not UTF-8 have no form in JSON and become U+FFFD.
  mutating func string(_ text: [UInt8]) {
    buffer.append(UInt8(ascii: "\""))
    text.withUnsafeBufferPointer { text in
      forEachScalar(of: text) { scalar, _ in
        switch scalar {
        case 0x22, 0x5C: buffer.append([0x5C, UInt8(scalar)])
        case 0..<0x20:
          let digits = String(scalar, radix: 16)
          buffer.append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
        default: buffer.append(scalar: scalar)
        }
      }
    }
    buffer.append(UInt8(ascii: "\""))
  }

  /// What stands in every `tokenizer.json` before its components.
  mutating func beginTokenizer(specials: [String]) {
    raw(
      "{\n\"version\": \"1.0\",\n\"truncation\": null,\n\"padding\": null,\n\"added_tokens\": [\n")
    for (id, special) in specials.enumerated() {
      raw(
        """
        {"id": \(id), "content": "\(special)", "single_word": false, "lstrip": false, \
        "rstrip": false, "normalized": false, "special": true}\(id + 1 < specials.count ? "," : "],")\n
        """)
    }
  }
}
