// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// BERT `vocab.txt`: one piece a line, the line's number is its id, from 0.
///
/// The file does not say how text is prepared. A vocabulary without an upper-case ASCII letter outside
/// `[...]` is taken for an uncased one: lower case, accents stripped.
enum WordPieceFormat: TokenizerFormat {
  static func recognises(_ source: ModelSource) -> Bool {
    let lines = source.bytes.split(separator: 0x0A, maxSplits: 4096)
    return lines.contains { trimmed($0).elementsEqual(unknownPiece) }
  }

  static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    let (pieces, preparation) = contents(source)
    return TokenizerFile(
      wordPieces: pieces, preparation: preparation, name: source.name)
  }

  static func open(_ source: ModelSource) throws(StreamError) -> (any Tokenizer)? {
    if source.options.allowsSpecialTokens, !source.options.needsChain { return nil }
    let (pieces, preparation) = contents(source)
    return try WordPieceTokenizer(
      pieces: pieces, ids: Array(0..<pieces.count), preparation: preparation, name: source.name,
      unitName: "line", firstUnit: 1)
  }

  private static func contents(_ source: ModelSource) -> (PieceList, BertPreparation) {
    var pieces = PieceList()
    for line in source.bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      pieces.append(trimmed(line))
    }
    // What follows the last LF is no line.
    if source.bytes.last == 0x0A { pieces.removeLast() }
    var preparation = BertPreparation()
    let isCased = (0..<pieces.count).contains { id in
      let piece = pieces[id]
      return piece.first != UInt8(ascii: "[") && piece.contains { (0x41...0x5A).contains($0) }
    }
    preparation.lowercases = !isCased
    preparation.stripsAccents = !isCased
    return (pieces, preparation)
  }

  /// Appends the pieces by id, a line each.
  ///
  /// - Throws: `StreamError` without a place for other models, and for ids with holes.
  static func append(_ file: TokenizerFile, to output: inout ByteBuffer) throws(StreamError) {
    guard file.model.kind == .wordPiece, file.model.continuingPrefix == Array("##".utf8) else {
      throw StreamError(.none, "vocab.txt holds WordPiece models only", advice: "save json")
    }
    let order = file.model.ids.indices.sorted { file.model.ids[$0] < file.model.ids[$1] }
    for (line, index) in order.enumerated() {
      guard file.model.ids[index] == line else {
        throw StreamError(.none, "vocab.txt cannot leave out id \(line)", advice: "save json")
      }
      output.append(Array(file.model.pieces[index]))
      output.append(0x0A)
    }
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    line.last == 0x0D ? line.dropLast() : line
  }

  private static let unknownPiece = Array("[UNK]".utf8)
}

extension TokenizerFile {
  /// A WordPiece model behind BERT's preparation, with BERT's special tokens as far as it has them.
  init(wordPieces pieces: PieceList, preparation: BertPreparation, name: String) {
    self.init(name: name)
    normalizer = .bert(preparation)
    preTokenizer = .bert
    decoder = .wordPiece(prefix: Array("##".utf8), cleansUp: false)
    model.kind = .wordPiece
    model.pieces = pieces
    model.ids = Array(0..<pieces.count)
    model.unknown = Array("[UNK]".utf8)
    model.continuingPrefix = Array("##".utf8)
    var ids: [String: Int] = [:]
    for name in LearnedWordPiece.specials {
      guard let id = model.index(of: Array(name.utf8)) else { continue }
      ids[name] = id
      addedTokens.append(
        AddedToken(id: id, content: Array(name.utf8), isSpecial: true, isNormalized: false))
    }
    addedTokens.sort { $0.id < $1.id }
    if let first = ids["[CLS]"], let last = ids["[SEP]"] {
      postProcessor = PostProcessor(before: [("[CLS]", first)], after: [("[SEP]", last)])
    }
  }
}

