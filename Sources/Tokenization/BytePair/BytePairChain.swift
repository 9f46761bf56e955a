// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import Probability
internal import TokenStreams

/// Byte-pair merging of any order and with every setting that files have, a heap for each word.
final class BytePairChain: ChainModel, @unchecked Sendable {
  /// The listed merges.
  private var pairs = PairTable([])
  /// The place in the order of merging by token, lower first, for scored pieces.
  private var ranks: [Token: UInt32] = [:]
  /// Strings that are one symbol from the start and never merge, the longest first.
  private var frozen: [(bytes: [UInt8], token: Token)] = []
  private var unused: Set<Token> = []

  override init(_ file: TokenizerFile) throws(StreamError) {
    try super.init(file)
    switch model.order {
    case .merges: try addMerges(name: file.name)
    case .ranks: for id in model.ids { ranks[Token(id)] = UInt32(id) }
    case .scores:
      for (index, id) in model.ids.enumerated() {
        // Order of scores as order of integers, the best first.
        let bits = (Float(model.scores[index]) + 0).bitPattern
        ranks[Token(id)] = ~(bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits)
      }
    }
    for (index, type) in model.sentencePieceTypes.enumerated() {
      let token = Token(model.ids[index])
      if type == .userDefined { frozen.append((Array(model.pieces[index]), token)) }
      if type == .unused { unused.insert(token) }
    }
    frozen.sort { $0.bytes.count > $1.bytes.count }
  }

  private func addMerges(name: String) throws(StreamError) {
    let prefix = model.continuingPrefix
    let halves = model.merges
    var merges: [BytePairModel.Merge] = []
    merges.reserveCapacity(halves.count / 2)
    for middle in stride(from: 1, to: halves.count, by: 2) {
      func token(_ range: Range<Int>) -> Token? { halves.withPieces(range) { self.token($0) } }
      func joined() -> Token? {
        let right = halves[middle]
        guard !prefix.isEmpty, right.starts(with: prefix) else {
          return token(middle - 1..<middle + 1)
        }
        return Array(halves[middle - 1] + right.dropFirst(prefix.count))
          .withUnsafeBufferPointer { self.token($0) }
      }
      guard let left = token(middle - 1..<middle), let right = token(middle..<middle + 1),
        let result = joined()
      else {
        let names = [halves[middle - 1], halves[middle]]
          .map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
        throw StreamError(
          .file(name), "merge \(middle / 2 + 1), '\(names)', names a piece not in the vocabulary")
      }
      merges.append(BytePairModel.Merge(left: left, right: right, result: result))
    }
    pairs = PairTable(merges)
  }

  private struct Symbol {
    var range: Range<Int>
    /// Nothing for what no piece spells.
    var token: Token?
    var previous: Int
    var next: Int
    var isFrozen = false
    var isGone = false
    /// Where its left part ended when it was merged.
    var middle = 0
  }

  override func encode(
    _ word: UnsafeBufferPointer<UInt8>, _ sampling: SegmentationSampling,
    _ random: inout StepNumbers, into output: inout PieceRun
  ) {
    if model.ignoresMerges || (model.order == .ranks && sampling.dropout == 0),
      let token = token(word)
    {
      return output.append(token, 0..<word.count)
    }
    var symbols = symbols(of: word)
    merge(word, &symbols, sampling.dropout, &random)
    var index = symbols.isEmpty ? -1 : 0
    var unknownStart: Int?
    func endUnknown(at end: Int) {
      if let start = unknownStart, let unknown { output.append(unknown, start..<end) }
      unknownStart = nil
    }
    while index >= 0 {
      let symbol = symbols[index]
      if let token = symbol.token {
        endUnknown(at: symbol.range.lowerBound)
        append(token, symbol, word, to: &output)
      } else if !appendBytes(word, symbol.range, to: &output) {
        // In SentencePiece's order a run of unknown characters is always one token.
        if !model.fusesUnknown, model.order != .scores { endUnknown(at: symbol.range.lowerBound) }
        unknownStart = unknownStart ?? symbol.range.lowerBound
      }
      index = symbol.next
    }
    endUnknown(at: word.count)
  }

