// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Merges the symbols of one piece of text until no neighbours merge any more: always the pair of the
/// lowest rank, the leftmost of equals.
///
/// Short pieces by scanning for the minimum, long ones with a heap: O(n log n) for n symbols.
struct PieceMerger: ~Copyable {
  private let pairs: PairTable?
  private let spans: SpanTable
  // The symbols: token, where its bytes begin, and the merge with its right neighbour.
  private var tokens = TokenList(capacity: 64)
  private var starts = TokenList(capacity: 64)
  private var merges: [UInt64] = []
  /// Beyond this many symbols the heap wins over scanning.
  private static let scanLimit = 40

  /// - pairs: the listed pairs; without, neighbours merge when `spans` holds their concatenation.
  init(pairs: PairTable?, spans: SpanTable) {
    self.pairs = pairs
    self.spans = spans
  }

  /// Forgets the last piece.
  mutating func begin() {
    tokens.removeAll()
    starts.removeAll()
  }

  /// Adds a symbol whose bytes begin at `start` of the piece and end where the next one begins.
  @inline(__always) mutating func append(_ token: Token, at start: Int) {
    tokens.append(token)
    starts.append(Token(truncatingIfNeeded: start))
  }

  /// Merges the symbols of `piece` and appends what is left to `output`.
  mutating func merge(_ piece: UnsafeBufferPointer<UInt8>, into output: inout TokenList) {
    let count = tokens.count
    if count > 1 {
      starts.append(Token(piece.count))
      if merges.count < count { merges = Array(repeating: 0, count: count * 2) }
      let left = merges.withUnsafeMutableBufferPointer { merges in
        count <= PieceMerger.scanLimit
          ? PieceMerger.scan(
            piece, pairs, spans, tokens.base, starts.base, merges.baseAddress!, count)
          : PieceMerger.mergeByHeap(
            piece, pairs, spans, tokens.base, starts.base, merges.baseAddress!, count)
      }
      tokens.count = left
    }
    output.append(tokens.tokens)
  }

  @inline(__always) private static func value(
    _ piece: UnsafeBufferPointer<UInt8>, _ pairs: PairTable?, _ spans: SpanTable, _ left: Token,
    _ right: Token, _ start: Token, _ end: Token
  ) -> UInt64 {
    if let pairs { return pairs.value(left, right) }
    let span = UnsafeBufferPointer(
      start: piece.baseAddress! + Int(start), count: Int(end &- start))
    guard let token = spans.token(span) else { return PairTable.none }
    return UInt64(token) &<< 32 | UInt64(token)
  }

  private static func scan(
    _ piece: UnsafeBufferPointer<UInt8>, _ pairs: PairTable?, _ spans: SpanTable,
    _ tokens: UnsafeMutablePointer<Token>, _ starts: UnsafeMutablePointer<Token>,
    _ merges: UnsafeMutablePointer<UInt64>, _ count: Int
  ) -> Int {
    @inline(__always) func value(_ index: Int) -> UInt64 {
      PieceMerger.value(
        piece, pairs, spans, tokens[index], tokens[index &+ 1], starts[index], starts[index &+ 2])
    }
    var count = count
    for index in 0..<count &- 1 { merges[index] = value(index) }
    while count > 1 {
      var best = PairTable.none
      var place = 0
      for index in 0..<count &- 1 where merges[index] < best {
        best = merges[index]
        place = index
      }
      if best == PairTable.none { break }
      tokens[place] = Token(truncatingIfNeeded: best)
      count &-= 1
      // Close the gap: the right neighbour of the pair is gone.
      var index = place &+ 1
      while index < count {
        tokens[index] = tokens[index &+ 1]
        starts[index] = starts[index &+ 1]
        merges[index] = merges[index &+ 1]
        index &+= 1
      }
      starts[count] = starts[count &+ 1]
      if place &+ 1 < count { merges[place] = value(place) }
      if place > 0 { merges[place &- 1] = value(place &- 1) }
    }
    return count
  }

  /// The same with a list of neighbours and a heap of (rank, place), stale entries among them.
  private static func mergeByHeap(
    _ piece: UnsafeBufferPointer<UInt8>, _ pairs: PairTable?, _ spans: SpanTable,
    _ tokens: UnsafeMutablePointer<Token>, _ starts: UnsafeMutablePointer<Token>,
    _ merges: UnsafeMutablePointer<UInt64>, _ count: Int
  ) -> Int {
    var next = (1...count).map(Int32.init)
    var previous = (-1..<count - 1).map(Int32.init)
    var heap = MinimumHeap()
    return next.withUnsafeMutableBufferPointer { next in
      previous.withUnsafeMutableBufferPointer { previous in
        func refresh(_ index: Int) {
          let right = Int(next[index])
          merges[index] =
            right >= count
            ? PairTable.none
            : value(
              piece, pairs, spans, tokens[index], tokens[right], starts[index],
              starts[Int(next[right])])
          if merges[index] != PairTable.none {
            heap.push(merges[index] & ~0xFFFF_FFFF | UInt64(index))
          }
        }
        for index in 0..<count { refresh(index) }
        while let entry = heap.pop() {
          let index = Int(entry & 0xFFFF_FFFF)
          // Stale when the symbol was swallowed or its pair has another rank by now.
          guard merges[index] != PairTable.none, merges[index] &>> 32 == entry &>> 32 else {
            continue
          }
          let right = Int(next[index])
          tokens[index] = Token(truncatingIfNeeded: merges[index])
          merges[right] = PairTable.none
          next[index] = next[right]
          if Int(next[index]) < count { previous[Int(next[index])] = Int32(index) }
          refresh(index)
          if previous[index] >= 0 { refresh(Int(previous[index])) }
        }
        var index = 0
        var kept = 0
        while index < count {
          tokens[kept] = tokens[index]
          kept += 1
          index = Int(next[index])
        }
        return kept
      }
    }
  }
}

/// A binary heap of words, smallest first.
struct MinimumHeap {
  private var items: [UInt64] = []

  mutating func push(_ item: UInt64) {
    items.append(item)
    items.withUnsafeMutableBufferPointer { items in
      var index = items.count &- 1
      while index > 0 {
        let parent = (index &- 1) &>> 1
        if items[parent] <= item { break }
        items[index] = items[parent]
        index = parent
      }
      items[index] = item
    }
  }

  mutating func pop() -> UInt64? {
    guard let first = items.first, let last = items.popLast() else { return nil }
    if items.isEmpty { return first }
    items.withUnsafeMutableBufferPointer { items in
      var index = 0
      while true {
        var child = 2 &* index &+ 1
        if child >= items.count { break }
        if child &+ 1 < items.count, items[child &+ 1] < items[child] { child &+= 1 }
        if items[child] >= last { break }
        items[index] = items[child]
        index = child
      }
      items[index] = last
    }
    return first
  }
}

/// The pieces of a vocabulary by their bytes.
final class SpanTable: @unchecked Sendable {
  private let table: PieceTable
  private let ids: [Token]

  init(_ pieces: PieceList, ids: [Token]) {
    var table = PieceTable()
    var own: [Token] = []
    own.reserveCapacity(ids.count)
    for index in 0..<pieces.count {
      // Of two ids with the same bytes the first counts.
      pieces.withPiece(at: index) {
        if Int(table.insert($0)) == own.count { own.append(ids[index]) }
      }
    }
    self.table = table
    self.ids = own
  }

  @inline(__always) func token(_ span: UnsafeBufferPointer<UInt8>) -> Token? {
    guard let index = table.find(span) else { return nil }
    return ids[Int(index)]
  }
}
