// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// SentencePiece `.model` files.
enum SentencePieceFormat: TokenizerFormat {
  /// The first field is a piece: tag, length, and inside it the tag of its text.
  static func recognises(_ source: ModelSource) -> Bool {
    source.bytes.count > 4 && source.bytes[0] == 0x0A && source.bytes[1] < 0x80
      && source.bytes[2] == 0x0A && Int(source.bytes[3]) < Int(source.bytes[1])
  }

  static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    try SentencePieceModel(parsing: source.bytes, name: source.name).file(name: source.name)
  }

  static func open(_ source: ModelSource) throws(StreamError) -> (any Tokenizer)? {
    let model = try SentencePieceModel(parsing: source.bytes, name: source.name)
    if source.options.allowsSpecialTokens, !source.options.needsChain { return nil }
    return try SentencePieceTokenizer(model, name: source.name)
  }
}

extension SentencePieceModel {
  /// The model as a chain: its own normaliser, and decoders of the `tokenizers` library.
  ///
  /// - Throws: `StreamError` for models of words and characters, and a malformed character map.
  func file(name: String) throws(StreamError) -> TokenizerFile {
    guard kind == .bpe || kind == .unigram else {
      throw StreamError(
        .file(name), "is a SentencePiece model of words or characters",
        advice: "use --words or --characters")
    }
    var file = TokenizerFile(name: name)
    file.normalizer = .sentencePiece(try SentencePieceRules(self, name: name))
    file.model.kind = kind == .bpe ? .bpe : .unigram
    file.model.order = .scores
    file.model.pieces = pieces
    file.model.ids = Array(0..<pieces.count)
    file.model.scores = scores.map(Double.init)
    file.model.sentencePieceTypes = types
    file.model.hasByteFallback = hasByteFallback
    file.model.fusesUnknown = true
    for id in 0..<pieces.count {
      switch types[id] {
      case .unknown: file.model.unknown = Array(pieces[id])
      case .control: break
      default: continue
      }
      file.addedTokens.append(
        TokenizerFile.AddedToken(
          id: id, content: Array(pieces[id]), isSpecial: true, isNormalized: false))
    }
    var steps: [PieceDecoder] = [.replace(SentencePieceRules.mark, [0x20])]
    if hasByteFallback { steps.append(.byteFallback) }
    let strips = addsDummyPrefix && !treatsWhitespaceAsSuffix
    file.decoder = .sequence(steps + [.fuse] + (strips ? [.strip(start: 1)] : []))
    return file
  }

  /// A chain as a SentencePiece model.
  ///
  /// - Throws: `StreamError` without a place where the chain does what SentencePiece cannot.
  init(_ file: TokenizerFile) throws(StreamError) {
    self.init()
    func refusal(_ what: String) -> StreamError {
      StreamError(.none, "a SentencePiece model cannot hold \(what)", advice: "save json")
    }
    switch file.model.kind {
    case .unigram: kind = .unigram
    case .bpe where file.model.order != .ranks && file.model.wordEnd.isEmpty: kind = .bpe
    default: throw refusal("\(file.model.kind.rawValue) models of this kind")
    }
    try set(from: file, refusal)
    hasByteFallback = file.model.hasByteFallback
    normalizerName = Array((characterMap.isEmpty ? "identity" : "custom").utf8)
    let order = file.model.ids.indices.sorted { file.model.ids[$0] < file.model.ids[$1] }
    guard order.enumerated().allSatisfy({ file.model.ids[$0.element] == $0.offset }) else {
      throw refusal("ids with holes")
    }
    let scores = file.model.scores.isEmpty ? file.scoresFromMerges() : file.model.scores
    for index in order {
      let piece = Array(file.model.pieces[index])
      append(piece, score: Float(scores[index]), type: file.sentencePieceType(of: index, piece))
    }
    do { try check(name: "") } catch { throw StreamError(.none, error.problem) }
  }

  private mutating func set(
    from file: TokenizerFile, _ refusal: (String) -> StreamError
  ) throws(StreamError) {
    removesExtraWhitespace = false
    func read(_ part: Normalizer) throws(StreamError) {
      switch part {
      case .sequence(let parts): for part in parts { try read(part) }
      case .sentencePiece(let rules):
        characterMap = rules.map?.file ?? []
        addsDummyPrefix = rules.addsDummyPrefix
        treatsWhitespaceAsSuffix = rules.treatsWhitespaceAsSuffix
        removesExtraWhitespace = rules.removesExtraWhitespace
      case .precompiled(let map): characterMap = map.file
      case .strip(true, true): removesExtraWhitespace = true
      case .prepend(SentencePieceRules.mark): addsDummyPrefix = true
      case .replace(let pattern, let content):
        let marks = pattern == TextPattern(literal: [0x20]) && content == SentencePieceRules.mark
        if case .expression(" {2,}") = pattern.kind {
          removesExtraWhitespace = true
        } else if !marks {
          throw refusal("the normaliser Replace")
        }
      default: throw refusal("the file's normaliser")
      }
    }
    switch file.preTokenizer {
    case .metaspace(SentencePieceRules.mark, let scheme, _): addsDummyPrefix = scheme != .never
    case .sequence(let parts) where parts.isEmpty: addsDummyPrefix = false
    default: throw refusal("the file's pre-tokeniser")
    }
    try read(file.normalizer)
  }
}

