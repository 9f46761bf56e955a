// SPDX-License-Identifier: Apache-2.0

/// Bytes of the well-formed UTF-8 sequence at `index`, or 0. Reference: Unicode 15, table 3-7.
@inlinable public func utf8SequenceLength(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int
{
  let first = bytes[index]
  if first < 0x80 { return 1 }
  @inline(__always) func continues(_ offset: Int, _ low: UInt8, _ high: UInt8) -> Bool {
    index &+ offset < bytes.count && bytes[index &+ offset] >= low && bytes[index &+ offset] <= high
  }
  switch first {
  case 0xC2...0xDF: return continues(1, 0x80, 0xBF) ? 2 : 0
  case 0xE0...0xEF:
    let low: UInt8 = first == 0xE0 ? 0xA0 : 0x80
    let high: UInt8 = first == 0xED ? 0x9F : 0xBF
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0
  case 0xF0...0xF4:
    let low: UInt8 = first == 0xF0 ? 0x90 : 0x80
    let high: UInt8 = first == 0xF4 ? 0x8F : 0xBF
    return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0
  default: return 0
  }
}

/// The scalar value of a well-formed UTF-8 sequence of `length` bytes at `index`.
@inlinable public func utf8Scalar(
  _ bytes: UnsafeBufferPointer<UInt8>, at index: Int, length: Int
) -> UInt32 {
  let first = UInt32(bytes[index])
  @inline(__always) func low(_ offset: Int) -> UInt32 { UInt32(bytes[index &+ offset]) & 0x3F }
  switch length {
  case 1: return first
  case 2: return (first & 0x1F) &<< 6 | low(1)
  case 3: return (first & 0x0F) &<< 12 | low(1) &<< 6 | low(2)
  default: return (first & 0x07) &<< 18 | low(1) &<< 12 | low(2) &<< 6 | low(3)
  }
}
