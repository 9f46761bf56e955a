// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// Pairs by count, the largest first; of equal counts the smaller left id, then the smaller right id.
///
/// Most pairs are rare and never merged: those below a bound wait unordered until it falls to them.
struct PairQueue {
  struct Entry {
    var count: Int64
    var pair: UInt64
    /// Where its list of words begins, and how many they are.
    var start: UInt32
    var length: UInt32

    var left: Token { Token(pair >> 32) }
    var right: Token { Token(truncatingIfNeeded: pair) }

    @inline(__always) func precedes(_ other: Entry) -> Bool {
      count != other.count ? count > other.count : pair < other.pair
    }
  }

  private var heap: [Entry] = []
  private var waiting: [Entry] = []
  /// Entries of at least this count are in the heap.
  private var bound: Int64 = 0

  /// Adds an entry before the queue is first used.
  mutating func append(_ entry: Entry) { waiting.append(entry) }

  /// Makes the queue usable after `append`.
  mutating func order() {
    bound = (waiting.map(\.count).max() ?? 0) + 1
    refill()
  }

  mutating func push(_ entry: Entry) {
    if entry.count >= bound { pushHeap(entry) } else { waiting.append(entry) }
  }

  mutating func pop() -> Entry? {
    if heap.isEmpty { refill() }
    return popHeap()
  }

  /// Lowers the bound to a quarter until something is above it.
  private mutating func refill() {
    while heap.isEmpty, !waiting.isEmpty, bound > 0 {
      bound = bound > 4 ? bound / 4 : bound - 1
      var rest: [Entry] = []
      for entry in waiting {
        if entry.count >= bound { pushHeap(entry) } else { rest.append(entry) }
      }
      waiting = rest
    }
  }

  private mutating func pushHeap(_ entry: Entry) {
    heap.append(entry)
    heap.withUnsafeMutableBufferPointer { heap in
      var index = heap.count &- 1
      while index > 0 {
        let parent = (index &- 1) &>> 1
        if !entry.precedes(heap[parent]) { break }
        heap[index] = heap[parent]
        index = parent
      }
      heap[index] = entry
    }
  }

  private mutating func popHeap() -> Entry? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if heap.isEmpty { return first }
    heap.withUnsafeMutableBufferPointer { heap in
      var index = 0
      while true {
        var child = 2 &* index &+ 1
        if child >= heap.count { break }
        if child &+ 1 < heap.count, heap[child &+ 1].precedes(heap[child]) { child &+= 1 }
        if !heap[child].precedes(last) { break }
        heap[index] = heap[child]
        index = child
      }
      heap[index] = last
    }
    return first
  }
}

/// 64-bit counts of pairs: an open-addressing table.
///
/// Unsafe in one place: `slots` points to `mask + 1` slots; a key of all ones is empty.
struct PairCounts: ~Copyable {
  private typealias Slot = (key: UInt64, count: Int64)
  private var slots: UnsafeMutablePointer<Slot>
  private var mask: Int
  private var count = 0
  private static let empty = UInt64.max

  init() {
    mask = (1 << 12) - 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: (PairCounts.empty, 0), count: mask + 1)
  }

  deinit { slots.deallocate() }

  @inline(__always) private func slot(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (key ^ key &>> 31) &* 0x9E37_79B9_7F4A_7C15 &>> 20) & mask
    while slots[slot].key != key, slots[slot].key != PairCounts.empty { slot = (slot &+ 1) & mask }
    return slot
  }

  /// The count of a pair; zero if it was never added.
  @inline(__always) subscript(key: UInt64) -> Int64 {
    let slot = slot(of: key)
    return slots[slot].key == key ? slots[slot].count : 0
  }

  @inline(__always) mutating func add(_ key: UInt64, _ amount: Int64) {
    var slot = slot(of: key)
    if slots[slot].key == PairCounts.empty {
      if 3 &* count >= 2 &* mask {
        grow()
        slot = self.slot(of: key)
      }
      slots[slot] = (key, 0)
      count &+= 1
    }
    slots[slot].count &+= amount
  }

  /// Calls `body` with every pair, in no order that may be relied on.
  func forEachPair(_ body: (UInt64, Int64) -> Void) {
    for slot in 0...mask where slots[slot].key != PairCounts.empty {
      body(slots[slot].key, slots[slot].count)
    }
  }

  private mutating func grow() {
    let old = slots
    let oldCount = mask + 1
    mask = mask * 2 + 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: (PairCounts.empty, 0), count: mask + 1)
    for index in 0..<oldCount where old[index].key != PairCounts.empty {
      slots[slot(of: old[index].key)] = old[index]
    }
    old.deallocate()
  }
}
