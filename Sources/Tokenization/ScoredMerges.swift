// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Byte-pair encoding as SentencePiece defines it: two neighbours merge when their bytes together are
/// a piece, the piece with the best score first, of equals the leftmost.
///
/// Merge lists say which two pieces merge; here only what they spell counts.
final class ScoredPieces: @unchecked Sendable {
  /// Pieces that merges may spell, as bytes with 0x20 for `▁`.
  private let table: PieceTable
  /// By number in the table: the token, and its place in the order of merging, lower first.
  private let tokens: [Token]
  private let ranks: [UInt32]
  /// Pieces that are merged on the way but never stand in the result.
  let unused: Set<Token>
  /// Strings that are one symbol from the start and never merge: the user-defined pieces.
  let frozen: PieceTrie?
  let unknown: Token
  let byteTokens: [Token]

  init(
    pieces: PieceList, tokens: [Token], scores: [Float], unused: Set<Token>, frozen: PieceTrie?,
    unknown: Token, byteTokens: [Token]
  ) {
    var table = PieceTable()
    for index in 0..<pieces.count { _ = pieces.withPiece(at: index) { table.insert($0) } }
    self.table = table
    self.tokens = tokens
    // Order of scores as order of integers, the best first.
    ranks = scores.map { score in
      let bits = (score + 0).bitPattern
      return ~(bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits)
    }
    self.unused = unused
    self.frozen = frozen
    self.unknown = unknown
    self.byteTokens = byteTokens
  }

  /// The piece that `bytes` spell: its token and rank.
  @inline(__always)
  func piece(_ bytes: UnsafeBufferPointer<UInt8>) -> (token: Token, rank: UInt32)? {
    guard let number = table.find(bytes) else { return nil }
    return (tokens[Int(number)], ranks[Int(number)])
  }
}

/// One thread's encoder of chunks by scored merges.
final class ScoredMerges {
  private struct Symbol {
    var start: Int32
    /// Zero when the symbol has been merged into the one before.
    var count: Int32
    var previous: Int32
    var next: Int32
    var token: Int64 = -1
    var isFrozen = false
  }

  /// A possible merge; `key` holds its rank above and the left symbol below.
  private struct Candidate {
    var key: UInt64
    var count: Int32
    var token: Token
  }

  private let pieces: ScoredPieces
  private var symbols: [Symbol] = []
  private var heap: [Candidate] = []
  /// How an unused piece came about: the bytes of its left part.
  private var splits: [Token: Int32] = [:]

  init(_ pieces: ScoredPieces) { self.pieces = pieces }

