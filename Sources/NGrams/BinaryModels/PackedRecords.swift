// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// Turns the values of one level's nodes into records.
struct RecordPacking: Sendable {
  private let probabilities: ValueTable?
  private let backoffs: ValueTable?
  private let tokenWidth: Int
  private let probabilityWidth: Int
  private let backoffWidth: Int
  private let childWidth: Int

  /// - probabilities, backoffs: their tables, where the level has them.
  init(
    _ layout: PackedTrieLayout, level: Int, probabilities: ValueTable?, backoffs: ValueTable?
  ) {
    self.probabilities = probabilities
    self.backoffs = backoffs
    tokenWidth = layout.tokenWidth(level)
    probabilityWidth = layout.probabilityWidth(level)
    backoffWidth = layout.backoffWidth(level)
    childWidth = layout.childWidth(level)
  }

  /// - probability, backoff: log10.
  func append(
    _ token: Token, probability: Double, backoff: Double, firstChild: Int,
    to writer: inout BitWriter
  ) {
    writer.append(UInt64(token), tokenWidth)
    writer.append(
      probabilities?.number(of: probability)
        ?? UInt64(Float(-probability).bitPattern & 0x7FFF_FFFF), probabilityWidth)
    writer.append(backoffs?.number(of: backoff) ?? UInt64(Float(backoff).bitPattern), backoffWidth)
    writer.append(UInt64(firstChild), childWidth)
  }

  /// The record after the last node.
  func appendEnd(firstChild: Int, to writer: inout BitWriter) {
    writer.append(0, tokenWidth + probabilityWidth)
    writer.append(0, backoffWidth)
    writer.append(UInt64(firstChild), childWidth)
  }
}

/// The slots of one level's long runs, in ascending order.
struct SlotPlacing {
  let homeCount: Int
  /// Slots taken and those left out before them.
  private(set) var count = 0

  /// - nodeCount: nodes of all long runs.
  init(nodeCount: Int) { homeCount = nodeCount + nodeCount / 2 }

  /// What nodes are sorted by: the upper half of their hash, then what their slot holds.
  static func key(_ token: Token, place: Int, runFrom first: Int) -> UInt64 {
    let hash = PackedTrie.slotHash(token, runFrom: first)
    let entry = UInt64(place + 1) << UInt64(PackedTrie.slotTagWidth) | PackedTrie.slotTag(of: hash)
    return hash & ~0xFFFF_FFFF | entry
  }

  /// What the slot of a key holds.
  static func entry(_ key: UInt64) -> UInt64 { key & 0xFFFF_FFFF }

  /// The slot of the next key.
  mutating func slot(of key: UInt64) -> Int {
    let slot = max(PackedTrie.slot(of: key, homeCount: homeCount), count)
    count = slot + 1
    return slot
  }

  /// How many slots there are after the last key: the last one is empty.
  var slotCount: Int { homeCount == 0 ? 0 : max(homeCount, count) + 1 }
}

/// Distinct values, numbered in order of first appearance.
struct ValueTable: Sendable {
  private var values: [Double] = []
  /// Numbers plus one, by the hash of their value; zero for empty.
  private var slots = [UInt32](repeating: 0, count: 1024)

  init() {}

  /// - Returns: nothing when there are more than `limit` values.
  init?(_ all: [Double], limit: Int) {
    for value in all {
      if count > limit { return nil }
      insert(value)
    }
    if count > limit { return nil }
  }

  mutating func insert(_ value: Double) {
    let slot = slot(of: value)
    guard slots[slot] == 0 else { return }
    values.append(value)
    slots[slot] = UInt32(values.count)
    if values.count * 2 > slots.count { grow() }
  }

  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try values.withUnsafeBytes(body)
  }

  func write(to target: UnsafeMutableRawPointer) {
    withBytes { if $0.count > 0 { target.copyMemory(from: $0.baseAddress!, byteCount: $0.count) } }
  }

  var count: Int { values.count }

  func number(of value: Double) -> UInt64 { UInt64(slots[slot(of: value)] - 1) }

  private func slot(of value: Double) -> Int {
    let hash = value.bitPattern &* 0x9E37_79B9_7F4A_7C15
    var slot = Int(truncatingIfNeeded: hash >> 32) & (slots.count - 1)
    while slots[slot] != 0, values[Int(slots[slot]) - 1].bitPattern != value.bitPattern {
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: 4 * slots.count)
    for (number, value) in values.enumerated() { slots[slot(of: value)] = UInt32(number + 1) }
  }
}

/// Appends fields of bits, lowest first, to memory that is large enough and eight bytes more.
struct BitWriter {
  private var target: UnsafeMutableRawPointer
  private var word: UInt64 = 0
  private var filled = 0

  init(_ target: UnsafeMutableRawPointer) { self.target = target }

  mutating func append(_ value: UInt64, _ width: Int) {
    guard width > 0 else { return }
    word |= value &<< UInt64(filled)
    filled += width
    if filled >= 64 {
      target.storeBytes(of: word.littleEndian, as: UInt64.self)
      target += 8
      filled -= 64
      word = filled == 0 ? 0 : value >> UInt64(width - filled)
    }
  }

  mutating func finish() {
    if filled > 0 { target.storeBytes(of: word.littleEndian, as: UInt64.self) }
  }
}
