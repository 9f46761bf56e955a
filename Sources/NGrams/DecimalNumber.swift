// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Log10 values as ARPA files spell them.
///
/// A value that single precision holds is written in the fewest digits that lead back to it there, as
/// KenLM does; others in the fewest that lead back to them in double precision. When read, up to nine
/// significant digits mean single precision.
enum DecimalNumber {
  private static let powers: [Double] = (0...22).map { exponent in
    (0..<exponent).reduce(1) { power, _ in power * 10 }
  }

  /// Appends `value`; −∞ is -99.
  static func append(_ value: Double, to output: inout ByteBuffer) {
    if value == 0 { return output.append(UInt8(ascii: "0")) }
    if value <= -99 { return output.append("-99") }
    let single = Float(value)
    let magnitude = abs(value)
    guard Double(single) == value, magnitude >= 1e-5, magnitude < 1e6 else {
      return output.append(Double(single) == value ? "\(single)" : "\(value)")
    }
    if value < 0 { output.append(UInt8(ascii: "-")) }
    // 10^exponent <= magnitude < 10^(exponent + 1)
    var exponent = 5
    while exponent > 0, magnitude < powers[exponent] { exponent -= 1 }
    if magnitude < 1 {
      exponent = -1
      while magnitude * powers[-exponent] < 1 { exponent -= 1 }
    }
    // Nine digits always lead back.
    var scale = 8 - exponent
    var digits = (magnitude * powers[scale]).rounded()
    for digitCount in 6...8 {
      let shorterScale = digitCount - 1 - exponent
      let shorter = (magnitude * powers[shorterScale]).rounded()
      if Float(shorter / powers[shorterScale]) == abs(single) {
        (scale, digits) = (shorterScale, shorter)
        break
      }
    }
    append(UInt64(digits), scale: scale, to: &output)
  }

  /// Appends digits / 10^scale without trailing zeros.
  private static func append(_ digits: UInt64, scale: Int, to output: inout ByteBuffer) {
    var (digits, scale) = (digits, scale)
    while scale > 0 {
      let (quotient, remainder) = digits.quotientAndRemainder(dividingBy: 10)
      if remainder != 0 { break }
      digits = quotient
      scale -= 1
    }
    output.reserve(32)
    let start = output.base + output.count
    // Digits from the last, the point where `scale` of them are behind it, at least one before it.
    var text: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    withUnsafeMutableBytes(of: &text) { text in
      var index = text.count
      var position = 0
      while digits > 0 || position <= scale {
        if position == scale, scale > 0 {
          index -= 1
          text[index] = UInt8(ascii: ".")
        }
        let (quotient, remainder) = digits.quotientAndRemainder(dividingBy: 10)
        index -= 1
        text[index] = 0x30 + UInt8(truncatingIfNeeded: remainder)
        digits = quotient
        position += 1
      }
      start.update(
        from: text.baseAddress!.assumingMemoryBound(to: UInt8.self) + index,
        count: text.count - index)
      output.count += text.count - index
    }
  }

  /// Reads a number; nothing when the bytes are none, or not finite.
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
    var index = 0
    let isNegative = bytes.first == UInt8(ascii: "-")
    if isNegative || bytes.first == UInt8(ascii: "+") { index = 1 }
    var mantissa: UInt64 = 0
    var digitCount = 0
    var significantCount = 0
    var scale = 0
    var hasPoint = false
    while index < bytes.count {
      let byte = bytes[index]
      if byte &- 0x30 < 10 {
        digitCount += 1
        if significantCount > 0 || byte != 0x30 { significantCount += 1 }
        if significantCount <= 19 {
          mantissa = mantissa &* 10 &+ UInt64(byte &- 0x30)
          if hasPoint { scale += 1 }
        } else if !hasPoint {
          scale -= 1
        }
      } else if byte == UInt8(ascii: "."), !hasPoint {
        hasPoint = true
      } else {
        break
      }
      index += 1
    }
    guard digitCount > 0 else { return nil }
    if index < bytes.count {
      guard bytes[index] | 0x20 == UInt8(ascii: "e"), index + 1 < bytes.count else { return nil }
      index += 1
      let isSmall = bytes[index] == UInt8(ascii: "-")
      if isSmall || bytes[index] == UInt8(ascii: "+") { index += 1 }
      guard index < bytes.count else { return nil }
      var exponent = 0
      while index < bytes.count {
        guard bytes[index] &- 0x30 < 10 else { return nil }
        exponent = min(exponent * 10 + Int(bytes[index] - 0x30), 9999)
        index += 1
      }
      scale += isSmall ? exponent : -exponent
    }
    var magnitude: Double
    if mantissa < 1 << 53, (-22...22).contains(scale) {
      // Both exact, so that one division rounds correctly.
      magnitude = scale >= 0 ? Double(mantissa) / powers[scale] : Double(mantissa) * powers[-scale]
    } else {
      magnitude = Double(String(decoding: bytes, as: UTF8.self)).map { abs($0) } ?? .infinity
    }
    if significantCount <= 9 { magnitude = Double(Float(magnitude)) }
    guard magnitude < .infinity else { return nil }
    return isNegative ? -magnitude : magnitude
  }
}

/// `DecimalNumber` for the tests, in strings.
package enum ARPANumber {
  package static func text(_ value: Double) -> String {
    var buffer = ByteBuffer()
    DecimalNumber.append(value, to: &buffer)
    return String(decoding: buffer.bytes, as: UTF8.self)
  }

  package static func value(_ text: String) -> Double? {
    Array(text.utf8).withUnsafeBufferPointer { DecimalNumber.parse($0) }
  }
}
