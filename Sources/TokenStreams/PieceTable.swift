// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A token: the number of a piece in a vocabulary.
public typealias Token = UInt32

/// A hash of a spelling, the same in every run and on every machine: it is stored in model files.
@inlinable public func spellingHash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
  let raw = UnsafeRawBufferPointer(bytes)
  var hash = 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: raw.count)
  var index = 0
  while index &+ 8 <= raw.count {
    let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    let (high, low) = (hash ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    hash = high ^ low
    index &+= 8
  }
  let (high, low) = (hash ^ bigEndianTail(raw, from: index)).multipliedFullWidth(
    by: 0xA076_1D64_78BD_642F)
  return high ^ low
}

/// The up to seven bytes from `index` to the end as one number, the first the highest.
@inlinable func bigEndianTail(_ raw: UnsafeRawBufferPointer, from index: Int) -> UInt64 {
  let rest = raw.count &- index
  if rest == 0 { return 0 }
  let bits = UInt64(truncatingIfNeeded: 8 &* rest)
  if raw.count >= 8 {
    let last = raw.loadUnaligned(fromByteOffset: raw.count &- 8, as: UInt64.self)
    return UInt64(bigEndian: last) & (1 &<< bits &- 1)
  }
  if rest >= 4 {
    // Two words that overlap by what is over four bytes short of eight.
    let first = UInt64(UInt32(bigEndian: raw.loadUnaligned(as: UInt32.self)))
    let last = UInt64(
      UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: rest &- 4, as: UInt32.self)))
    return first &<< (bits &- 32) | last & (1 &<< (bits &- 32) &- 1)
  }
  var tail: UInt64 = 0
  for place in index..<raw.count { tail = tail &<< 8 | UInt64(raw[place]) }
  return tail
}

/// Spellings numbered in order of first appearance: the growing half of a vocabulary.
///
/// Unsafe in one place: `slots` is an open-addressing table of `mask + 1` words (a 32-bit tag of the
/// hash above, the token plus one below, zero for empty); `offsets` holds `count + 1` bounds of
/// spellings in `bytes`.
public struct PieceTable: ~Copyable, @unchecked Sendable {
  @usableFromInline var bytes = ByteBuffer(capacity: 1 << 12)
  @usableFromInline var offsets: UnsafeMutablePointer<UInt64>
  @usableFromInline var offsetCapacity: Int
  @usableFromInline var slots: UnsafeMutablePointer<UInt64>
  @usableFromInline var mask: Int
  /// Number of spellings.
  public private(set) var count = 0

  /// - capacity: number of spellings that are expected.
  public init(capacity: Int = 0) {
    offsetCapacity = max(256, capacity + 2)
    offsets = .allocate(capacity: offsetCapacity)
    offsets[0] = 0
    mask = 511
    while mask <= 2 * capacity { mask = mask * 2 + 1 }
    slots = LargeMemory.allocate(of: UInt64.self, capacity: mask + 1)
    slots.initialize(repeating: 0, count: mask + 1)
  }

  /// A table of some spellings, in their order.
  public init(_ spellings: [[UInt8]]) {
    self.init()
    for spelling in spellings { _ = spelling.withUnsafeBufferPointer { insert($0) } }
  }

  deinit {
    offsets.deallocate()
    slots.deallocate()
  }

  /// The spelling of `token`, borrowed until the next insertion.
  @inlinable public func spelling(of token: Token) -> UnsafeBufferPointer<UInt8> {
    let start = Int(offsets[Int(token)])
    return UnsafeBufferPointer(
      start: bytes.base + start, count: Int(offsets[Int(token) &+ 1]) &- start)
  }

  /// Bytes of memory in use: what counts against a budget.
  public var byteCount: Int { bytes.capacity + 8 * offsetCapacity + 8 * (mask + 1) }

  @inlinable public func find(_ spelling: UnsafeBufferPointer<UInt8>) -> Token? {
    find(spelling, hash: spellingHash(spelling))
  }

