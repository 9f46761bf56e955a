// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// N-grams as numbers of 64-bit words, the least significant first: each token in as few bits as the
/// vocabulary needs, the first token in the highest bits, so that numbers are ordered as tuples of
/// tokens.
struct TokenPacking: Sendable {
  let bitsPerToken: Int

  init(vocabularyCount: Int) {
    bitsPerToken = max(1, Int.bitWidth - (vocabularyCount - 1).leadingZeroBitCount)
  }

  /// Bits of a link: the number of an n-gram of the next length, and whether it was ever predicted.
  static let linkBits = 33

  func wordCount(_ length: Int) -> Int { max(1, (length * bitsPerToken + 63) / 64) }
  func linkedBitCount(_ length: Int) -> Int { length * bitsPerToken + TokenPacking.linkBits }

  /// Writes `length` tokens as a number.
  @inline(__always)
  func pack(
    _ tokens: UnsafePointer<Token>, _ length: Int, into key: UnsafeMutablePointer<UInt64>
  ) {
    key.update(repeating: 0, count: wordCount(length))
    var shift = 0
    var position = length
    while position > 0 {
      position &-= 1
      let value = UInt64(tokens[position])
      key[shift &>> 6] |= value &<< UInt64(shift & 63)
      if shift & 63 &+ bitsPerToken > 64 {
        key[shift &>> 6 &+ 1] |= value &>> UInt64(64 &- shift & 63)
      }
      shift &+= bitsPerToken
    }
  }

  /// Reads a number's `length` tokens.
  @inline(__always)
  func unpack(
    _ key: UnsafePointer<UInt64>, _ length: Int, into tokens: UnsafeMutablePointer<Token>
  ) {
    let mask = (UInt64(1) &<< UInt64(bitsPerToken)) &- 1
    var shift = 0
    var position = length
    while position > 0 {
      position &-= 1
      var value = key[shift &>> 6] &>> UInt64(shift & 63)
      if shift & 63 &+ bitsPerToken > 64 {
        value |= key[shift &>> 6 &+ 1] &<< UInt64(64 &- shift & 63)
      }
      tokens[position] = Token(truncatingIfNeeded: value & mask)
      shift &+= bitsPerToken
    }
  }

  /// Writes the last `length` tokens of a number, and a link in the bits below them.
  @inline(__always)
  func packSuffix(
    of key: UnsafePointer<UInt64>, _ length: Int, link: UInt64,
    into target: UnsafeMutablePointer<UInt64>
  ) {
    let bitCount = linkedBitCount(length)
    let count = (bitCount &+ 63) &>> 6
    let sourceCount = wordCount(length)
    target[0] = key[0] &<< UInt64(TokenPacking.linkBits) | link
    var word = 1
    while word < count {
      target[word] = key[word &- 1] &>> UInt64(64 &- TokenPacking.linkBits)
      if word < sourceCount { target[word] |= key[word] &<< UInt64(TokenPacking.linkBits) }
      word &+= 1
    }
    target[count &- 1] &= UInt64.max &>> UInt64(count &* 64 &- bitCount)
  }

  /// The tokens of what `packSuffix` wrote.
  @inline(__always)
  func withoutLink(
    _ linked: UnsafePointer<UInt64>, _ length: Int, into key: UnsafeMutablePointer<UInt64>
  ) {
    let linkedCount = (linkedBitCount(length) &+ 63) &>> 6
    for word in 0..<wordCount(length) {
      key[word] = linked[word] &>> UInt64(TokenPacking.linkBits)
      if word &+ 1 < linkedCount {
        key[word] |= linked[word &+ 1] &<< UInt64(64 &- TokenPacking.linkBits)
      }
    }
  }

  /// -1, 0 or 1 as number `a` is below, equal to or above `b`.
  @inline(__always)
  static func compare(
    _ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>, wordCount: Int
  ) -> Int {
    var word = wordCount &- 1
    while word > 0, a[word] == b[word] { word &-= 1 }
    return a[word] < b[word] ? -1 : a[word] == b[word] ? 0 : 1
  }
}
