// SPDX-License-Identifier: Apache-2.0

internal import CSystem
internal import TokenStreams

extension PackedTrie {
  /// Runs of more nodes than this, and fewer than the other, have their nodes in slots.
  static let shortRunLength = 16
  static let slotlessRunLength = 1 << 24

  /// Bits of a slot that the hash fills; the others hold the node's place in its run plus one.
  static let slotTagWidth = 8

  /// Whether the nodes of a run of so many are in slots.
  @inline(__always) static func hasSlots(_ count: Int) -> Bool {
    UInt(bitPattern: count &- (shortRunLength &+ 1))
      < UInt(bitPattern: slotlessRunLength &- (shortRunLength &+ 1))
  }

  /// The child of `node` of level `level` by `token`.
  @inline(__always) func child(of node: Int, level: Int, by token: Token) -> Int? {
    let range = levels[level].children(node)
    let child = levels[level &+ 1].index(
      of: token, from: range.lowerBound, count: range.upperBound &- range.lowerBound)
    return child < 0 ? nil : child
  }
}

extension PackedTrie.Level {
  /// The node by `token` in the run of `count` nodes from `first`, or -1.
  @inline(__always) func index(of token: Token, from first: Int, count: Int) -> Int {
    PackedTrie.hasSlots(count)
      ? slotted(token, from: first, count: count) { self.token($0) == token }
      : halved(token, from: first, count: count)
  }

  // The same in three steps, each of which asks for the memory that the next one reads.

  /// Asks for what a search reads first.
  @inline(__always) func prefetch(_ token: Token, from first: Int, count: Int) {
    if PackedTrie.hasSlots(count) {
      let hash = PackedTrie.slotHash(token, runFrom: first)
      let slot = PackedTrie.slot(of: hash, homeCount: homeCount)
      prefetch_for_read(slots + (slot &* slotWidth) &>> 3)
    } else {
      prefetch(first &+ count &>> 1)
    }
  }

  /// The node of a long run that is by `token` if any is, or -1; its record is asked for.
  @inline(__always) func candidate(for token: Token, from first: Int, count: Int) -> Int {
    let node = slotted(token, from: first, count: count) { _ in true }
    if node >= 0 { prefetch(node) }
    return node
  }

  /// The node by `token` in a long run whose candidate was found before, or -1.
  @inline(__always) func index(
    of token: Token, from first: Int, count: Int, candidate: Int
  ) -> Int {
    if candidate < 0 || self.token(candidate) == token { return candidate }
    // Another token's tag is the same.
    return slotted(token, from: first, count: count) { self.token($0) == token }
  }

  /// Asks for a record and the one after it.
  @inline(__always) func prefetch(_ node: Int) {
    let record = records + (node &* width) &>> 3
    prefetch_for_read(record)
    prefetch_for_read(record + width &>> 2)
  }

  /// Halves a run in the order of its tokens without a branch: only the number of steps is guessed by
  /// the processor.
  @inline(__always) private func halved(_ token: Token, from first: Int, count: Int) -> Int {
    guard count > 0 else { return -1 }
    // The last node not above the token, if there is one, is at `low` or less than `count` behind it.
    var low = first
    var count = count
    while count > 1 {
      let half = count &>> 1
      let middle = low &+ half
      // All bits set where the token in the middle is above.
      let isAbove = (Int(token) &- Int(self.token(middle))) &>> (Int.bitWidth &- 1)
      low &+= half & ~isAbove
      count &-= half
    }
    return self.token(low) == token ? low : -1
  }

  /// Looks from the hash's slot on until a node with the hash's tag is accepted, or an empty slot comes.
  @inline(__always) private func slotted(
    _ token: Token, from first: Int, count: Int, where isAccepted: (Int) -> Bool
  ) -> Int {
    let hash = PackedTrie.slotHash(token, runFrom: first)
    let tag = PackedTrie.slotTag(of: hash)
    var slot = PackedTrie.slot(of: hash, homeCount: homeCount)
    // The last slot is empty; bounded, should it not be.
    while slot < slotCount {
      let entry = slotEntry(slot)
      if entry == 0 { return -1 }
      if entry & PackedTrie.mask(PackedTrie.slotTagWidth) == tag {
        let place = Int(truncatingIfNeeded: entry &>> UInt64(PackedTrie.slotTagWidth)) &- 1
        if place >= 0, place < count, isAccepted(first &+ place) { return first &+ place }
      }
      slot &+= 1
    }
    return -1
  }

  /// A node's place in its run plus one, above its tag; 0 where a slot is empty.
  @inline(__always) func slotEntry(_ slot: Int) -> UInt64 {
    let bit = slot &* slotWidth
    let word = slots.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
    return UInt64(littleEndian: word) &>> UInt64(bit & 7) & slotMask
  }
}

extension PackedTrie {
  @inline(__always) static func slotHash(_ token: Token, runFrom first: Int) -> UInt64 {
    let key = UInt64(truncatingIfNeeded: first) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(token)
    let (high, low) = key.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return high ^ low
  }

  @inline(__always) static func slotTag(of hash: UInt64) -> UInt64 {
    hash & mask(slotTagWidth)
  }

  /// Where a search begins: the upper half of the hash, scaled to the number of homes.
  @inline(__always) static func slot(of hash: UInt64, homeCount: Int) -> Int {
    Int(truncatingIfNeeded: ((hash &>> 32) &* UInt64(truncatingIfNeeded: homeCount)) &>> 32)
  }
}
