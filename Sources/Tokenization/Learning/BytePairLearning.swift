// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Learns a byte-pair model from counted words.
public struct BytePairLearning: Sendable {
  /// When to stop, whichever comes first.
  public struct Size: Sendable {
    public var vocabulary = Int.max
    public var merges = Int.max

    public init() {}
  }

  /// How equal counts are broken.
  public enum Ties: String, CaseIterable, Sendable {
    /// The smaller left id, then the smaller right id; bytes are numbered by their characters.
    case tokenizers
    /// The same with bytes numbered by their value.
    case bytes
    /// The pair of larger strings, left first: subword-nmt, and Stanford's CS336.
    case subwordNMT = "subword-nmt"
    /// The pair that stands first in the text: minbpe, and tiktoken's educational trainer. Bytes are
    /// numbered by their value; words must come in the order of their first appearance.
    case firstSeen = "first-seen"
    /// The smaller left id, then the smaller right id, characters numbered as fastBPE comes across
    /// them; each merge makes a symbol of its own, also where it spells a piece again.
    case fastBPE = "fastbpe"

    /// Whether the order of words decides.
    public var needsOrder: Bool { self == .firstSeen || self == .fastBPE }
  }

  public var level: BytePairModel.Level
  public var pattern: SplitPattern
  public var size = Size()
  /// Pairs that occur less often are not merged.
  public var minimumCount = 1
  /// Ends each word, as `</w>`.
  public var wordEnd: [UInt8] = []
  /// Ids 0, 1, ... in front of all others.
  public var specialTokens: [[UInt8]] = []
  public var ties = Ties.tokenizers
  /// Pieces that no merge may make.
  public var forbidden: Set<[UInt8]> = []
  /// Its merges come first, and its pieces keep their ids.
  private var base: BytePairModel?

  public init(level: BytePairModel.Level, pattern: SplitPattern) {
    self.level = level
    self.pattern = pattern
  }

  /// Goes on from a model that was learnt before, or written by hand.
  ///
  /// - Throws: `StreamError` without a place for ranks, and for ids with holes.
  public init(extending base: BytePairModel) throws(StreamError) {
    self.init(level: base.level, pattern: base.pattern)
    // Special tokens may stand among the pieces; the one for unknown text gets a new id.
    let added = Set(base.addedTokens.map(\.id))
    let order = base.ids.indices.filter { !added.contains(Int(base.ids[$0])) }
      .sorted { base.ids[$0] < base.ids[$1] }
    let first = order.first.map { base.ids[$0] } ?? 0
    guard base.order == .merges,
      order.enumerated().allSatisfy({ Int(base.ids[$0.element]) == $0.offset + Int(first) })
    else {
      throw StreamError(
        .none, "only merges whose ids have no holes can be extended", advice: "give merges or json")
    }
    wordEnd = base.wordEnd
    let specials = base.addedTokens.filter { $0.id < Int(first) }.sorted { $0.id < $1.id }
    specialTokens = specials.map(\.content)
    guard specials.count == Int(first) else {
      throw StreamError(
        .none, "the first piece has id \(first), after \(specials.count) special tokens")
    }
    self.base = base
    self.base?.pieces = PieceList(order.map { Array(base.pieces[$0]) })
    self.base?.ids = order.map { base.ids[$0] }
  }

  /// Goes on from the model of a file.
  ///
  /// - Throws: `StreamError` also where its merges are not of characters or bytes.
  public init(extending source: ModelSource) throws(StreamError) {
    do throws(StreamError) {
      try self.init(extending: TokenizerModel.readBytePairs(source))
    } catch { throw error.located(at: .file(source.name)) }
  }

  /// What a learner says of one merge: `left right count`.
  public struct Trace: CustomStringConvertible {
    public var left: [UInt8]
    public var right: [UInt8]
    /// Occurrences of the pair, weighted.
    public var count: Int
    /// Symbols in the weighted corpus after the merge.
    public var tokenCount: Int

    public var description: String {
      let pair = [left, right].map { String(decoding: Spelling.spelling(of: $0), as: UTF8.self) }
      return "\(pair[0]) \(pair[1]) \(count)"
    }
  }

