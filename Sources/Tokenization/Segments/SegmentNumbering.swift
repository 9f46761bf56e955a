// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// The pieces of a block, numbered in the order of their first appearance.
///
/// Most pieces are short, plain and were there a moment ago: a small table of those answers without a
/// hash of the bytes. Unsafe in one place: `recent` points to `slotCount` entries.
struct SegmentNumbering: ~Copyable {
  private(set) var tokens = TokenList(capacity: 1 << 16)
  private var table = PieceTable()
  private var spelling = ByteBuffer()
  private let recent: UnsafeMutablePointer<Entry>
  /// The tokens of the pieces of one byte, plus one; 0 for those that have none yet.
  private var bytes = InlineArray<256, Token>(repeating: 0)
  private static let slotCount = 2048

  /// A piece of up to 16 bytes with zeros behind, which are in no plain piece, and its token; the empty
  /// piece stands where none is.
  private struct Entry {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var token: Token = 0
  }

  init() {
    recent = .allocate(capacity: SegmentNumbering.slotCount)
    recent.initialize(repeating: Entry(), count: SegmentNumbering.slotCount)
  }

  deinit { recent.deallocate() }

  /// Appends the token of the piece at `start`, which is not empty.
  @inline(__always) mutating func append(_ text: TextScanner, _ start: Int, _ length: Int) {
    if length == 1 {
      let byte = Int(text.base[start])
      if bytes[byte] == 0 {
        appendSpelt(UnsafeBufferPointer(start: text.base + start, count: 1))
        bytes[byte] = tokens.tokens[tokens.count &- 1] &+ 1
      } else {
        tokens.append(bytes[byte] &- 1)
      }
      return
    }
    guard let piece = text.plainPiece(start, length) else {
      return appendSpelt(UnsafeBufferPointer(start: text.base + start, count: length))
    }
    let hash = (piece.low ^ piece.high &<< 5) &* 0x9E37_79B9_7F4A_7C15
    let slot = Int(truncatingIfNeeded: hash &>> 53)
    if recent[slot].low == piece.low, recent[slot].high == piece.high {
      tokens.append(recent[slot].token)
    } else {
      let token = table.insert(UnsafeBufferPointer(start: text.base + start, count: length))
      recent[slot] = Entry(low: piece.low, high: piece.high, token: token)
      tokens.append(token)
    }
  }

  private mutating func appendSpelt(_ piece: UnsafeBufferPointer<UInt8>) {
    spelling.removeAll()
    Spelling.append(piece, to: &spelling)
    tokens.append(table.insert(spelling.bytes))
  }

  /// The spellings of the tokens; the numbering begins anew without them.
  mutating func takeTable() -> PieceTable {
    var result = PieceTable()
    swap(&result, &table)
    return result
  }
}
