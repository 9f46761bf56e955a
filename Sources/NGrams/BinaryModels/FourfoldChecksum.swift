// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// A checksum of whole words in four strands, so that memory and not multiplication bounds its speed.
///
/// Word i goes to strand i mod 4, and the last words, less than four, to `checksum(of:seed:)`.
func fourfoldChecksum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
  var (a, b, c, d) = (UInt64(bytes.count), UInt64(1), UInt64(2), UInt64(3))
  @inline(__always) func mix(_ sum: inout UInt64, _ index: Int) {
    let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    FourfoldChecksum.mix(&sum, UInt64(littleEndian: word))
  }
  var index = 0
  while index + 32 <= bytes.count {
    mix(&a, index)
    mix(&b, index + 8)
    mix(&c, index + 16)
    mix(&d, index + 24)
    index += 32
  }
  let rest = UnsafeRawBufferPointer(rebasing: bytes[index...])
  return FourfoldChecksum.joined([a, b, c, d], rest.assumingMemoryBound(to: UInt8.self))
}

/// The same of bytes that come in parts.
struct FourfoldChecksum {
  private static let multiplier: UInt64 = 0xD6E8_FEB8_6659_FD93
  private var strands: [UInt64]
  private let strandWordCount: Int
  private var wordCount = 0
  private var rest = [UInt8]()

  /// - byteCount: bytes that come, in whole words.
  init(byteCount: Int) {
    strands = [UInt64(byteCount), 1, 2, 3]
    strandWordCount = byteCount / 32 * 4
  }

  /// Adds some words; zeros fill up the last.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    for index in stride(from: 0, to: bytes.count, by: 8) {
      var word: UInt64 = 0
      withUnsafeMutableBytes(of: &word) {
        $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[index...].prefix(8)))
      }
      if wordCount < strandWordCount {
        FourfoldChecksum.mix(&strands[wordCount & 3], UInt64(littleEndian: word))
      } else {
        withUnsafeBytes(of: word) { rest += $0 }
      }
      wordCount += 1
    }
  }

  var value: UInt64 { rest.withUnsafeBufferPointer { FourfoldChecksum.joined(strands, $0) } }

  @inline(__always)
  fileprivate static func mix(_ sum: inout UInt64, _ word: UInt64) {
    sum = (sum ^ word) &* multiplier
    sum ^= sum &>> 32
  }

  fileprivate static func joined(_ strands: [UInt64], _ rest: UnsafeBufferPointer<UInt8>) -> UInt64
  {
    let seed = strands.reduce(0) { ($0 ^ $1) &* multiplier ^ $1 &>> 32 }
    return checksum(of: rest, seed: seed)
  }
}
