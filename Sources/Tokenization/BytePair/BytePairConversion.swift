// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

// Between byte-pair models as files hold them, with every setting, and as the fast engine wants them.

extension SplitPattern {
  /// The pre-tokeniser of a byte-level model with this pattern.
  var preTokenizer: PreTokenizer { preTokenizer(isByteLevel: true, addsPrefixSpace: false) }

  func preTokenizer(isByteLevel: Bool, addsPrefixSpace: Bool) -> PreTokenizer {
    func byteLevel(_ usesPattern: Bool) -> PreTokenizer {
      .byteLevel(addsPrefixSpace: addsPrefixSpace, usesPattern: usesPattern)
    }
    if isByteLevel, self == .gpt2 || self == .none { return byteLevel(self == .gpt2) }
    if !isByteLevel, self == .whitespace { return .whitespaceSplit }
    guard let expression = regularExpressions.first else { return .none }
    let split = PreTokenizer.split(
      TextPattern(known: expression), dropsSpaces ? .removed : .isolated, inverts: dropsSpaces)
    return isByteLevel ? .sequence([split, byteLevel(false)]) : split
  }
}

extension PreTokenizer {
  /// The pattern and the level that a pre-tokeniser stands for; nothing for all others.
  var known: (pattern: SplitPattern, isByteLevel: Bool, addsPrefixSpace: Bool)? {
    var pattern: SplitPattern?
    var isByteLevel = false
    var addsPrefixSpace = false
    func steps(_ part: PreTokenizer) -> [PreTokenizer] {
      if case .sequence(let parts) = part { parts.flatMap(steps) } else { [part] }
    }
    for step in steps(self) {
      // Bytes once written as characters are not split again by a pattern of text.
      guard !isByteLevel else { return nil }
      switch step {
      case .byteLevel(let adds, let usesPattern):
        isByteLevel = true
        addsPrefixSpace = adds
        if adds, pattern != nil { return nil }
        if usesPattern {
          guard pattern == nil else { return nil }
          pattern = .gpt2
        }
      case .whitespaceSplit where pattern == nil: pattern = .whitespace
      case .split(let expression, let behavior, let inverts) where pattern == nil:
        guard case .expression(let text) = expression.kind,
          let found = SplitPattern.allCases.first(where: { $0.regularExpressions.contains(text) }),
          inverts ? behavior == .removed : behavior == .isolated && !found.dropsSpaces
        else { return nil }
        pattern = found
      default: return nil
      }
    }
    return (pattern ?? .none, isByteLevel, addsPrefixSpace)
  }
}

extension BytePairModel {
  /// The model in a file; nothing when the file needs what the fast engine does not do.
  ///
  /// - Throws: `StreamError` for ids that stand twice, and merges that name unknown pieces.
  init?(_ file: TokenizerFile) throws(StreamError) {
    guard file.model.kind == .bpe, file.normalizer.isNone, !file.model.hasByteFallback,
      file.model.continuingPrefix.isEmpty, file.model.order != .scores,
      let known = file.preTokenizer.known
    else { return nil }
    self.init(level: known.isByteLevel ? .byte : .character, pattern: known.pattern)
    order = file.model.order == .ranks ? .ranks : .merges
    guard level == .byte || order == .merges, level == .byte || file.decoder.joinsOnly else {
      return nil
    }
    addsPrefixSpace = known.addsPrefixSpace
    ignoresMerges = file.model.ignoresMerges
    fusesUnknown = file.model.fusesUnknown
    wordEnd = file.model.wordEnd
    try addPieces(of: file)
    if let piece = file.model.unknown {
      unknown =
        addedTokens.first { $0.content == piece }.map { Token($0.id) }
        ?? (0..<pieces.count).first { pieces[$0].elementsEqual(piece) }.map { ids[$0] }
    }
  }

