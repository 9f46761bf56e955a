// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// Which pairs of neighbours merge, how early, and into what.
///
/// Unsafe in one place: `slots` holds `mask + 1` pairs of words, the key (left, right) and the value
/// (rank above, result below); a key of all ones is empty. They are the table's own, or lie in a mapped
/// file.
final class PairTable: @unchecked Sendable {
  typealias Slot = (key: UInt64, value: UInt64)

  private let slots: UnsafePointer<Slot>
  private let mask: Int
  /// Keeps mapped slots alive.
  private let owner: AnyObject?

  init(_ merges: [BytePairModel.Merge]) {
    var size = 16
    while size < 2 * merges.count { size *= 2 }
    mask = size - 1
    owner = nil
    let slots = UnsafeMutablePointer<Slot>.allocate(capacity: size)
    self.slots = UnsafePointer(slots)
    slots.initialize(repeating: (MergeRules.none, MergeRules.none), count: size)
    for (rank, merge) in merges.enumerated() {
      let key = UInt64(merge.left) << 32 | UInt64(merge.right)
      var slot = hash(key) & mask
      while slots[slot].key != MergeRules.none, slots[slot].key != key { slot = (slot + 1) & mask }
      // A pair that is listed twice counts where it stands last, as in `tokenizers`.
      slots[slot] = (key, UInt64(rank) << 32 | UInt64(merge.result))
    }
  }

  /// Slots of a mapped file.
  ///
  /// - Returns: nothing when a lookup would not end.
  init?(mapped: UnsafeBufferPointer<Slot>, owner: AnyObject) {
    guard let base = mapped.baseAddress, mapped.count & (mapped.count - 1) == 0,
      mapped.contains(where: { $0.key == MergeRules.none })
    else { return nil }
    slots = base
    mask = mapped.count - 1
    self.owner = owner
  }

  deinit { if owner == nil { slots.deallocate() } }

  /// The memory of the table, for a file.
  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(UnsafeBufferPointer(start: slots, count: mask + 1))
  }

  /// The merges in their order; a pair that was listed twice stands once.
  var merges: [BytePairModel.Merge] {
    UnsafeBufferPointer(start: slots, count: mask + 1).filter { $0.key != MergeRules.none }
      .sorted { $0.value < $1.value }
      .map {
        BytePairModel.Merge(
          left: Token($0.key >> 32), right: Token(truncatingIfNeeded: $0.key),
          result: Token(truncatingIfNeeded: $0.value))
      }
  }

  @inline(__always) private func hash(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key ^ key &>> 29) &* 0x9E37_79B9_7F4A_7C15 &>> 24)
  }

  /// Rank and result of the pair, or `none`.
  @inline(__always) func value(_ left: Token, _ right: Token) -> UInt64 {
    let key = UInt64(left) &<< 32 | UInt64(right)
    var slot = hash(key) & mask
    while true {
      let found = slots[slot]
      if found.key == key { return found.value }
      if found.key == MergeRules.none { return MergeRules.none }
      slot = (slot &+ 1) & mask
    }
  }
}
