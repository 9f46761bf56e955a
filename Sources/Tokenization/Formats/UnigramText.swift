// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// A Unigram model as text: a header line, then `piece<TAB>score` for each id from 0, spelt as in a token
/// stream (`▁` for a space), the score in nats.
///
///     #version: unigram 1 words=marked
///     <unk>	0.0
///
/// `words=marked`: each word has a space in front; `words=plain`: words are what stands between white
/// space. The first line of `spm_train`'s `.vocab` is `<unk>`: such a file is read as marked.
struct UnigramText {
  private static let header = "#version: unigram 1 words="

  var model: SentencePieceModel
  var marksWords: Bool

  init(model: SentencePieceModel, marksWords: Bool) {
    self.model = model
    self.marksWords = marksWords
  }

  var bytes: [UInt8] {
    var output = ByteBuffer(capacity: 1 << 16)
    output.append(UnigramText.header + (marksWords ? "marked\n" : "plain\n"))
    for id in 0..<model.pieces.count {
      if model.types[id] == .normal {
        let piece = Spelling.bytes(of: Array(model.pieces[id]))
        piece.withUnsafeBufferPointer { Spelling.append($0, to: &output) }
      } else {
        output.append(Array(model.pieces[id]))
      }
      output.append("\t\(model.scores[id])\n")
    }
    return Array(output.bytes)
  }

  /// - Throws: `StreamError` with the line of what is malformed.
  init(parsing source: ModelSource) throws(StreamError) {
    model = SentencePieceModel()
    model.normalizerName = Array("identity".utf8)
    marksWords = true
    var lineNumber = 0
    for line in source.bytes.split(separator: 0x0A) {
      lineNumber += 1
      if lineNumber == 1, line.starts(with: UnigramText.header.utf8) {
        marksWords = line.reversed().starts(with: "marked".utf8.reversed())
        continue
      }
      guard let tab = line.lastIndex(of: 0x09),
        let score = Float(String(decoding: line[(tab + 1)...], as: UTF8.self)), score.isFinite,
        tab > line.startIndex
      else {
        throw StreamError(
          .line(source.name, lineNumber), "is no piece, TAB and score",
          advice: "give the output of unigram-learn")
      }
      let spelling = Array(line[..<tab])
      let type = UnigramText.type(of: spelling)
      let piece =
        type == .normal ? SentencePieceRules.escaped(Spelling.bytes(of: spelling)) : spelling
      model.append(piece, score: score, type: type)
      if type == .byte { model.hasByteFallback = true }
    }
    model.addsDummyPrefix = marksWords
    try model.check(name: source.name)
  }

  private static func type(of spelling: [UInt8]) -> SentencePieceModel.PieceType {
    if spelling == Spelling.unknown { return .unknown }
    if spelling == Spelling.beginning || spelling == Spelling.end { return .control }
    if spelling.count == 6, spelling.starts(with: "<0x".utf8), spelling[5] == UInt8(ascii: ">") {
      return .byte
    }
    return .normal
  }

  static func recognises(_ source: ModelSource) -> Bool {
    source.begins(with: header) || source.begins(with: "<unk>\t")
  }
}

/// Unigram models as text.
enum UnigramTextFormat: TokenizerFormat {
  static func recognises(_ source: ModelSource) -> Bool { UnigramText.recognises(source) }

  static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    let text = try UnigramText(parsing: source)
    var file = try text.model.file(name: source.name)
    if !text.marksWords {
      file.normalizer = .none
      file.preTokenizer = .whitespaceSplit
    }
    return file
  }

  static func open(_ source: ModelSource) throws(StreamError) -> (any Tokenizer)? {
    if source.options.allowsSpecialTokens, !source.options.needsChain { return nil }
    let text = try UnigramText(parsing: source)
    return try SentencePieceTokenizer(
      text.model, name: source.name, dropsSpaces: !text.marksWords)
  }
}
