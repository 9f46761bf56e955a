// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Byte-pair encoding as SentencePiece defines it: two neighbours merge when their bytes together are
/// a piece, the piece with the best score first, of equals the leftmost.
///
/// Merge lists say which two pieces merge; here only what they spell counts.
final class ScoredPieces: @unchecked Sendable {
  let rules: MergeRules
  /// Strings that are one symbol from the start and never merge: the user-defined pieces.
  let frozen: PieceTrie?
  let unknown: Token
  let byteTokens: [Token]

  /// - pieces: those that merges may spell, as bytes with 0x20 for `▁`.
  init(
    pieces: PieceList, tokens: [Token], scores: [Float], unused: Set<Token>, frozen: PieceTrie?,
    unknown: Token, byteTokens: [Token]
  ) {
    // Order of scores as order of integers, the best first.
    let ranks = scores.map { score in
      let bits = (score + 0).bitPattern
      return ~(bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits)
    }
    rules = MergeRules(
      pieces: pieces, tokens: tokens, ranks: ranks, unused: unused,
      makeGraph: { _ in unused.isEmpty ? ScoredPieces.graph(pieces, tokens, ranks) : nil })
    self.frozen = frozen
    self.unknown = unknown
    self.byteTokens = byteTokens
  }

  /// The merges as a graph; nothing when two pieces of several characters have the same score, unless
  /// it is the worst of all.
  private static func graph(
    _ pieces: PieceList, _ tokens: [Token], _ ranks: [UInt32]
  ) -> MergeGraph? {
    pieces.bytes.withUnsafeBufferPointer { bytes in
      func piece(_ index: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[pieces.bounds[index]..<pieces.bounds[index + 1]])
      }
      var symbols: [MergeGraph.Rule] = []
      var merged: [Int] = []
      for index in 0..<pieces.count where !piece(index).isEmpty {
        if piece(index).count <= characterLength(piece(index)[0]) {
          symbols.append(MergeGraph.Rule(piece: piece(index), token: tokens[index]))
        } else {
          merged.append(index)
        }
      }
      // Characters that are no pieces by themselves are symbols too: they may merge into one.
      for index in merged {
        let piece = piece(index)
        var start = 0
        while start < piece.count {
          let end = min(start + characterLength(piece[start]), piece.count)
          symbols.append(
            MergeGraph.Rule(
              piece: UnsafeBufferPointer(rebasing: piece[start..<end]), token: MergeRules.unknown))
          start = end
        }
      }
      merged.sort { ranks[$0] < ranks[$1] }
      let worst = merged.last.map { ranks[$0] } ?? 0
      var last = Array(merged[(merged.firstIndex { ranks[$0] == worst } ?? merged.count)...])
      if last.count == 1 { last = [] }
      merged.removeLast(last.count)
      for (before, after) in zip(merged, merged.dropFirst()) where ranks[before] == ranks[after] {
        return nil
      }
      func rule(_ index: Int) -> MergeGraph.Rule {
        MergeGraph.Rule(piece: piece(index), token: tokens[index])
      }
      return MergeGraph(symbols: symbols, rules: merged.map(rule), last: last.map(rule))
    }
  }
}

/// One thread's encoder of chunks by scored merges.
struct ScoredMerges: ~Copyable, ChunkEncoder {
  private let pieces: ScoredPieces
  private var merger: PieceMerger
  private var long: LongPieces
  private var wasUnknown = false
  /// The tokens of bytes: ASCII characters.
  private let symbols: [Token]

  init(_ pieces: ScoredPieces) {
    self.pieces = pieces
    merger = PieceMerger(pieces.rules)
    long = LongPieces(pieces.rules)
    symbols = pieces.rules.byteTokens()
  }