  /// - words: used up.
  /// - begin: called before any merge with the distinct words and the symbols in the weighted corpus.
  /// - trace: called with each merge as it is made.
  public func learn(
    _ words: CountedWords, begin: (_ wordCount: Int, _ tokenCount: Int) throws -> Void,
    trace: ((Trace) throws -> Void)? = nil
  ) throws -> BytePairModel {
    var model = BytePairModel(level: level, pattern: pattern)
    model.wordEnd = wordEnd
    for (id, content) in specialTokens.enumerated() {
      var token = TokenizerFile.AddedToken(id: id, content: content)
      token.isSpecial = true
      token.isNormalized = false
      model.addedTokens.append(token)
    }
    var pieces = PieceNumbering(first: specialTokens.count)
    if let base {
      for index in 0..<base.pieces.count { _ = pieces.add(Array(base.pieces[index])) }
      model.merges = base.merges
    }
    try addAlphabet(of: words, to: &pieces)

    // What the symbols above the pieces spell, where merges do not share them.
    var spellings: [Token] = []
    let shared = ties == .fastBPE ? Token(pieces.nextID) : .max
    func piece(_ symbol: Token) -> Token {
      symbol < shared ? symbol : spellings[Int(symbol - shared)]
    }

    var learner = BytePairLearner(words.memory)
    var wordCount = 0
    var symbols: [Token] = []
    let known = KnownMerges(model.merges)
    let byteIDs = (UInt8.min...UInt8.max).map { byte in
      withUnsafePointer(to: byte) { pieces.find(UnsafeBufferPointer(start: $0, count: 1)) ?? 0 }
    }
    try words.forEachWord { word, count in
      wordCount += 1
      symbols.removeAll(keepingCapacity: true)
      forEachSymbol(of: word) {
        symbols.append($0.count == 1 ? byteIDs[Int($0[0])] : pieces.id(of: $0))
      }
      known.apply(to: &symbols)
      try learner.add(symbols, count: count)
    }
    words.removeAll()
    try begin(wordCount, learner.tokenCount)
    let size = size
    try learner.learn(
      minimumCount: minimumCount,
      spelled: { left, right in
        let id = pieces.id(joining: piece(left), piece(right))
        guard shared != .max else { return id }
        spellings.append(id)
        return shared + Token(spellings.count - 1)
      },
      isEnough: { pieces.nextID >= size.vocabulary || model.merges.count >= size.merges },
      ties: ties == .firstSeen
        ? .firstPlace
        : ties != .subwordNMT
          ? .smallerIDs
          : .preferred { a, b in
            let left = (pieces.bytes(of: a.0), pieces.bytes(of: b.0))
            return left.0 == left.1
              ? pieces.bytes(of: b.1).lexicographicallyPrecedes(pieces.bytes(of: a.1))
              : left.1.lexicographicallyPrecedes(left.0)
          },
      isForbidden: { [forbidden] in
        !forbidden.isEmpty
          && forbidden.contains(Array(pieces.bytes(of: piece($0)) + pieces.bytes(of: piece($1))))
      },
      step: { step in
        let merge = BytePairModel.Merge(
          left: piece(step.merge.left), right: piece(step.merge.right),
          result: piece(step.merge.result))
        model.merges.append(merge)
        try trace?(
          Trace(
            left: Array(pieces.bytes(of: merge.left)), right: Array(pieces.bytes(of: merge.right)),
            count: step.count, tokenCount: step.tokenCount))
      })
    model.setPieces(pieces)
    return model
  }

  /// All bytes, in the order of the characters that stand for them; or the characters that occur, by
  /// code point. With the ties of fastBPE what occurs, in its order.
  private func addAlphabet(of words: CountedWords, to pieces: inout PieceNumbering) throws {
    if ties == .fastBPE { return try addAlphabetInTableOrder(of: words, to: &pieces) }
    if level == .byte, wordEnd.isEmpty {
      let order =
        ties == .bytes || ties == .firstSeen
        ? Array(UInt8.min...UInt8.max) : ByteLevelAlphabet.order
      for byte in order { _ = pieces.add([byte]) }
      return
    }
    var seen = PieceTable()
    try words.forEachWord { word, _ in
      forEachSymbol(of: word) { _ = seen.insert($0) }
    }
    // UTF-8 keeps the order of code points.
    let symbols = (0..<seen.count).map { Array(seen.spelling(of: Token($0))) }
    for symbol in symbols.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      _ = pieces.add(symbol)
    }
  }

  /// Symbols in the order in which the words of a hash table hold them first.
  private func addAlphabetInTableOrder(
    of words: CountedWords, to pieces: inout PieceNumbering
  ) throws {
    var table = HashTableOrder()
    try words.forEachWord { word, _ in table.add(word) }
    let ranks = table.ranks
    var seen = PieceTable()
    /// By symbol: the rank of the first word that holds it, and where in the word.
    var places: [(rank: Int, offset: Int)] = []
    var number = 0
    try words.forEachWord { word, _ in
      var offset = 0
      forEachSymbol(of: word) {
        let symbol = Int(seen.insert($0))
        if symbol == places.count { places.append((.max, 0)) }
        if (ranks[number], offset) < places[symbol] { places[symbol] = (ranks[number], offset) }
        offset += 1
      }
      number += 1
    }
    for symbol in places.indices.sorted(by: { places[$0] < places[$1] }) {
      _ = pieces.add(Array(seen.spelling(of: Token(symbol))))
    }
  }

  /// Calls `body` with the bytes of each symbol of a word, the mark of the word's end at the last.
  private func forEachSymbol(
    of word: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    let text = TextScanner(word)
    var index = 0
    while index < text.count {
      let end =
        level == .byte ? index + 1 : CharacterScanner.end(in: text, from: index)
      if end == text.count, !wordEnd.isEmpty {
        (Array(word[index..<end]) + wordEnd).withUnsafeBufferPointer(body)
      } else {
        body(UnsafeBufferPointer(rebasing: word[index..<end]))
      }
      index = end
    }
  }
}

/// Merges that are made before learning begins, word by word.
private struct KnownMerges {
  private var pairs: [UInt64: (rank: Int, result: Token)] = [:]

  init(_ merges: [BytePairModel.Merge]) {
    for (rank, merge) in merges.enumerated() {
      pairs[UInt64(merge.left) << 32 | UInt64(merge.right)] = (rank, merge.result)
    }
  }

  /// Makes the first merge of the list that applies, everywhere from left to right, until none does.
  func apply(to symbols: inout [Token]) {
    guard !pairs.isEmpty else { return }
    while true {
      var best: (rank: Int, result: Token)?
      for index in symbols.indices.dropLast() {
        let pair = UInt64(symbols[index]) << 32 | UInt64(symbols[index + 1])
        if let found = pairs[pair], found.rank < best?.rank ?? Int.max { best = found }
      }
      guard let best else { return }
      var merged: [Token] = []
      var index = 0
      while index < symbols.count {
        if index + 1 < symbols.count,
          pairs[UInt64(symbols[index]) << 32 | UInt64(symbols[index + 1])]?.rank == best.rank
        {
          merged.append(best.result)
          index += 2
        } else {
          merged.append(symbols[index])
          index += 1
        }
      }
      symbols = merged
    }
  }
}