  /// Pieces, ids and merges. Added tokens stand in the vocabulary too, as text and not as bytes.
  private mutating func addPieces(of file: TokenizerFile) throws(StreamError) {
    addedTokens = file.addedTokens
    let addedIDs = Set(file.addedTokens.map(\.id))
    let largest = file.idCount
    guard largest <= max(4 * (file.model.ids.count + addedTokens.count), 1 << 20) else {
      throw StreamError(
        .file(file.name), "id \(largest - 1) is out of range for \(file.model.ids.count) pieces")
    }
    var isSeen = [Bool](repeating: false, count: largest)
    // The pieces as the file spells them, as it does in its merges.
    var table = PieceTable(capacity: file.model.ids.count)
    var bytes = ByteBuffer()
    ids.reserveCapacity(file.model.ids.count)
    for (index, id) in file.model.ids.enumerated() {
      guard !isSeen[id] else {
        throw StreamError(.file(file.name), "id \(id) stands twice in the vocabulary")
      }
      isSeen[id] = true
      bytes.removeAll()
      let isBytes = file.model.pieces.withPiece(at: index) { piece in
        if level == .byte { return ByteLevelAlphabet.appendBytes(of: piece, to: &bytes) }
        bytes.append(piece)
        return true
      }
      if !isBytes || (addedIDs.contains(id) && level == .byte) {
        if isBytes || addedIDs.contains(id) { continue }
        let piece = String(decoding: file.model.pieces[index], as: UTF8.self)
        throw StreamError(.file(file.name), "the piece '\(piece)' is not written as bytes are")
      }
      guard file.model.pieces.withPiece(at: index, { Int(table.insert($0)) }) == ids.count else {
        throw StreamError(
          .file(file.name), "the piece of id \(id) stands twice in the vocabulary")
      }
      pieces.append(bytes)
      ids.append(Token(id))
    }
    try addMerges(of: file, table)
  }

  private mutating func addMerges(
    of file: TokenizerFile, _ table: borrowing PieceTable
  ) throws(StreamError) {
    let halves = file.model.merges
    merges.reserveCapacity(halves.count / 2)
    for index in 0..<halves.count / 2 {
      func token(_ range: Range<Int>) -> Token? { halves.withPieces(range) { table.find($0) } }
      let middle = 2 * index + 1
      guard !halves[middle - 1].isEmpty, !halves[middle].isEmpty,
        let left = token(middle - 1..<middle), let right = token(middle..<middle + 1),
        let result = token(middle - 1..<middle + 1)
      else {
        let names = [halves[2 * index], halves[2 * index + 1]]
          .map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
        throw StreamError(
          .file(file.name), "merge \(index + 1), '\(names)', names a piece not in the vocabulary")
      }
      merges.append(
        Merge(left: ids[Int(left)], right: ids[Int(right)], result: ids[Int(result)]))
    }
  }

  /// The same as files hold it.
  func file(name: String) -> TokenizerFile {
    var file = TokenizerFile(name: name)
    file.addedTokens = addedTokens
    file.preTokenizer = pattern.preTokenizer(
      isByteLevel: level == .byte, addsPrefixSpace: addsPrefixSpace)
    file.decoder =
      level == .byte ? .byteLevel : wordEnd.isEmpty ? .fuse : .bpe(suffix: wordEnd)
    file.model.order = order == .ranks ? .ranks : .merges
    file.model.ignoresMerges = ignoresMerges
    file.model.fusesUnknown = fusesUnknown
    file.model.wordEnd = wordEnd
    func text(_ piece: ArraySlice<UInt8>) -> [UInt8] {
      level == .byte ? ByteLevelAlphabet.text(of: piece) : Array(piece)
    }
    var places: [Token: Int] = [:]
    for (index, id) in ids.enumerated() {
      places[id] = index
      file.model.pieces.append(text(pieces[index]))
      file.model.ids.append(Int(id))
    }
    for token in addedTokens where places[Token(token.id)] == nil {
      file.model.pieces.append(token.content)
      file.model.ids.append(token.id)
    }
    if let unknown {
      file.model.unknown =
        addedTokens.first { $0.id == Int(unknown) }?.content
        ?? places[unknown].map { text(pieces[$0]) }
    }
    for merge in merges {
      for half in [merge.left, merge.right] {
        file.model.merges.append(text(pieces[places[half]!]))
      }
    }
    return file
  }
}

extension PieceDecoder {
  /// Whether pieces are only put side by side, or a mark of the word's end becomes a space.
  fileprivate var joinsOnly: Bool {
    switch self {
    case .sequence(let parts): parts.allSatisfy(\.joinsOnly)
    case .fuse, .bpe: true
    default: false
    }
  }
}