  @inlinable public func find(_ spelling: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Token? {
    PieceTable.find(
      spelling, hash: hash, slots: slots, mask: mask, bytes: bytes.base, offsets: offsets)
  }

  /// The token of `spelling`, which is added if it is new. The spelling must be canonical.
  @inlinable public mutating func insert(_ spelling: UnsafeBufferPointer<UInt8>) -> Token {
    let hash = spellingHash(spelling)
    if let token = find(spelling, hash: hash) { return token }
    return append(spelling, hash: hash)
  }

  /// Adds a spelling that is known to be new.
  @usableFromInline
  mutating func append(_ spelling: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Token {
    if count * 2 >= mask { makeSlots(mask: mask * 2 + 1) }
    if count + 2 > offsetCapacity { growOffsets() }
    let token = Token(count)
    bytes.append(spelling)
    count += 1
    offsets[count] = UInt64(bytes.count)
    place(token, hash)
    return token
  }

  private func place(_ token: Token, _ hash: UInt64) {
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 { slot = (slot &+ 1) & mask }
    slots[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(token &+ 1)
  }

  /// Puts the spellings into the order of a model's vocabulary: `<unk>`, `<s>` and `</s>`, which are the
  /// first three, then the others, shorter ones first and bytewise within a length, so that tokens which
  /// are numbers stand in numeric order.
  ///
  /// - isKept: whether one of the others stays.
  /// - Returns: the new token of each old one; that of `<unk>` for those that do not stay.
  public mutating func sortForModel(
    keeping isKept: (Token, UnsafeBufferPointer<UInt8>) -> Bool = { _, _ in true }
  ) -> [Token] {
    var order = (0..<Token(count)).filter { $0 < 3 || isKept($0, spelling(of: $0)) }
    order[3...].sort { a, b in
      let (a, b) = (spelling(of: a), spelling(of: b))
      return a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b)
    }
    var numbers = [Token](repeating: 0, count: count)
    var sorted = ByteBuffer(capacity: bytes.count)
    offsetCapacity = max(256, order.count + 2)
    let bounds = UnsafeMutablePointer<UInt64>.allocate(capacity: offsetCapacity)
    bounds[0] = 0
    for (number, token) in order.enumerated() {
      numbers[Int(token)] = Token(number)
      sorted.append(spelling(of: token))
      bounds[number + 1] = UInt64(sorted.count)
    }
    bytes = sorted
    offsets.deallocate()
    offsets = bounds
    count = order.count
    var mask = 511
    while (count - 1) * 2 >= mask { mask = mask * 2 + 1 }
    makeSlots(mask: mask)
    return numbers
  }

  private mutating func makeSlots(mask: Int) {
    slots.deallocate()
    self.mask = mask
    slots = LargeMemory.allocate(of: UInt64.self, capacity: mask + 1)
    slots.initialize(repeating: 0, count: mask + 1)
    for token in 0..<Token(count) { place(token, spellingHash(spelling(of: token))) }
  }

  private mutating func growOffsets() {
    let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: offsetCapacity * 2)
    larger.update(from: offsets, count: count + 1)
    offsets.deallocate()
    offsets = larger
    offsetCapacity *= 2
  }

  @inlinable static func find(
    _ spelling: UnsafeBufferPointer<UInt8>, hash: UInt64, slots: UnsafePointer<UInt64>, mask: Int,
    bytes: UnsafePointer<UInt8>, offsets: UnsafePointer<UInt64>
  ) -> Token? {
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let entry = slots[slot]
      if entry == 0 { return nil }
      if (entry ^ hash) &>> 32 == 0 {
        let token = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) &- 1
        let start = Int(offsets[token])
        let length = Int(offsets[token &+ 1]) &- start
        if length == spelling.count,
          length == 0 || memcmp(bytes + start, spelling.baseAddress!, length) == 0
        {
          return Token(truncatingIfNeeded: token)
        }
      }
      slot = (slot &+ 1) & mask
    }
  }
}
