// SPDX-License-Identifier: Apache-2.0

internal import ExternalSort
internal import TokenStreams

/// Pairs by count, the largest first; of equal counts the smaller left id, then the smaller right id.
///
/// Most pairs are rare and never merged: those below a bound wait unordered until it falls to them.
struct PairQueue: ~Copyable {
  struct Entry {
    var count: Int64
    var pair: UInt64
    /// Where its list of words begins, and how many they are.
    var start: UInt32
    var length: UInt32

    /// Where its list of words lies.
    var places: Range<Int> { Int(start)..<Int(start) + Int(length) }
    var left: Token { Token(pair >> 32) }
    var right: Token { Token(truncatingIfNeeded: pair) }

    @inline(__always) func precedes(_ other: Entry) -> Bool {
      count != other.count ? count > other.count : pair < other.pair
    }
  }

  private var heap: [Entry] = []
  private var waiting: PagedArray<Entry>
  /// Entries of at least this count are in the heap.
  private var bound: Int64 = 0
  private var largestCount: Int64 = 0

  init(_ memory: LearningMemory) {
    waiting = PagedArray(allowance: memory.allowance, directory: memory.directory)
  }

  /// Bytes of memory in use, besides what can do with less.
  var byteCount: Int { MemoryLayout<Entry>.stride * heap.capacity }

  mutating func settle() throws { try waiting.settle() }

  /// Adds an entry before the queue is first used.
  mutating func append(_ entry: Entry) throws {
    largestCount = max(largestCount, entry.count)
    try wait(entry)
  }

  private mutating func wait(_ entry: Entry) throws {
    let index = waiting.count
    try waiting.grow(by: 1)
    waiting.touch(index)
    waiting.base[index] = entry
  }

  /// Makes the queue usable after `append`.
  mutating func order() {
    bound = largestCount + 1
    refill()
  }

  mutating func push(_ entry: Entry) throws {
    if entry.count >= bound { pushHeap(entry) } else { try wait(entry) }
  }

  mutating func pop() -> Entry? {
    if heap.isEmpty { refill() }
    return popHeap()
  }

  /// Lowers the bound to a quarter until something is above it.
  private mutating func refill() {
    while heap.isEmpty, waiting.count > 0, bound > 0 {
      bound = bound > 4 ? bound / 4 : bound - 1
      var keptCount = 0
      for index in 0..<waiting.count {
        waiting.touch(index)
        let entry = waiting.base[index]
        if entry.count >= bound {
          pushHeap(entry)
        } else {
          waiting.touch(keptCount)
          waiting.base[keptCount] = entry
          keptCount += 1
        }
      }
      waiting.count = keptCount
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
  private struct Slot {
    var key: UInt64
    var count: Int64
  }
  private var slots: UnsafeMutablePointer<Slot>
  private var mask: Int
  private var count = 0
  private let memory: LearningMemory
  private static let empty = UInt64.max

  init(_ memory: LearningMemory) {
    self.memory = memory
    mask = (1 << 12) - 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: Slot(key: PairCounts.empty, count: 0), count: mask + 1)
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

  @inline(__always) mutating func add(_ key: UInt64, _ amount: Int64) throws {
    var slot = slot(of: key)
    if slots[slot].key == PairCounts.empty {
      if 3 &* count >= 2 &* mask {
        try grow()
        slot = self.slot(of: key)
      }
      slots[slot] = Slot(key: key, count: 0)
      count &+= 1
    }
    slots[slot].count &+= amount
  }

  /// Bytes of memory in use, or in use soon, when the table grows.
  var byteCount: Int {
    MemoryLayout<Slot>.stride * (mask + 1) * (16 * count > 10 * mask ? 2 : 1)
  }

  /// Gives every pair the count that `body` returns for it, in no order that may be relied on.
  mutating func replaceCounts(_ body: (UInt64, Int64) throws -> Int64) rethrows {
    for slot in 0...mask where slots[slot].key != PairCounts.empty {
      slots[slot].count = try body(slots[slot].key, slots[slot].count)
    }
  }

  /// Makes a table without the pairs that do not occur any more, larger unless these were many.
  private mutating func grow() throws {
    // The pairs may lie in a file while neither table is there.
    var kept = PagedArray<Slot>(allowance: memory.allowance, directory: memory.directory)
    for slot in 0...mask where slots[slot].key != PairCounts.empty && slots[slot].count != 0 {
      let index = kept.count
      try kept.grow(by: 1)
      kept.touch(index)
      kept.base[index] = slots[slot]
    }
    slots.deallocate()
    count = kept.count
    if 2 * count > mask { mask = mask * 2 + 1 }
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: Slot(key: PairCounts.empty, count: 0), count: mask + 1)
    for index in 0..<count {
      kept.touch(index)
      slots[slot(of: kept.base[index].key)] = kept.base[index]
    }
  }
}