  /// Appends a symbol's token, or what it was merged from where the piece is never to stand alone.
  private func append(
    _ token: Token, _ symbol: Symbol, _ word: UnsafeBufferPointer<UInt8>, to output: inout PieceRun
  ) {
    guard unused.contains(token), symbol.middle > symbol.range.lowerBound else {
      return output.append(token, symbol.range)
    }
    for range in [
      symbol.range.lowerBound..<symbol.middle, symbol.middle..<symbol.range.upperBound,
    ] {
      let bytes = UnsafeBufferPointer(rebasing: word[range])
      if let part = self.token(bytes) {
        output.append(part, range)
      } else if !appendBytes(word, range, to: &output), let unknown {
        output.append(unknown, range)
      }
    }
  }

  private func symbols(of word: UnsafeBufferPointer<UInt8>) -> [Symbol] {
    var symbols: [Symbol] = []
    var index = 0
    // Ranks are tiktoken's: its symbols are bytes, two characters of the alphabet at most.
    while index < word.count {
      let kept = frozen.first { word[index...].starts(with: $0.bytes) }
      let length = kept?.bytes.count ?? scalar(of: word, at: index).length
      let range = index..<index + length
      var token = kept?.token
      if token == nil {
        let isFirst = index == 0
        let isLast = range.upperBound == word.count
        let bytes =
          (isFirst ? [] : model.continuingPrefix) + Array(word[range])
          + (isLast ? model.wordEnd : [])
        token = bytes.withUnsafeBufferPointer { self.token($0) }
      }
      symbols.append(
        Symbol(
          range: range, token: token, previous: symbols.count - 1, next: symbols.count + 1,
          isFrozen: kept != nil))
      index = range.upperBound
    }
    if !symbols.isEmpty { symbols[symbols.count - 1].next = -1 }
    return symbols
  }

  private func candidate(
    _ word: UnsafeBufferPointer<UInt8>, _ left: Symbol, _ right: Symbol
  ) -> (rank: UInt32, result: Token)? {
    guard !left.isFrozen, !right.isFrozen else { return nil }
    if model.order == .merges {
      guard let a = left.token, let b = right.token else { return nil }
      let value = pairs.value(a, b)
      return value == MergeRules.none
        ? nil : (UInt32(value >> 32), Token(truncatingIfNeeded: value))
    }
    let range = left.range.lowerBound..<right.range.upperBound
    guard let token = token(UnsafeBufferPointer(rebasing: word[range])) else { return nil }
    return (ranks[token] ?? 0, token)
  }

  /// The best candidate again and again, the leftmost of equals.
  ///
  /// With dropout each one that comes up is put aside with that probability until another is merged.
  private func merge(
    _ word: UnsafeBufferPointer<UInt8>, _ symbols: inout [Symbol], _ dropout: Double,
    _ random: inout StepNumbers
  ) {
    var heap = MinimumHeap()
    func consider(_ left: Int) {
      guard left >= 0, symbols[left].next >= 0 else { return }
      guard let found = candidate(word, symbols[left], symbols[symbols[left].next]) else { return }
      heap.push(UInt64(found.rank) << 32 | UInt64(left))
    }
    for index in symbols.indices { consider(index) }
    var aside: [UInt64] = []
    while let entry = heap.pop() {
      let left = Int(entry & 0xFFFF_FFFF)
      let right = symbols[left].next
      // Stale when a side was merged since, or the pair has another rank by now.
      guard !symbols[left].isGone, right >= 0,
        let found = candidate(word, symbols[left], symbols[right]),
        UInt64(found.rank) == entry >> 32
      else { continue }
      if dropout > 0, random.uniform() < dropout {
        aside.append(entry)
        continue
      }
      for entry in aside { heap.push(entry) }
      aside.removeAll(keepingCapacity: true)
      let after = symbols[right].next
      symbols[left].middle = symbols[left].range.upperBound
      symbols[left].range = symbols[left].range.lowerBound..<symbols[right].range.upperBound
      symbols[left].token = found.result
      symbols[left].next = after
      symbols[right].isGone = true
      if after >= 0 { symbols[after].previous = left }
      consider(symbols[left].previous)
      consider(left)
    }
  }
}
