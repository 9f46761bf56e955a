// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CSystem

/// Counts of words of 1 to 15 bytes, which lie in their slots: one cache line an occurrence, asked for
/// some words ahead.
///
/// Unsafe in one place: `slots` has `mask + 1` slots, empty where `high` is zero, which no word's is;
/// `waiting` has room for 64.
struct ShortWordCounts: ~Copyable {
  private struct Slot {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var count = 0
    /// Keeps a slot within a cache line.
    var padding = 0
  }

  private var slots: UnsafeMutablePointer<Slot>
  private var mask = (1 << 10) - 1
  /// Number of distinct words.
  private(set) var count = 0
  private let waiting = UnsafeMutablePointer<(low: UInt64, high: UInt64, hash: Int)>.allocate(
    capacity: 64)
  private var waitingCount = 0

  init() { slots = ShortWordCounts.emptySlots(mask + 1) }

  deinit {
    free(slots)
    waiting.deallocate()
  }

  /// Zeroed by the system when first touched.
  private static func emptySlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
    var memory: UnsafeMutableRawPointer?
    let byteCount = count * MemoryLayout<Slot>.stride
    precondition(posix_memalign(&memory, 64, byteCount) == 0, "memory for \(count) words")
    memset(memory!, 0, byteCount)
    return memory!.bindMemory(to: Slot.self, capacity: count)
  }

  /// Counts a word at the latest when `addWaiting` is called.
  ///
  /// - readable: bytes from `start` on that may be read.
  @inline(__always) mutating func wait(
    for start: UnsafePointer<UInt8>, _ length: Int, readable: Int
  ) {
    let (low, high) = WordCache.key(start, length, readable: readable)
    let hash = WordCache.hash(low, high)
    prefetch_for_read(slots + (hash & mask))
    waiting[waitingCount] = (low, high, hash)
    waitingCount &+= 1
    if waitingCount == 64 { addWaiting() }
  }

  /// Counts the words that wait.
  mutating func addWaiting() {
    for index in 0..<waitingCount {
      let (low, high, hash) = waiting[index]
      add(low, high, hash, count: 1)
    }
    waitingCount = 0
  }

  /// Adds occurrences of a word.
  mutating func add(
    _ start: UnsafePointer<UInt8>, _ length: Int, readable: Int, count: Int
  ) {
    let (low, high) = WordCache.key(start, length, readable: readable)
    add(low, high, WordCache.hash(low, high), count: count)
  }

  @inline(__always) private mutating func add(
    _ low: UInt64, _ high: UInt64, _ hash: Int, count amount: Int
  ) {
    var index = hash & mask
    while true {
      let slot = slots + index
      if slot.pointee.low == low, slot.pointee.high == high {
        slot.pointee.count &+= amount
        return
      }
      if slot.pointee.high == 0 { break }
      index = (index &+ 1) & mask
    }
    slots[index] = Slot(low: low, high: high, count: amount)
    count &+= 1
    if 4 &* count > 3 &* mask { grow() }
  }

  private mutating func grow() {
    let old = UnsafeMutableBufferPointer(start: slots, count: mask + 1)
    mask = mask * 2 + 1
    slots = ShortWordCounts.emptySlots(mask + 1)
    for slot in old where slot.high != 0 {
      var index = WordCache.hash(slot.low, slot.high) & mask
      while slots[index].high != 0 { index = (index &+ 1) & mask }
      slots[index] = slot
    }
    free(old.baseAddress)
  }

  /// Bytes of memory in use, or in use soon, when the table grows.
  var byteCount: Int { MemoryLayout<Slot>.stride * (mask + 1) * (10 * count > 7 * mask ? 3 : 1) }

  /// Calls `body` with each word and its count, in no order that may be relied on.
  func forEachWord(_ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void) rethrows {
    for index in 0...mask where slots[index].high != 0 {
      let length = Int(slots[index].high &>> 56)
      // Little-endian: the word's bytes in their order.
      try withUnsafeBytes(of: (slots[index].low.littleEndian, slots[index].high.littleEndian)) {
        try body(
          UnsafeBufferPointer(rebasing: $0.assumingMemoryBound(to: UInt8.self)[..<length]),
          slots[index].count)
      }
    }
  }
}
