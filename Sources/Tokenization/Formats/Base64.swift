// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Bytes as text, RFC 4648, section 4.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encoded(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let bytes = Array(bytes)
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count * 4 / 3 + 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      let word = (0..<3).reduce(0) { $0 << 8 | Int($1 < count ? bytes[start + $1] : 0) }
      for place in 0..<4 {
        output.append(place <= count ? alphabet[word >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return output
  }

  /// - Returns: nothing when the text is not well formed.
  static func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
    var output = ByteBuffer(capacity: text.count)
    let isWellFormed = Array(text).withUnsafeBufferPointer { decode($0, into: &output) }
    return isWellFormed ? Array(output.bytes) : nil
  }

  /// Appends the bytes that `text` stands for; false when it is not well formed.
  static func decode(
    _ text: UnsafeBufferPointer<UInt8>, into output: inout ByteBuffer
  ) -> Bool {
    guard text.count % 4 == 0 else { return false }
    return values.withUnsafeBufferPointer { values in
      for start in stride(from: 0, to: text.count, by: 4) {
        var padding = 0
        if start + 4 == text.count {
          while padding < 2, text[start + 3 - padding] == UInt8(ascii: "=") { padding += 1 }
        }
        var bits: UInt32 = 0
        for place in 0..<4 - padding {
          let value = values[Int(text[start + place])]
          guard value < 64 else { return false }
          bits |= UInt32(value) << UInt32(18 - 6 * place)
        }
        for place in 0..<3 - padding {
          output.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * place)))
        }
      }
      return true
    }
  }

  /// What each byte stands for, 64 and more for none.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
    return values
  }()

  static func value(of byte: UInt8) -> UInt8? {
    values[Int(byte)] < 64 ? values[Int(byte)] : nil
  }
}