extension WordPieceTokenizer {
  /// The engine for a file that is prepared as for BERT; nothing for all others.
  convenience init?(_ file: TokenizerFile, _ options: TokenizerOptions) throws(StreamError) {
    guard file.model.kind == .wordPiece, case .bert(let preparation) = file.normalizer,
      case .bert = file.preTokenizer, let unknown = file.model.unknown,
      !options.allowsSpecialTokens || options.needsChain,
      file.addedTokens.allSatisfy(\.isSpecial), file.idCount == (file.model.ids.max() ?? -1) + 1,
      case .wordPiece(file.model.continuingPrefix, let cleansUp) = file.decoder
    else { return nil }
    try self.init(
      pieces: file.model.pieces, ids: file.model.ids, preparation: preparation, name: file.name,
      unknown: unknown, prefix: file.model.continuingPrefix,
      maximumCharacterCount: file.model.maximumCharacterCount, cleansUp: cleansUp)
  }

  /// - pieces: as the file spells them, and their ids.
  /// - unitName, firstUnit: how messages name the place of a piece.
  /// - Throws: `StreamError` when a piece or an id comes twice, or the unknown piece is missing.
  convenience init(
    pieces: PieceList, ids: [Int], preparation: BertPreparation, name: String,
    unknown: [UInt8] = Array("[UNK]".utf8), prefix: [UInt8] = Array("##".utf8),
    maximumCharacterCount: Int = 100, unitName: String = "id", firstUnit: Int = 0,
    cleansUp: Bool = false
  ) throws(StreamError) {
    var (vocabulary, unknownToken) = try WordPieceVocabulary.make(
      pieces: pieces, ids: ids, name: name, unknown: unknown, prefix: prefix, unitName: unitName,
      firstUnit: firstUnit)
    vocabulary.decoding.joinsPunctuation = cleansUp
    let matcher = WordPieceMatcher(
      pieces: pieces, ids: ids, prefix: prefix, unknown: unknownToken,
      maximumCharacterCount: maximumCharacterCount)
    self.init(vocabulary: vocabulary, matcher: matcher, preparation: preparation)
  }
}

/// The vocabulary of a WordPiece model: pieces by id, the unknown piece spelt `<unk>`.
enum WordPieceVocabulary {
  static func make(
    pieces: PieceList, ids: [Int], name: String, unknown: [UInt8], prefix: [UInt8],
    unitName: String, firstUnit: Int
  ) throws(StreamError) -> (Vocabulary, Token) {
    let count = (ids.max() ?? -1) + 1
    guard count <= max(2 * ids.count, 1 << 20) else {
      throw StreamError(.file(name), "id \(count - 1) is out of range for \(ids.count) pieces")
    }
    var byID = [Int](repeating: -1, count: count)
    var seen = PieceTable()
    for index in 0..<pieces.count {
      guard byID[ids[index]] < 0 else {
        throw StreamError(.file(name), "id \(ids[index]) stands twice")
      }
      byID[ids[index]] = index
      guard pieces.withPiece(at: index, { Int(seen.insert($0)) == index }) else {
        let text = String(decoding: pieces[index], as: UTF8.self)
        throw StreamError(
          .file(name),
          "piece \(text) stands twice, the second time at \(unitName) \(index + firstUnit)")
      }
    }
    guard let unknownIndex = unknown.withUnsafeBufferPointer({ seen.find($0) }) else {
      let text = String(decoding: unknown, as: UTF8.self)
      throw StreamError(
        .file(name), "has no unknown piece \(text)", advice: "add it to the vocabulary")
    }
    var table = VocabularyTable()
    for index in byID {
      if index < 0 {
        table.appendHole()
      } else if index == Int(unknownIndex) {
        table.append(special: Spelling.unknown)
      } else {
        table.append(pieces[index])
      }
    }
    var decoding = TextDecoding.spaced
    decoding.continuationPrefix = prefix
    return (table.finish(decoding: decoding), Token(ids[Int(unknownIndex)]))
  }
}
