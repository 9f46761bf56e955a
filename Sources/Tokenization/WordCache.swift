// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Remembers the tokens of pieces of text: most pieces of a text have stood in it before.
///
/// A fixed amount of memory, whatever the text: a bucket holds two pieces, and a third takes the place
/// of the second. Unsafe in one place: `slots` points to `2 * bucketCount` slots, zeroed at first, that
/// hold a piece of up to 15 bytes in the key, or the hash and the place in `bytes` of a longer one; and
/// up to three tokens, or their place in `overflow`.
struct WordCache: ~Copyable {
  struct Slot {
    /// Bytes 0-7; or a hash.
    var low: UInt64 = 0
    /// Bytes 8-14 and the length above; or 255 above, the length, and the place below.
    var high: UInt64 = 0
    var first: Token = 0
    var second: Token = 0
    var third: Token = 0
    var count: UInt32 = 0
  }

  private let memory: UnsafeMutableRawPointer
  let slots: UnsafeMutablePointer<Slot>
  let bucketMask: Int
  private var bytes = ByteBuffer(capacity: 1 << 10)
  private(set) var overflow = TokenList(capacity: 1 << 10)
  private static let byteLimit = 1 << 23
  private static let overflowLimit = 1 << 21
  /// Longer pieces are not remembered.
  static let lengthLimit = 255

  init(bucketCount: Int = 1 << 17) {
    bucketMask = bucketCount - 1
    // Zeroed by the system when first touched, so that short runs pay for little of it.
    memory = calloc(bucketCount * 2 + 2, MemoryLayout<Slot>.stride)!
    let address = (UInt(bitPattern: memory) + 63) & ~63
    slots = UnsafeMutableRawPointer(bitPattern: address)!.bindMemory(
      to: Slot.self, capacity: bucketCount * 2)
  }

  deinit { free(memory) }

  /// The key of a piece of 1 to 15 bytes, without reading past the end of its text.
  @inline(__always) static func key(
    _ text: TextScanner, _ start: Int, _ length: Int
  ) -> (low: UInt64, high: UInt64) {
    let tag = UInt64(length) &<< 56
    if start &+ 16 <= text.count {
      let low = text.loadWord(start)
      if length < 8 { return (low & (1 &<< UInt64(8 &* length) &- 1), tag) }
      let high = text.loadWord(start &+ 8)
      return (low, high & (1 &<< UInt64(8 &* length &- 64) &- 1) | tag)
    }
    var low: UInt64 = 0
    var high: UInt64 = 0
    for index in 0..<min(length, 8) {
      low |= UInt64(text.base[start &+ index]) &<< UInt64(8 &* index)
    }
    var index = 8
    while index < length {
      high |= UInt64(text.base[start &+ index]) &<< UInt64(8 &* index &- 64)
      index &+= 1
    }
    return (low, high | tag)
  }

  /// The first slot of a key's bucket.
  @inline(__always) func bucket(_ low: UInt64, _ high: UInt64) -> Int {
    let (top, bottom) = (low ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(
      by: high ^ 0xD6E8_FEB8_6659_FD93)
    return Int(truncatingIfNeeded: (top ^ bottom) & UInt64(bucketMask)) &<< 1
  }

  /// The slot that holds a key of up to 15 bytes, or nothing.
  @inline(__always) func find(_ low: UInt64, _ high: UInt64) -> Int? {
    let slot = bucket(low, high)
    if slots[slot].low == low, slots[slot].high == high { return slot }
    if slots[slot &+ 1].low == low, slots[slot &+ 1].high == high { return slot &+ 1 }
    return nil
  }

  /// The slot that holds a longer piece, or nothing.
  func find(long piece: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int? {
    let tag = UInt64(0xFF) << 24 | UInt64(piece.count)
    let slot = bucket(hash, tag)
    for candidate in slot...slot + 1
    where slots[candidate].low == hash && slots[candidate].high &>> 32 == tag {
      let place = Int(slots[candidate].high & 0xFFFF_FFFF)
      if memcmp(bytes.base + place, piece.baseAddress!, piece.count) == 0 { return candidate }
    }
    return nil
  }

  /// Appends the tokens of a slot.
  @inline(__always) func append(_ slot: Int, to tokens: inout TokenList) {
    let count = Int(slots[slot].count)
    if count <= 3 {
      tokens.reserve(3)
      let target = tokens.base + tokens.count
      target[0] = slots[slot].first
      target[1] = slots[slot].second
      target[2] = slots[slot].third
      tokens.count &+= count
    } else {
      tokens.append(
        UnsafeBufferPointer(start: overflow.base + Int(slots[slot].first), count: count))
    }
  }

  mutating func insert(_ low: UInt64, _ high: UInt64, _ tokens: UnsafeBufferPointer<Token>) {
    place(low, high, at: bucket(low, high), tokens)
  }

  mutating func insert(
    long piece: UnsafeBufferPointer<UInt8>, hash: UInt64, _ tokens: UnsafeBufferPointer<Token>
  ) {
    if bytes.count + piece.count > WordCache.byteLimit { removeAll() }
    let tag = UInt64(0xFF) << 24 | UInt64(piece.count)
    let high = tag << 32 | UInt64(bytes.count)
    bytes.append(piece)
    place(hash, high, at: bucket(hash, tag), tokens)
  }

  private mutating func place(
    _ low: UInt64, _ high: UInt64, at bucket: Int, _ tokens: UnsafeBufferPointer<Token>
  ) {
    var slot = Slot(low: low, high: high, count: UInt32(tokens.count))
    if tokens.count <= 3 {
      if tokens.count > 0 { slot.first = tokens[0] }
      if tokens.count > 1 { slot.second = tokens[1] }
      if tokens.count > 2 { slot.third = tokens[2] }
    } else {
      if overflow.count + tokens.count > WordCache.overflowLimit {
        // The piece itself is kept out: its bytes may just have been placed.
        removeAll()
        return
      }
      slot.first = Token(overflow.count)
      overflow.append(tokens)
    }
    slots[slots[bucket].high == 0 ? bucket : bucket + 1] = slot
  }

  private mutating func removeAll() {
    memset(slots, 0, (bucketMask + 1) * 2 * MemoryLayout<Slot>.stride)
    bytes.removeAll()
    overflow.removeAll()
  }
}
