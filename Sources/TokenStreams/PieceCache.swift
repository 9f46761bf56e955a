// SPDX-License-Identifier: Apache-2.0

/// The tokens of short pieces seen lately, by their bytes: most pieces of a text are few and frequent,
/// and this finds them in one place instead of a table's three.
///
/// Unsafe: `entries` holds 2^`countWidth` of them, allocated and freed here.
public struct PieceCache: ~Copyable, @unchecked Sendable {
  @usableFromInline static let countWidth = 13

  /// A piece of 1 to 15 bytes, none of which is below `!`, filled up with zeros.
  public struct Key {
    @usableFromInline let low: UInt64
    @usableFromInline let high: UInt64
    /// Bytes of the piece.
    public let byteCount: Int

    /// Reads the piece at `start`, or nothing where it is no such piece.
    ///
    /// - limit: the end of the memory that may be read.
    @inlinable @inline(__always)
    public init?(at start: UnsafePointer<UInt8>, limit: UnsafePointer<UInt8>) {
      guard limit - start >= 16 else { return nil }
      let raw = UnsafeRawPointer(start)
      let low = UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))
      let high = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      let ends = Key.bytesBelowPrinting(low)
      if ends != 0 {
        let bits = ends.trailingZeroBitCount & ~7
        guard bits > 0 else { return nil }
        self.low = low & ((1 &<< UInt64(bits)) &- 1)
        self.high = 0
        byteCount = bits &>> 3
      } else {
        let ends = Key.bytesBelowPrinting(high)
        guard ends != 0 else { return nil }
        let bits = ends.trailingZeroBitCount & ~7
        self.low = low
        self.high = high & ((1 &<< UInt64(bits)) &- 1)
        byteCount = 8 &+ bits &>> 3
      }
    }

    /// Sets the high bit of the lowest byte below 0x21, and perhaps of some above it.
    @inlinable @inline(__always) static func bytesBelowPrinting(_ word: UInt64) -> UInt64 {
      (word &- 0x2121_2121_2121_2121) & ~word & 0x8080_8080_8080_8080
    }

    @inlinable var slot: Int {
      let hash = (low ^ high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
      return Int(truncatingIfNeeded: hash &>> UInt64(64 - PieceCache.countWidth))
    }
  }

  @usableFromInline struct Entry {
    @usableFromInline var low: UInt64
    @usableFromInline var high: UInt64
    @usableFromInline var token: Token

    @usableFromInline init(low: UInt64, high: UInt64, token: Token) {
      self.low = low
      self.high = high
      self.token = token
    }
  }

  @usableFromInline let entries: UnsafeMutablePointer<Entry>

  public init() {
    entries = .allocate(capacity: 1 << PieceCache.countWidth)
    // No piece is all zeros.
    entries.initialize(
      repeating: Entry(low: 0, high: 0, token: 0), count: 1 << PieceCache.countWidth)
  }

  deinit { entries.deallocate() }

  @inlinable @inline(__always) public func token(_ key: Key) -> Token? {
    let entry = entries + key.slot
    return entry.pointee.low == key.low && entry.pointee.high == key.high
      ? entry.pointee.token : nil
  }

  @inlinable public func note(_ token: Token, for key: Key) {
    entries[key.slot] = Entry(low: key.low, high: key.high, token: token)
  }
}
