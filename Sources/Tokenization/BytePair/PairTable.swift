// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// Which pairs of neighbours merge, how early, and into what.
///
/// Unsafe in one place: `slots` holds `mask + 1` pairs of words, the key (left, right) and the value
/// (rank above, result below); a key of all ones is empty.
final class PairTable: @unchecked Sendable {
  private let slots: UnsafeMutablePointer<(key: UInt64, value: UInt64)>
  private let mask: Int

  init(_ merges: [BytePairModel.Merge]) {
    var size = 16
    while size < 2 * merges.count { size *= 2 }
    mask = size - 1
    slots = .allocate(capacity: size)
    slots.initialize(repeating: (MergeRules.none, MergeRules.none), count: size)
    for (rank, merge) in merges.enumerated() {
      let key = UInt64(merge.left) << 32 | UInt64(merge.right)
      var slot = hash(key) & mask
      while slots[slot].key != MergeRules.none, slots[slot].key != key { slot = (slot + 1) & mask }
      // A pair that is listed twice counts where it stands last, as in `tokenizers`.
      slots[slot] = (key, UInt64(rank) << 32 | UInt64(merge.result))
    }
  }

  deinit { slots.deallocate() }

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