  /// Appends the tokens of a chunk.
  ///
  /// - Complexity: O(n log n) for n characters.
  func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    // Most words that are one piece are known before any merge; a piece of one character always.
    cut(chunk)
    heap.removeAll(keepingCapacity: true)
    for left in 0..<max(symbols.count - 1, 0) { consider(left, left + 1, in: chunk) }
    while let top = popped() {
      let left = Int(top.key & 0xFFFF_FFFF)
      let right = Int(symbols[left].next)
      // Stale: one of the two has been merged since.
      guard symbols[left].count > 0, right >= 0,
        symbols[left].count + symbols[right].count == top.count
      else { continue }
      symbols[left].count = top.count
      symbols[left].token = Int64(top.token)
      symbols[right].count = 0
      let after = Int(symbols[right].next)
      symbols[left].next = Int32(after)
      if after >= 0 { symbols[after].previous = Int32(left) }
      consider(Int(symbols[left].previous), left, in: chunk)
      consider(left, after, in: chunk)
    }
    emit(chunk, into: &tokens)
  }

  private func cut(_ chunk: UnsafeBufferPointer<UInt8>) {
    symbols.removeAll(keepingCapacity: true)
    var start = 0
    while start < chunk.count {
      let found = pieces.frozen?.longestPrefix(of: chunk, from: start)
      let end = found?.end ?? min(start + characterLength(chunk[start]), chunk.count)
      let index = Int32(symbols.count)
      symbols.append(
        Symbol(
          start: Int32(start), count: Int32(end - start), previous: index - 1, next: index + 1,
          token: found.map { Int64($0.value) } ?? -1, isFrozen: found != nil))
      start = end
    }
    if !symbols.isEmpty { symbols[symbols.count - 1].next = -1 }
  }

  @inline(__always)
  private func consider(_ left: Int, _ right: Int, in chunk: UnsafeBufferPointer<UInt8>) {
    guard left >= 0, right >= 0, !symbols[left].isFrozen, !symbols[right].isFrozen else { return }
    let start = Int(symbols[left].start)
    let count = symbols[left].count + symbols[right].count
    let bytes = UnsafeBufferPointer(rebasing: chunk[start..<start + Int(count)])
    guard let piece = pieces.piece(bytes) else { return }
    if !pieces.unused.isEmpty, pieces.unused.contains(piece.token) {
      splits[piece.token] = symbols[left].count
    }
    push(Candidate(key: UInt64(piece.rank) << 32 | UInt64(left), count: count, token: piece.token))
  }

  private func emit(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    var index = symbols.isEmpty ? -1 : 0
    var wasUnknown = false
    while index >= 0 {
      let symbol = symbols[index]
      let start = Int(symbol.start)
      let bytes = UnsafeBufferPointer(rebasing: chunk[start..<start + Int(symbol.count)])
      wasUnknown = append(bytes, symbol.token, after: wasUnknown, into: &tokens)
      index = Int(symbol.next)
    }
  }

  /// Appends the tokens of one symbol; returns whether it was unknown.
  private func append(
    _ bytes: UnsafeBufferPointer<UInt8>, _ known: Int64, after wasUnknown: Bool,
    into tokens: inout TokenList
  ) -> Bool {
    guard let token = known >= 0 ? Token(known) : pieces.piece(bytes)?.token else {
      // A run of unknown characters is one unknown token, or the bytes of all.
      if !wasUnknown || !pieces.byteTokens.isEmpty { appendUnknown(bytes, into: &tokens) }
      return true
    }
    if let left = splits[token], pieces.unused.contains(token) {
      let isUnknown = append(
        UnsafeBufferPointer(rebasing: bytes[..<Int(left)]), -1, after: wasUnknown, into: &tokens)
      return append(
        UnsafeBufferPointer(rebasing: bytes[Int(left)...]), -1, after: isUnknown, into: &tokens)
    }
    tokens.append(token)
    return false
  }

  private func appendUnknown(_ bytes: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    guard !pieces.byteTokens.isEmpty else { return tokens.append(pieces.unknown) }
    for byte in bytes {
      if byte == 0x20 {
        // A 0x20 stands for the three bytes of ▁.
        for byte in [0xE2, 0x96, 0x81] { tokens.append(pieces.byteTokens[byte]) }
      } else {
        tokens.append(pieces.byteTokens[Int(byte)])
      }
    }
  }

  private func push(_ candidate: Candidate) {
    var index = heap.count
    heap.append(candidate)
    heap.withUnsafeMutableBufferPointer { heap in
      while index > 0 {
        let parent = (index &- 1) / 2
        if heap[parent].key <= candidate.key { break }
        heap[index] = heap[parent]
        index = parent
      }
      heap[index] = candidate
    }
  }

  private func popped() -> Candidate? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    let count = heap.count
    guard count > 0 else { return top }
    heap.withUnsafeMutableBufferPointer { heap in
      var index = 0
      while true {
        var child = 2 &* index &+ 1
        if child >= count { break }
        if child &+ 1 < count, heap[child &+ 1].key < heap[child].key { child &+= 1 }
        if last.key <= heap[child].key { break }
        heap[index] = heap[child]
        index = child
      }
      heap[index] = last
    }
    return top
  }
}
