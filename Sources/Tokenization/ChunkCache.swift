// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// The tokens of the chunks of text met before, such as words: most of a text is repetition.
///
/// Chunks of at most 15 bytes lie in 32-byte slots, key and up to three tokens together, so that a hit
/// costs one cache line. Others go to a table of spellings. Both are bounded: what comes when they
/// are full is encoded anew each time.
///
/// Unsafe in one place: `slots` has `mask + 1` slots; a key of zeros is an empty slot, which no chunk
/// has, because the top byte of a key is the chunk's length.
struct ChunkCache: ~Copyable {
  /// A chunk of at most 15 bytes: little-endian, zeros behind, its length in the top byte.
  struct Key: Equatable {
    var low: UInt64
    var high: UInt64

    @inline(__always) init(low: UInt64, high: UInt64) {
      self.low = low
      self.high = high
    }

    /// - start: 16 readable bytes.
    @inline(__always) init(_ start: UnsafePointer<UInt8>, count: Int) {
      let raw = UnsafeRawPointer(start)
      let first = UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))
      let second = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      let bits = UInt64(truncatingIfNeeded: 8 &* count)
      let isShort = count < 8
      low = isShort ? first & ((1 &<< bits) &- 1) : first
      let mask = isShort ? 0 : (1 &<< (bits &- 64)) &- 1
      high = second & mask | UInt64(truncatingIfNeeded: count) &<< 56
    }

    @inline(__always) var hash: Int {
      let (high, low) = (low ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(
        by: high ^ 0xD6E8_FEB8_6659_FD93)
      return Int(truncatingIfNeeded: high ^ low)
    }
  }

  private struct Slot {
    var key: Key
    /// Up to three tokens, or the place of more in `overflow`.
    var tokens: (Token, Token, Token)
    var count: UInt32
  }

  static let maximumKeyByteCount = 15
  private static let slotLimit = 1 << 20
  private static let longLimit = 1 << 17
  private static let longByteLimit = 1 << 24

  private var slots: UnsafeMutablePointer<Slot>
  private var mask: Int
  private var count = 0
  private var overflow = TokenList(capacity: 1 << 12)
  private var long = PieceTable()
  private var longTokens = TokenList(capacity: 1 << 12)
  private var longBounds: [Int] = [0]
  private var longByteCount = 0

  init() {
    mask = (1 << 13) - 1
    slots = ChunkCache.emptySlots(mask + 1)
  }

  deinit { slots.deallocate() }

  /// Appends the tokens of a chunk, if they are known.
  @inline(__always)
  func find(_ key: Key, into tokens: inout TokenList) -> Bool {
    var index = key.hash & mask
    while true {
      let slot = slots + index
      if slot.pointee.key == key {
        let count = Int(slot.pointee.count)
        if count <= 3 {
          tokens.reserve(3)
          let target = tokens.base + tokens.count
          target[0] = slot.pointee.tokens.0
          target[1] = slot.pointee.tokens.1
          target[2] = slot.pointee.tokens.2
          tokens.count &+= count
        } else {
          let start = Int(slot.pointee.tokens.0)
          tokens.append(UnsafeBufferPointer(start: overflow.base + start, count: count))
        }
        return true
      }
      if slot.pointee.key.high == 0 { return false }
      index = (index &+ 1) & mask
    }
  }

  /// Remembers the tokens of a chunk that `find` did not know.
  mutating func insert(_ key: Key, _ tokens: UnsafeBufferPointer<Token>) {
    if count * 2 >= mask {
      guard mask < ChunkCache.slotLimit - 1 else { return }
      grow()
    }
    var slot = Slot(key: key, tokens: (0, 0, 0), count: UInt32(tokens.count))
    if tokens.count <= 3 {
      if tokens.count > 0 { slot.tokens.0 = tokens[0] }
      if tokens.count > 1 { slot.tokens.1 = tokens[1] }
      if tokens.count > 2 { slot.tokens.2 = tokens[2] }
    } else {
      slot.tokens.0 = Token(overflow.count)
      overflow.append(tokens)
    }
    place(slot)
    count += 1
  }

  /// Appends the tokens of a chunk of more than 15 bytes, if they are known.
  func find(long chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) -> Bool {
    guard let number = long.find(chunk) else { return false }
    let start = longBounds[Int(number)]
    tokens.append(
      UnsafeBufferPointer(
        start: longTokens.base + start, count: longBounds[Int(number) + 1] - start))
    return true
  }

  /// Remembers the tokens of a chunk of more than 15 bytes that `find` did not know.
  mutating func insert(long chunk: UnsafeBufferPointer<UInt8>, _ tokens: UnsafeBufferPointer<Token>)
  {
    guard chunk.count <= 256, long.count < ChunkCache.longLimit,
      longByteCount + chunk.count <= ChunkCache.longByteLimit
    else { return }
    longByteCount += chunk.count
    _ = long.insert(chunk)
    longTokens.append(tokens)
    longBounds.append(longTokens.count)
  }

  private func place(_ slot: Slot) {
    var index = slot.key.hash & mask
    while slots[index].key.high != 0 { index = (index &+ 1) & mask }
    slots[index] = slot
  }

  private mutating func grow() {
    let old = UnsafeBufferPointer(start: slots, count: mask + 1)
    mask = mask * 4 + 3
    slots = ChunkCache.emptySlots(mask + 1)
    for slot in old where slot.key.high != 0 { place(slot) }
    old.deallocate()
  }

  private static func emptySlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
    let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
    slots.initialize(
      repeating: Slot(key: Key(low: 0, high: 0), tokens: (0, 0, 0), count: 0), count: count)
    return slots
  }
}
