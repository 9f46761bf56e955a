// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Merges the symbols of one piece of text until no neighbours merge any more: always the pair of the
/// lowest rank, the leftmost of equals.
///
/// Short pieces by scanning for the minimum, long ones with a heap: O(n log n) for n symbols.
///
/// Unsafe in one place: `keys` and `links` have room for `capacity` symbols, `keys` for three more.
struct PieceMerger: ~Copyable {
  private let rules: MergeRules
  private struct Link {
    /// What the symbol and the next one merge into.
    var result: Token = 0
    var previous: Int32 = 0
    var next: Int32 = 0
  }

  // The symbols: token, where its bytes begin, and the merge with its right neighbour.
  private(set) var tokens = TokenList(capacity: 64)
  private(set) var starts = TokenList(capacity: 64)
  private var heap = MinimumHeap()
  /// By symbol, the rank of its merge above and the symbol's index below: what comes first is smallest.
  private var keys: UnsafeMutablePointer<UInt64>
  private var links: UnsafeMutablePointer<Link>
  private var capacity = 64
  /// Keys from here on are those of no merge.
  private static let noKey = MergeRules.none << 32
  /// How an unused piece came about: the bytes of its left part.
  private(set) var splits: [Token: Int] = [:]
  /// Neighbours looked up lately, where no list says what they merge into.
  private let recent: UnsafeMutablePointer<(key: UInt64, value: UInt64)>
  private static let recentBits = 14
  /// Beyond this many symbols the heap wins over scanning.
  private static let scanLimit = 96

  init(_ rules: MergeRules) {
    self.rules = rules
    keys = .allocate(capacity: capacity + 3)
    links = .allocate(capacity: capacity)
    let count = rules.pairs == nil ? 1 << PieceMerger.recentBits : 1
    recent = .allocate(capacity: count)
    recent.initialize(repeating: (.max, MergeRules.none), count: count)
  }

  deinit {
    keys.deallocate()
    links.deallocate()
    recent.deallocate()
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

  /// Merges the symbols of `piece`: `tokens` and `starts` become those of what is left, and one more
  /// start is the end.
  mutating func merge(_ piece: UnsafeBufferPointer<UInt8>) {
    let count = tokens.count
    starts.append(Token(piece.count))
    guard count > 1 else { return }
    if count > capacity {
      keys.deallocate()
      links.deallocate()
      capacity = count * 2
      keys = .allocate(capacity: capacity + 3)
      links = .allocate(capacity: capacity)
    }
    tokens.count = mergeAll(piece, count)
    starts.count = tokens.count + 1
  }

  /// The merge of two neighbours, whose bytes are start..<end of the piece.
  @inline(__always) private mutating func value(
    _ piece: UnsafeBufferPointer<UInt8>, _ left: Token, _ right: Token, _ start: Token,
    _ middle: Token, _ end: Token
  ) -> UInt64 {
    if let pairs = rules.pairs { return pairs.value(left, right) }
    let key = UInt64(left) &<< 32 | UInt64(right)
    let slot =
      recent
      + Int(
        truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> UInt64(64 - PieceMerger.recentBits))
    if slot.pointee.key == key { return slot.pointee.value }
    return lookedUp(piece, key, slot, start, middle, end)
  }

  @inline(never) private mutating func lookedUp(
    _ piece: UnsafeBufferPointer<UInt8>, _ key: UInt64,
    _ slot: UnsafeMutablePointer<(key: UInt64, value: UInt64)>, _ start: Token, _ middle: Token,
    _ end: Token
  ) -> UInt64 {
    let value = rules.value(
      UnsafeBufferPointer(start: piece.baseAddress! + Int(start), count: Int(end &- start)))
    let isUnused =
      value != MergeRules.none && !rules.unused.isEmpty
      && rules.unused.contains(Token(truncatingIfNeeded: value))
    if isUnused {
      splits[Token(truncatingIfNeeded: value)] = Int(middle &- start)
    } else if key &>> 32 != MergeRules.unknown, Token(truncatingIfNeeded: key) != MergeRules.unknown
    {
      slot.pointee = (key, value)
    }
    return value
  }

  /// Merges the pair that comes first until there is none; the symbols left are at the front.
  private mutating func mergeAll(_ piece: UnsafeBufferPointer<UInt8>, _ count: Int) -> Int {
    for index in 0..<count {
      links[index].previous = Int32(truncatingIfNeeded: index &- 1)
      links[index].next = Int32(truncatingIfNeeded: index &+ 1)
    }
    for index in 0..<count &- 1 { refresh(piece, index, index &+ 1) }
    for index in count &- 1..<count &+ 3 { keys[index] = MergeRules.none }
    if count <= PieceMerger.scanLimit {
      while true {
        let first = firstKey(count)
        if first >= PieceMerger.noKey { break }
        join(piece, Int(first & 0xFFFF_FFFF), count)
      }
    } else {
      mergeByHeap(piece, count)
    }
    var index = 0
    var kept = 0
    while index < count {
      tokens.base[kept] = tokens.base[index]
      starts.base[kept] = starts.base[index]
      kept &+= 1
      index = Int(links[index].next)
    }
    starts.base[kept] = Token(piece.count)
    return kept
  }

  /// The same with a heap of keys, those that no longer hold among them.
  private mutating func mergeByHeap(_ piece: UnsafeBufferPointer<UInt8>, _ count: Int) {
    for index in 0..<count { push(index) }
    while let entry = heap.pop() {
      let index = Int(entry & 0xFFFF_FFFF)
      guard keys[index] == entry else { continue }
      join(piece, index, count)
      push(index)
      if links[index].previous >= 0 { push(Int(links[index].previous)) }
    }
  }

  private mutating func push(_ index: Int) {
    if keys[index] < PieceMerger.noKey { heap.push(keys[index]) }
  }

  /// Puts a pair's merge in the place of its left symbol.
  @inline(__always) private mutating func join(
    _ piece: UnsafeBufferPointer<UInt8>, _ index: Int, _ count: Int
  ) {
    let right = Int(links[index].next)
    let after = Int(links[right].next)
    let before = Int(links[index].previous)
    tokens.base[index] = links[index].result
    links[index].next = Int32(truncatingIfNeeded: after)
    keys[right] = MergeRules.none
    if after < count {
      links[after].previous = Int32(truncatingIfNeeded: index)
      refresh(piece, index, after)
    } else {
      keys[index] = MergeRules.none
    }
    if before >= 0 { refresh(piece, before, index) }
  }

  /// Looks up the merge of two neighbours.
  @inline(__always) private mutating func refresh(
    _ piece: UnsafeBufferPointer<UInt8>, _ left: Int, _ right: Int
  ) {
    let (tokens, starts) = (tokens.base, starts.base)
    let value = value(
      piece, tokens[left], tokens[right], starts[left], starts[right],
      starts[Int(links[right].next)])
    keys[left] = value & PieceMerger.noKey | UInt64(truncatingIfNeeded: left)
    links[left].result = Token(truncatingIfNeeded: value)
  }

  /// The smallest key. Four minima side by side, without a branch that depends on the keys.
  @inline(__always) private func firstKey(_ count: Int) -> UInt64 {
    var (a, b, c, d) = (UInt64.max, UInt64.max, UInt64.max, UInt64.max)
    var index = 0
    while index < count {
      a = min(a, keys[index])
      b = min(b, keys[index &+ 1])
      c = min(c, keys[index &+ 2])
      d = min(d, keys[index &+ 3])
      index &+= 4
    }
    return min(min(a, b), min(c, d))
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
