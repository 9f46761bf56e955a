// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Log10 values as ARPA files spell them.
///
/// A value that single precision holds is written in the fewest digits that lead back to it there, as
/// KenLM does; others in the fewest that lead back to them in double precision. When read, up to nine
/// significant digits mean single precision.
enum DecimalNumber {
  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

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
    var exponent = 0
    if magnitude >= 10 {
      exponent = 5
      while magnitude < powers[exponent] { exponent -= 1 }
    } else {
      while magnitude * powers[-exponent] < 1 { exponent -= 1 }
    }
    // Nine digits always lead back. Where six do, seven give the same with a zero behind, which is left
    // out; but not just below 0.001, where half a step of single precision is more than half of the seventh
    // digit.
    for digitCount in (magnitude < 0.001 ? 6 : 7)...9 {
      let scale = digitCount - 1 - exponent
      // Rounded; half of the last digit is far above the error of the sum.
      let digits = UInt64(magnitude * powers[scale] + 0.5)
      if digitCount == 9 || Float(Double(digits) / powers[scale]) == abs(single) {
        return append(digits, scale: scale, to: &output)
      }
    }
  }

  /// Appends digits / 10^scale without trailing zeros.
  private static func append(_ digits: UInt64, scale: Int, to output: inout ByteBuffer) {
    let divisor = wholePowers[scale]
    var (whole, fraction) = digits.quotientAndRemainder(dividingBy: divisor)
    if whole < 10 {
      output.append(0x30 &+ UInt8(truncatingIfNeeded: whole))
      whole = 0
    } else {
      output.append(decimal: whole)
    }
    guard fraction > 0 else { return }
    output.append(UInt8(ascii: "."))
    output.reserve(16)
    var place = scale
    while place > 8, fraction > 0 {
      // The first of the digits behind the point, until eight are left.
      place -= 1
      let (digit, rest) = fraction.quotientAndRemainder(dividingBy: wholePowers[place])
      output.append(0x30 &+ UInt8(truncatingIfNeeded: digit))
      fraction = rest
    }
    guard fraction > 0 else { return }
    let text = eightDigits(fraction &* wholePowers[8 - place])
    output.reserve(8)
    UnsafeMutableRawPointer(output.base + output.count).storeBytes(
      of: (text | 0x3030_3030_3030_3030).littleEndian, as: UInt64.self)
    output.count += 8 - text.leadingZeroBitCount / 8
  }

  private static let wholePowers: [UInt64] = (0...19).map { exponent in
    (0..<exponent).reduce(1) { power, _ in power * 10 }
  }

  /// The eight digits of a number below 10^8, the first in the lowest byte.
  ///
  /// Halves, then quarters of the digits are taken apart side by side in one word.
  @inline(__always)
  private static func eightDigits(_ number: UInt64) -> UInt64 {
    let (high, low) = (number / 10_000, number % 10_000)
    let halves = high | low &<< 32
    let hundreds = (halves &* 10_486) &>> 20 & 0x0000_007F_0000_007F
    let quarters = hundreds | (halves &- 100 &* hundreds) &<< 16
    let tens = (quarters &* 103) &>> 10 & 0x000F_000F_000F_000F
    return tens | (quarters &- 10 &* tens) &<< 8
  }

  /// Reads a number; nothing when the bytes are none, or not finite.
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
    // Up to eighteen digits, perhaps with a sign and a point, are nearly all there are.
    let isNegative = bytes.first == UInt8(ascii: "-")
    var mantissa: UInt64 = 0
    var index = isNegative ? 1 : 0
    var point: Int?
    guard bytes.count < 19 else { return parseAny(bytes) }
    while index < bytes.count {
      let byte = bytes[index]
      if byte &- 0x30 < 10 {
        mantissa = mantissa &* 10 &+ UInt64(byte &- 0x30)
      } else if byte == UInt8(ascii: "."), point == nil {
        point = index
      } else {
        return parseAny(bytes)
      }
      index &+= 1
    }
    let scale = point.map { bytes.count - $0 - 1 } ?? 0
    guard mantissa < 1 << 53, bytes.count - (isNegative ? 1 : 0) > (point == nil ? 0 : 1) else {
      return parseAny(bytes)
    }
    // Both exact, so that one division rounds correctly.
    var magnitude = Double(mantissa) / powers[scale]
    if mantissa < 1_000_000_000 { magnitude = Double(Float(magnitude)) }
    return isNegative ? -magnitude : magnitude
  }

  /// The same for numbers of any length and form.
  private static func parseAny(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
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
