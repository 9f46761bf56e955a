// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Merges the symbols of one piece of text until no neighbours merge any more: always the pair of the
/// lowest rank, the leftmost of equals.
///
/// Short pieces by scanning for the minimum, long ones with a heap: O(n log n) for n symbols.
///
/// Unsafe in one place: `merges` has room for as many entries as `tokens`.
struct PieceMerger: ~Copyable {
  private let rules: MergeRules
  // The symbols: token, where its bytes begin, and the merge with its right neighbour.
  private(set) var tokens = TokenList(capacity: 64)
  private(set) var starts = TokenList(capacity: 64)
  private var merges: UnsafeMutablePointer<UInt64>
  private var capacity = 64
  /// How an unused piece came about: the bytes of its left part.
  private(set) var splits: [Token: Int] = [:]
  /// Neighbours looked up lately, where no list says what they merge into.
  private let recent: UnsafeMutablePointer<(key: UInt64, value: UInt64)>
  private static let recentBits = 14
  /// Beyond this many symbols the heap wins over scanning.
  static let scanLimit = 40

  init(_ rules: MergeRules) {
    self.rules = rules
    merges = .allocate(capacity: capacity)
    let count = rules.pairs == nil ? 1 << PieceMerger.recentBits : 1
    recent = .allocate(capacity: count)
    recent.initialize(repeating: (.max, MergeRules.none), count: count)
  }

  deinit {
    merges.deallocate()
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
      merges.deallocate()
      capacity = count * 2
      merges = .allocate(capacity: capacity)
    }
    tokens.count =
      count <= PieceMerger.scanLimit ? scan(piece, count) : mergeByHeap(piece, count)
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

  private mutating func scan(_ piece: UnsafeBufferPointer<UInt8>, _ count: Int) -> Int {
    let tokens = tokens.base
    let starts = starts.base
    let merges = merges
    var count = count
    for index in 0..<count &- 1 {
      merges[index] = value(
        piece, tokens[index], tokens[index &+ 1], starts[index], starts[index &+ 1],
        starts[index &+ 2])
    }
    while count > 1 {
      var best = MergeRules.none &>> 32
      var place = 0
      for index in 0..<count &- 1 where merges[index] &>> 32 < best {
        best = merges[index] &>> 32
        place = index
      }
      if best == MergeRules.none &>> 32 { break }
      tokens[place] = Token(truncatingIfNeeded: merges[place])
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
      if place &+ 1 < count {
        merges[place] = value(
          piece, tokens[place], tokens[place &+ 1], starts[place], starts[place &+ 1],
          starts[place &+ 2])
      }
      if place > 0 {
        merges[place &- 1] = value(
          piece, tokens[place &- 1], tokens[place], starts[place &- 1], starts[place],
          starts[place &+ 1])
      }
    }
    return count
  }

  /// The same with a list of neighbours and a heap of (rank, place), stale entries among them.
  private mutating func mergeByHeap(_ piece: UnsafeBufferPointer<UInt8>, _ count: Int) -> Int {
    let tokens = tokens.base
    let starts = starts.base
    let merges = merges
    let next = UnsafeMutablePointer<Int32>.allocate(capacity: count)
    let previous = UnsafeMutablePointer<Int32>.allocate(capacity: count)
    defer {
      next.deallocate()
      previous.deallocate()
    }
    for index in 0..<count {
      next[index] = Int32(index + 1)
      previous[index] = Int32(index - 1)
    }
    var heap = MinimumHeap()
    for index in 0..<count { refresh(index) }
    while let entry = heap.pop() {
      let index = Int(entry & 0xFFFF_FFFF)
      // Stale when the symbol was swallowed or its pair has another rank by now.
      guard merges[index] != MergeRules.none, merges[index] &>> 32 == entry &>> 32 else { continue }
      let right = Int(next[index])
      tokens[index] = Token(truncatingIfNeeded: merges[index])
      merges[right] = MergeRules.none
      next[index] = next[right]
      if Int(next[index]) < count { previous[Int(next[index])] = Int32(index) }
      refresh(index)
      if previous[index] >= 0 { refresh(Int(previous[index])) }
    }
    var index = 0
    var kept = 0
    while index < count {
      tokens[kept] = tokens[index]
      starts[kept] = starts[index]
      kept += 1
      index = Int(next[index])
    }
    starts[kept] = Token(piece.count)
    return kept

    func refresh(_ index: Int) {
      let right = Int(next[index])
      merges[index] =
        right >= count
        ? MergeRules.none
        : value(
          piece, tokens[index], tokens[right], starts[index], starts[right],
          starts[Int(next[right])])
      if merges[index] != MergeRules.none {
        heap.push(merges[index] & ~0xFFFF_FFFF | UInt64(index))
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
