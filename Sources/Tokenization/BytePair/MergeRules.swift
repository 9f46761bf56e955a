// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Which neighbours merge, and which of them first: what the threads of a byte-pair model share.
///
/// A merge is one number: its rank above, lower ones first, and its result below.
///
/// Unsafe in one place: `values` has as many entries as `spellings`.
final class MergeRules: @unchecked Sendable {
  /// No merge: above all that are.
  static let none = UInt64.max
  /// The token of a symbol that no piece spells.
  static let unknown = Token.max

  /// The listed pairs; without, neighbours merge when what they spell together is a piece.
  let pairs: PairTable?
  /// Pieces that are merged on the way but never stand in the result.
  let unused: Set<Token>
  /// The pieces, and by number in this table their rank and token.
  let spellings: MappedSpellings
  let values: UnsafePointer<UInt64>
  private let ownsValues: Bool
  private let makeGraph: @Sendable (MergeRules) -> MergeGraph?
  private let graph = Locked<MergeGraph??>(nil)
  private let pairsWithin = Locked<InnerPairs?>(nil)

  /// - merges: those that are listed, the earliest first; nothing when the pieces themselves are ranked.
  /// - ranks: by piece; nothing where the token is the rank.
  /// - makeGraph: makes what long texts are encoded with, if the pieces allow.
  init(
    pieces: PieceList, tokens: [Token], ranks: [UInt32]? = nil,
    merges: [BytePairModel.Merge]? = nil, unused: Set<Token> = [],
    makeGraph: @escaping @Sendable (MergeRules) -> MergeGraph?
  ) {
    pairs = merges.map { PairTable($0) }
    self.unused = unused
    self.makeGraph = makeGraph
    var table = PieceTable(capacity: pieces.count)
    let values = UnsafeMutablePointer<UInt64>.allocate(capacity: tokens.count)
    var count = 0
    for index in 0..<pieces.count {
      // Of two tokens with the same bytes the first counts.
      pieces.withPiece(at: index) {
        if Int(table.insert($0)) == count {
          values[count] = UInt64(ranks?[index] ?? tokens[index]) << 32 | UInt64(tokens[index])
          count += 1
        }
      }
    }
    spellings = MappedSpellings(table)
    self.values = UnsafePointer(values)
    ownsValues = true
  }

  /// Rules whose tables lie in a mapped file, which `spellings` keeps alive.
  init(
    spellings: MappedSpellings, values: UnsafePointer<UInt64>, pairs: PairTable?,
    makeGraph: @escaping @Sendable (MergeRules) -> MergeGraph?
  ) {
    self.pairs = pairs
    self.unused = []
    self.makeGraph = makeGraph
    self.spellings = spellings
    self.values = values
    ownsValues = false
  }

  deinit { if ownsValues { values.deallocate() } }

  /// Rank and token of the piece that `bytes` spell, or `none`.
  @inline(__always) func value(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    guard let number = spellings.find(bytes) else { return MergeRules.none }
    return values[Int(number)]
  }

  /// The token that `bytes` spell.
  @inline(__always) func token(_ bytes: UnsafeBufferPointer<UInt8>) -> Token? {
    guard let number = spellings.find(bytes) else { return nil }
    return Token(truncatingIfNeeded: values[Int(number)])
  }

  /// The token of each byte, `unknown` where no piece spells it.
  func byteTokens() -> [Token] {
    (UInt8.min...UInt8.max).map { byte in
      withUnsafePointer(to: byte) { token(UnsafeBufferPointer(start: $0, count: 1)) }
        ?? MergeRules.unknown
    }
  }

  /// Where long texts can be cut, made at the first call.
  func innerPairs() -> InnerPairs {
    pairsWithin.withLock { pairs in
      let made = pairs ?? InnerPairs(spellings)
      pairs = made
      return made
    }
  }

  /// What long texts are encoded with, made at the first call; nothing when the merges are in no
  /// order that allows it.
  func sharedGraph() -> MergeGraph? {
    graph.withLock { graph in
      if let made = graph { return made }
      let made = makeGraph(self)
      graph = .some(made)
      return made
    }
  }
}

extension BytePairModel {
  /// The merges as a graph, of a model that begins with bytes, if its merges are in an order that allows
  /// one.
  package func mergeGraph() -> MergeGraph? {
    pieces.bytes.withUnsafeBufferPointer { bytes in
      func rule(_ index: Int, middle: Int? = nil) -> MergeGraph.Rule {
        let piece = UnsafeBufferPointer(
          rebasing: bytes[pieces.bounds[index]..<pieces.bounds[index + 1]])
        return MergeGraph.Rule(piece: piece, token: ids[index], middle: middle)
      }
      func byteCount(_ index: Int) -> Int { pieces.bounds[index + 1] - pieces.bounds[index] }
      let symbols = (0..<ids.count).filter { byteCount($0) == 1 }.map { rule($0) }
      guard order == .merges else {
        let merged = (0..<ids.count).filter { byteCount($0) > 1 }.sorted { ids[$0] < ids[$1] }
        return MergeGraph(symbols: symbols, rules: merged.map { rule($0) })
      }
      var places = [Int](repeating: -1, count: idCount)
      for index in ids.indices.reversed() { places[Int(ids[index])] = index }
      // A pair that is listed twice counts where it stands last.
      var seen: Set<UInt64> = []
      var rules: [MergeGraph.Rule] = []
      for merge in merges.reversed()
      where seen.insert(UInt64(merge.left) << 32 | UInt64(merge.right)).inserted {
        rules.append(
          rule(places[Int(merge.result)], middle: byteCount(places[Int(merge.left)])))
      }
      return MergeGraph(symbols: symbols, rules: rules.reversed())
    }
  }
}
