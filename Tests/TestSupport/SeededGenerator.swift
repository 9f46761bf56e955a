// SPDX-License-Identifier: Apache-2.0

/// A random generator that a test can repeat. Reference: Steele, Lea & Flood 2014, SplitMix64.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Bytes with a taste for trouble: controls, backslashes, `▁`, `<s>`, broken and valid UTF-8.
  public mutating func hostileBytes(count: Int) -> [UInt8] {
    let fragments: [[UInt8]] = [
      Array("<s>".utf8), Array("</s>".utf8), Array("<unk>".utf8), Array("▁".utf8), [0x5C],
      [0x0D, 0x0A], [0], [0xE2, 0x80, 0xA8], [0xC2, 0x85], [0xFF], [0xC3], Array("é".utf8),
      Array("日本".utf8), [0xF0, 0x9F], Array("😀".utf8), [0x20, 0x20], [0x09], [0x7F],
      Array("\\x41".utf8), Array("the pig".utf8),
    ]
    var bytes: [UInt8] = []
    while bytes.count < count {
      if Bool.random(using: &self) {
        bytes += fragments.randomElement(using: &self)!
      } else {
        bytes.append(UInt8.random(in: 0...255, using: &self))
      }
    }
    return Array(bytes.prefix(count))
  }
}
