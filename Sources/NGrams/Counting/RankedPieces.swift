// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// A finished vocabulary in byte order of spellings.
final class RankedPieces: SpellingTable, @unchecked Sendable {
  private let table: SharedPieceTable
  /// The pieces, by rank.
  let pieces: [SharedPieceTable.Piece]
  /// The rank of each token, by number; tokens that do not occur have none that counts.
  let ranks: [Token]

  /// - table: its slots are given up.
  /// - occurs: whether a token is written at all.
  init(_ table: SharedPieceTable, where occurs: (Token) -> Bool) {
    self.table = table
    let all = table.takePieces()
    // Most spellings differ in their first eight bytes: sort these as numbers, then those that do not.
    var order = all.filter { occurs($0.token) }.map { (first: $0[1].byteSwapped, piece: $0) }
    order.sort { a, b in
      if a.first != b.first { return a.first < b.first }
      return a.piece.spelling.lexicographicallyPrecedes(b.piece.spelling)
    }
    pieces = order.map { $0.piece }
    var ranks = [Token](repeating: 0, count: all.count)
    for (rank, piece) in pieces.enumerated() { ranks[Int(piece.token)] = Token(rank) }
    self.ranks = ranks
  }

  var count: Int { pieces.count }

  @inline(__always)
  func spelling(of rank: Token) -> UnsafeBufferPointer<UInt8> { pieces[Int(rank)].spelling }

  /// Bytes of memory in use.
  var byteCount: Int {
    table.byteCount + 8 * pieces.count + MemoryLayout<Token>.size * ranks.count
  }
}
