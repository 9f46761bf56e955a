// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Words with their tokens in a mapped file, as `WordCache.append(to:)` wrote them.
struct WordImage {
  let file: MappedFile
  /// Bytes of the file.
  let range: Range<Int>
}

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
    var count: UInt16 = 0
    /// See `ChunkEncoder`.
    var steadyLimit: UInt16 = 0
  }

  private(set) var slots: UnsafeMutablePointer<Slot>
  private var bucketMask: Int
  /// Pieces placed since the cache last grew.
  private var placedCount = 0
  private var bytes = ByteBuffer(capacity: 1 << 10)
  private(set) var overflow = TokenList(capacity: 1 << 10)
  private static let byteLimit = 1 << 23
  private static let overflowLimit = 1 << 21
  private let bucketLimit: Int
  /// The mapping that `slots` lie in, until the cache grows.
  private var mapping: UnsafeMutableRawBufferPointer?
  static let usualLimit = 1 << 18
  /// Bytes in front of an image: the numbers of buckets, tokens and bytes.
  private static let imageHeadCount = 64
  /// Longer pieces are not remembered.
  static let lengthLimit = 255

  /// Starts small, so that short runs pay for little, and grows with the pieces.
  ///
  /// - bucketLimit: how many buckets it may grow to.
  init(bucketCount: Int = 1 << 12, bucketLimit: Int = WordCache.usualLimit) {
    self.bucketLimit = bucketLimit
    bucketMask = bucketCount - 1
    slots = WordCache.emptySlots(bucketCount)
  }

  deinit { WordCache.release(slots, mapping) }

  private static func release(
    _ slots: UnsafeMutablePointer<Slot>, _ mapping: UnsafeMutableRawBufferPointer?
  ) {
    if let mapping {
      munmap(mapping.baseAddress, mapping.count)
    } else {
      slots.deallocate()
    }
  }

  /// A cache that begins with the words of another, as `append(to:)` wrote it: its memory is the
  /// file's, page by page until a word is added there.
  ///
  /// - Returns: nothing when the image is malformed or cannot be mapped.
  init?(_ words: WordImage) {
    let image = UnsafeRawBufferPointer(rebasing: words.file.bytes[words.range])
    guard image.count >= WordCache.imageHeadCount else { return nil }
    let numbers = (0..<3).map { image.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
    guard numbers.allSatisfy({ $0 < 1 << 32 }) else { return nil }
    let (bucketCount, tokenCount, byteCount) = (Int(numbers[0]), Int(numbers[1]), Int(numbers[2]))
    let slotCount = 2 * bucketCount
    let tokensStart = WordCache.imageHeadCount + slotCount * MemoryLayout<Slot>.stride
    guard bucketCount > 0, bucketCount & (bucketCount - 1) == 0, tokenCount <= 1 << 24,
      image.count == tokensStart + 4 * tokenCount + byteCount
    else { return nil }
    let source = UnsafeBufferPointer(
      start: (image.baseAddress! + WordCache.imageHeadCount).assumingMemoryBound(to: Slot.self),
      count: slotCount)
    for slot in source where slot.count > 3 || slot.high >> 56 == 0xFF {
      let isLong = slot.high >> 56 == 0xFF
      let pieceEnd = isLong ? (slot.high & 0xFFFF_FFFF) + (slot.high >> 32 & 0xFF_FFFF) : 0
      let tokenEnd = slot.count > 3 ? Int(slot.first) + Int(slot.count) : 0
      guard pieceEnd <= byteCount, tokenEnd <= tokenCount else { return nil }
    }
    guard let copy = try? words.file.writableCopy() else { return nil }
    slots = (copy.baseAddress! + words.range.lowerBound + WordCache.imageHeadCount)
      .assumingMemoryBound(to: Slot.self)
    mapping = copy
    bucketMask = bucketCount - 1
    bucketLimit = WordCache.usualLimit
    overflow.append(
      UnsafeBufferPointer(
        start: (image.baseAddress! + tokensStart).assumingMemoryBound(to: Token.self),
        count: tokenCount))
    bytes.append(UnsafeRawBufferPointer(rebasing: image[(tokensStart + 4 * tokenCount)...]))
  }

  /// Appends the memory of the cache, for `init(_:)` on a machine of the same byte order.
  func append(to output: inout ByteBuffer) {
    let numbers = [bucketMask + 1, overflow.count, bytes.count]
    for number in numbers { output.append(littleEndian: UInt64(number)) }
    for _ in 0..<WordCache.imageHeadCount - 8 * numbers.count { output.append(0) }
    output.append(
      UnsafeRawBufferPointer(UnsafeBufferPointer(start: slots, count: 2 * (bucketMask + 1))))
    output.append(UnsafeRawBufferPointer(overflow.tokens))
    output.append(bytes.bytes)
  }

  private static func emptySlots(_ bucketCount: Int) -> UnsafeMutablePointer<Slot> {
    // Most looks are at a page not seen lately; a bucket is a cache line.
    let slots = LargeMemory.allocate(of: Slot.self, capacity: 2 * bucketCount, alignment: 64)
    memset(slots, 0, 2 * bucketCount * MemoryLayout<Slot>.stride)
    return slots
  }

  private mutating func grow() {
    let old = slots
    let oldCount = (bucketMask + 1) * 2
    bucketMask = min(bucketMask * 8 + 7, bucketLimit - 1)
    slots = WordCache.emptySlots(bucketMask + 1)
    placedCount = 0
    for index in 0..<oldCount where old[index].high != 0 {
      let slot = old[index]
      let isLong = slot.high >> 56 == 0xFF
      put(slot, at: bucket(slot.low, isLong ? slot.high >> 32 : slot.high))
    }
    WordCache.release(old, mapping)
    mapping = nil
  }

  /// The first slot of a key's bucket.
  @inline(__always) func bucket(_ low: UInt64, _ high: UInt64) -> Int {
    (WordCache.hash(low, high) & bucketMask) &<< 1
  }

  /// The slot of a bucket that holds a key of up to 15 bytes, or nothing.
  @inline(__always) func find(_ low: UInt64, _ high: UInt64, in slot: Int) -> Int? {
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

  mutating func insert(
    _ low: UInt64, _ high: UInt64, _ tokens: UnsafeBufferPointer<Token>, steadyLimit: UInt16
  ) {
    if steadyLimit == 0 { return }
    place(low, high, at: bucket(low, high), tokens, steadyLimit)
  }

  mutating func insert(
    long piece: UnsafeBufferPointer<UInt8>, hash: UInt64, _ tokens: UnsafeBufferPointer<Token>,
    steadyLimit: UInt16
  ) {
    if steadyLimit == 0 { return }
    if bytes.count + piece.count > WordCache.byteLimit { removeAll() }
    let tag = UInt64(0xFF) << 24 | UInt64(piece.count)
    let high = tag << 32 | UInt64(bytes.count)
    bytes.append(piece)
    place(hash, high, at: bucket(hash, tag), tokens, steadyLimit)
  }

  private mutating func place(
    _ low: UInt64, _ high: UInt64, at bucket: Int, _ tokens: UnsafeBufferPointer<Token>,
    _ steadyLimit: UInt16
  ) {
    var slot = Slot(
      low: low, high: high, count: UInt16(tokens.count), steadyLimit: steadyLimit)
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
    put(slot, at: bucket)
    placedCount &+= 1
    if placedCount > bucketMask, bucketMask + 1 < bucketLimit { grow() }
  }

  private func put(_ slot: Slot, at bucket: Int) {
    let first = slots[bucket]
    let isFirst = first.high == 0 || first.low == slot.low && first.high == slot.high
    slots[isFirst ? bucket : bucket + 1] = slot
  }

  private mutating func removeAll() {
    memset(slots, 0, (bucketMask + 1) * 2 * MemoryLayout<Slot>.stride)
    bytes.removeAll()
    overflow.removeAll()
  }
}