  /// Appends the tokens of a chunk.
  mutating func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    wasUnknown = false
    guard let frozen = pieces.frozen else { return merge(chunk, into: &tokens) }
    var start = 0
    var index = 0
    while index < chunk.count {
      guard let found = frozen.longestPrefix(of: chunk, from: index) else {
        index += min(characterLength(chunk[index]), chunk.count - index)
        continue
      }
      if index > start {
        merge(UnsafeBufferPointer(rebasing: chunk[start..<index]), into: &tokens)
      }
      tokens.append(Token(found.value))
      wasUnknown = false
      index = found.end
      start = index
    }
    if start < index { merge(UnsafeBufferPointer(rebasing: chunk[start...]), into: &tokens) }
  }

  /// Appends the tokens of text without user-defined pieces.
  private mutating func merge(_ text: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    if let encoder = long.encoder(for: text.count) {
      var wasUnknown = wasUnknown
      encoder.encode(text) { number, start in
        append(number, encoder.graph, text, start, &wasUnknown, into: &tokens)
      }
      self.wasUnknown = wasUnknown
      return
    }
    merger.begin()
    var start = 0
    while start < text.count {
      let end = min(start + characterLength(text[start]), text.count)
      let token =
        text[start] < 0x80
        ? symbols[Int(text[start])]
        : pieces.rules.token(UnsafeBufferPointer(rebasing: text[start..<end]))
          ?? MergeRules.unknown
      merger.append(token, at: start)
      start = end
    }
    merger.merge(text)
    if merger.splits.isEmpty, !merger.tokens.tokens.contains(MergeRules.unknown) {
      tokens.append(merger.tokens.tokens)
      wasUnknown = merger.tokens.count == 0 && wasUnknown
      return
    }
    for index in 0..<merger.tokens.count {
      let start = Int(merger.starts.tokens[index])
      let end = Int(merger.starts.tokens[index + 1])
      append(
        UnsafeBufferPointer(rebasing: text[start..<end]), merger.tokens.tokens[index],
        into: &tokens)
    }
  }

  /// Appends the token of one piece of the graph.
  private func append(
    _ number: MergeGraph.Number, _ graph: MergeGraph, _ text: UnsafeBufferPointer<UInt8>,
    _ start: Int, _ wasUnknown: inout Bool, into tokens: inout TokenList
  ) {
    let token = number < 0 ? MergeRules.unknown : graph.tokens[Int(number)]
    if token == MergeRules.unknown {
      let count =
        number < 0
        ? min(characterLength(text[start]), text.count - start)
        : Int(graph.nodes[Int(number)].byteCount)
      appendUnknown(
        UnsafeBufferPointer(rebasing: text[start..<start + count]), after: wasUnknown, into: &tokens
      )
      wasUnknown = true
      return
    }
    tokens.append(token)
    wasUnknown = false
  }

  /// Appends the tokens of one symbol.
  private mutating func append(
    _ bytes: UnsafeBufferPointer<UInt8>, _ known: Token, into tokens: inout TokenList
  ) {
    let token = known == MergeRules.unknown ? pieces.rules.token(bytes) ?? known : known
    if token == MergeRules.unknown {
      appendUnknown(bytes, after: wasUnknown, into: &tokens)
      wasUnknown = true
    } else if let left = merger.splits[token] {
      append(UnsafeBufferPointer(rebasing: bytes[..<left]), MergeRules.unknown, into: &tokens)
      append(UnsafeBufferPointer(rebasing: bytes[left...]), MergeRules.unknown, into: &tokens)
    } else {
      tokens.append(token)
      wasUnknown = false
    }
  }

  /// A run of unknown characters is one unknown token, or the bytes of all.
  private func appendUnknown(
    _ bytes: UnsafeBufferPointer<UInt8>, after wasUnknown: Bool, into tokens: inout TokenList
  ) {
    guard !pieces.byteTokens.isEmpty else {
      if !wasUnknown { tokens.append(pieces.unknown) }
      return
    }
    tokens.append(bytes, byteTokens: pieces.byteTokens)
  }
}