extension SubwordModel {
  /// Whether `▁` stands in pieces only once and only in front, so that text may be cut before each.
  fileprivate var hasSingleMarksOnly: Bool {
    (0..<pieces.count).allSatisfy { index in
      let piece = pieces[index]
      let rest = piece.starts(with: SentencePieceRules.mark) ? piece.dropFirst(3) : piece
      return !rest.contains(bytes: SentencePieceRules.mark)
    }
  }
}

extension TokenizerFile {
  fileprivate func sentencePieceType(
    of index: Int, _ piece: [UInt8]
  ) -> SentencePieceModel.PieceType {
    if !model.sentencePieceTypes.isEmpty { return model.sentencePieceTypes[index] }
    if piece == model.unknown { return .unknown }
    if model.hasByteFallback, SubwordModel.fallbackByte(piece) != nil { return .byte }
    guard let token = addedTokens.first(where: { $0.id == model.ids[index] }) else {
      return .normal
    }
    return token.isSpecial ? .control : .userDefined
  }

  /// Scores in the order of the merges that make the pieces; single characters come after.
  fileprivate func scoresFromMerges() -> [Double] {
    var ranks: [[UInt8]: Int] = [:]
    for index in 0..<model.merges.count / 2 {
      let piece = Array(model.merges[2 * index] + model.merges[2 * index + 1])
      if ranks[piece] == nil { ranks[piece] = ranks.count }
    }
    let mergeCount = ranks.count
    return (0..<model.pieces.count).map { index in
      -Double(ranks[Array(model.pieces[index])] ?? mergeCount + index)
    }
  }

  /// The same with merges listed and components of the `tokenizers` library only: what
  /// `tokenizer.json` can say. Of a piece all ways to make it are listed, in the order of its rank.
  func withListedMerges() -> TokenizerFile {
    var file = self
    if case .sentencePiece(let rules) = normalizer {
      file.normalizer = rules.asComponents
      file.preTokenizer = .metaspace(
        replacement: SentencePieceRules.mark, rules.addsDummyPrefix ? .always : .never,
        splits: model.hasSingleMarksOnly)
      for (index, type) in model.sentencePieceTypes.enumerated() where type == .userDefined {
        file.addedTokens.append(
          AddedToken(id: model.ids[index], content: Array(model.pieces[index]), isNormalized: false)
        )
      }
      file.addedTokens.sort { $0.id < $1.id }
    }
    guard model.kind == .bpe, model.order != .merges else { return file }
    var table = PieceTable()
    var places: [Int] = []
    for index in 0..<model.pieces.count {
      if !model.sentencePieceTypes.isEmpty, !model.sentencePieceTypes[index].isText { continue }
      model.pieces.withPiece(at: index) {
        if Int(table.insert($0)) == places.count { places.append(index) }
      }
    }
    var merges: [(rank: Double, left: Int, right: Int)] = []
    for index in places {
      let rank = model.order == .ranks ? Double(model.ids[index]) : -model.scores[index]
      var found: [(left: Int, right: Int)] = []
      model.pieces.withPiece(at: index) { piece in
        for middle in 1..<max(piece.count, 1) where piece[middle] & 0xC0 != 0x80 {
          guard let left = table.find(UnsafeBufferPointer(rebasing: piece[..<middle])),
            let right = table.find(UnsafeBufferPointer(rebasing: piece[middle...]))
          else { continue }
          found.append((places[Int(left)], places[Int(right)]))
        }
      }
      found.sort {
        (model.ids[$0.left], model.ids[$0.right]) < (model.ids[$1.left], model.ids[$1.right])
      }
      merges += found.map { (rank, $0.left, $0.right) }
    }
    // A stable order: by rank, then by id.
    let order = merges.indices.sorted { (merges[$0].rank, $0) < (merges[$1].rank, $1) }
    file.model.merges = PieceList()
    for place in order {
      file.model.merges.append(model.pieces[merges[place].left])
      file.model.merges.append(model.pieces[merges[place].right])
    }
    if model.order == .ranks { file.model.ignoresMerges = true }
    file.model.order = .merges
    return file
  }
}
