// SPDX-License-Identifier: Apache-2.0

/// A growing run of bytes with one owner: the block that readers fill, workers hand over and sinks
/// write.
///
/// Unsafe in one place: `base` points to `capacity` allocated bytes, the first `count` of them
/// initialised; only this type frees it. Pointers and spans into it die with the next append.
public struct ByteBuffer: ~Copyable, @unchecked Sendable {
  public private(set) var base: UnsafeMutablePointer<UInt8>
  public private(set) var capacity: Int
  /// Number of bytes written so far.
  public var count: Int

  public init(capacity: Int = 256) {
    self.capacity = max(capacity, 16)
    base = .allocate(capacity: self.capacity)
    count = 0
  }

  deinit { base.deallocate() }

  @inlinable public var isEmpty: Bool { count == 0 }

  /// The bytes written so far, borrowed.
  @inlinable public var bytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: base, count: count)
  }

  /// The bytes written so far, borrowed and bounds-checked.
  @inlinable public var span: Span<UInt8> {
    @_lifetime(borrow self)
    get { _overrideLifetime(Span(_unsafeElements: bytes), borrowing: self) }
  }

  /// Forgets the bytes and keeps the memory.
  @inlinable public mutating func removeAll() { count = 0 }

  /// Drops the first `prefixCount` bytes and moves the rest to the front.
  public mutating func removeFirst(_ prefixCount: Int) {
    precondition(prefixCount <= count)
    count -= prefixCount
    memmove(base, base + prefixCount, count)
  }

  /// Makes room for `additional` more bytes.
  @inlinable public mutating func reserve(_ additional: Int) {
    if count &+ additional > capacity { grow(by: additional) }
  }

  @usableFromInline mutating func grow(by additional: Int) {
    let newCapacity = max(capacity * 2, count + additional)
    let newBase = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
    newBase.update(from: base, count: count)
    base.deallocate()
    base = newBase
    capacity = newCapacity
  }

  @inlinable public mutating func append(_ byte: UInt8) {
    reserve(1)
    base[count] = byte
    count &+= 1
  }

  @inlinable public mutating func append(_ other: UnsafeBufferPointer<UInt8>) {
    guard let start = other.baseAddress else { return }
    reserve(other.count)
    (base + count).update(from: start, count: other.count)
    count &+= other.count
  }

  @inlinable public mutating func append(_ other: UnsafeRawBufferPointer) {
    append(other.assumingMemoryBound(to: UInt8.self))
  }

  @inlinable public mutating func append(_ other: borrowing Span<UInt8>) {
    other.withUnsafeBufferPointer { append($0) }
  }

  public mutating func append(_ other: [UInt8]) {
    other.withUnsafeBufferPointer { append($0) }
  }

  /// Appends the UTF-8 of a string: for headers and messages, not for the data path.
  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  /// Appends an integer little-endian.
  @inlinable public mutating func append<I: FixedWidthInteger>(littleEndian value: I) {
    withUnsafeBytes(of: value.littleEndian) { append($0) }
  }

  /// Appends the bytes that a value has in memory.
  @inlinable public mutating func append<T: BitwiseCopyable>(bytesOf value: T) {
    withUnsafeBytes(of: value) { append($0) }
  }

  /// Appends an unsigned integer in groups of seven bits, least significant first (LEB128).
  @inlinable public mutating func append(varint value: UInt64) {
    reserve(10)
    var rest = value
    while rest >= 0x80 {
      base[count] = UInt8(truncatingIfNeeded: rest) | 0x80
      count &+= 1
      rest &>>= 7
    }
    base[count] = UInt8(truncatingIfNeeded: rest)
    count &+= 1
  }

  /// Appends an unsigned integer in decimal digits.
  @inlinable public mutating func append(decimal value: UInt64) {
    reserve(20)
    var digitCount = 1
    var bound: UInt64 = 10
    while digitCount < 20, value >= bound {
      digitCount &+= 1
      bound = bound &* 10
      if digitCount == 20 { break }
    }
    var rest = value
    var index = count &+ digitCount
    while index > count {
      index &-= 1
      let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
      base[index] = 0x30 &+ UInt8(truncatingIfNeeded: remainder)
      rest = quotient
    }
    count &+= digitCount
  }
}
