// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// Pieces by their bytes, numbered as they come.
struct PieceNumbering: ~Copyable {
  private(set) var pieces = PieceList()
  private(set) var ids: [Token] = []
  private var table = PieceTable()
  private let first: Int

  /// - first: the id of the first piece.
  init(first: Int) { self.first = first }

  var nextID: Int { first + table.count }

  /// The id of a piece, which is added if it is new.
  mutating func add(_ piece: [UInt8]) -> Token {
    let id = piece.withUnsafeBufferPointer { Token(first) + table.insert($0) }
    if table.count > ids.count {
      pieces.append(piece)
      ids.append(id)
    }
    return id
  }

  /// The id of a piece that was added.
  func id(of piece: UnsafeBufferPointer<UInt8>) -> Token { find(piece)! }

  func find(_ piece: UnsafeBufferPointer<UInt8>) -> Token? {
    table.find(piece).map { Token(first) + $0 }
  }

  /// The id of two pieces joined, which is added if it is new.
  mutating func id(joining left: Token, _ right: Token) -> Token {
    add(Array(pieces[Int(left) - first] + pieces[Int(right) - first]))
  }

  /// The bytes of a piece.
  func bytes(of id: Token) -> ArraySlice<UInt8> { pieces[Int(id) - first] }
}

extension BytePairModel {
  /// Takes all pieces, and behind them one for text with characters that are none of them.
  mutating func setPieces(_ numbering: borrowing PieceNumbering) {
    pieces = numbering.pieces
    ids = numbering.ids
    if level == .character {
      unknown = Token(numbering.nextID)
      var token = TokenizerFile.AddedToken(id: numbering.nextID, content: Spelling.unknown)
      token.isSpecial = true
      addedTokens.append(token)
    }
  }
}
