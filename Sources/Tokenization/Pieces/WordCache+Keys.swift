// SPDX-License-Identifier: Apache-2.0

extension WordCache {
  /// Pieces of so many bytes lie in their key.
  static let keyLimit = 15

  /// The key of a piece of 1 to 15 bytes.
  ///
  /// - readable: bytes from `start` on that may be read.
  @inline(__always) static func key(
    _ start: UnsafePointer<UInt8>, _ length: Int, readable: Int
  ) -> (low: UInt64, high: UInt64) {
    let tag = UInt64(truncatingIfNeeded: length) &<< 56
    if readable >= 16 {
      let raw = UnsafeRawPointer(start)
      let low = UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))
      let high = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      let bits = UInt64(truncatingIfNeeded: 8 &* length)
      let isShort = length < 8
      let lowMask = isShort ? (1 &<< bits) &- 1 : UInt64.max
      let highMask = isShort ? 0 : (1 &<< (bits &- 64)) &- 1
      return (low & lowMask, high & highMask | tag)
    }
    return keyAtEnd(start, length, tag)
  }

  @inline(never) private static func keyAtEnd(
    _ start: UnsafePointer<UInt8>, _ length: Int, _ tag: UInt64
  ) -> (low: UInt64, high: UInt64) {
    var low: UInt64 = 0
    var high = tag
    for index in 0..<length {
      let byte = UInt64(start[index]) &<< UInt64(8 &* (index & 7))
      if index < 8 { low |= byte } else { high |= byte }
    }
    return (low, high)
  }

  @inline(__always) static func hash(_ low: UInt64, _ high: UInt64) -> Int {
    let (top, bottom) = (low ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(
      by: high ^ 0xD6E8_FEB8_6659_FD93)
    return Int(truncatingIfNeeded: top ^ bottom)
  }
}
