// SPDX-License-Identifier: Apache-2.0

extension ByteBuffer {
  /// Appends a number in decimal, with at most 14 significant digits and no zeros at its end.
  ///
  ///     1/8 -> 0.125     2/3 -> 0.66666666666667     1e-6 -> 1e-6     -∞ -> -inf     NaN -> nan
  ///
  /// What was computed in Double through logarithms is good to these digits; the shortest decimal
  /// that gives back every bit would show e^(ln 1/8) as 0.12500000000000003. Only the four basic
  /// operations are used, so that every machine prints the same.
  public mutating func append(number value: Double) {
    guard value.isFinite else {
      append(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
      return
    }
    if value < 0 { append(UInt8(ascii: "-")) }
    let magnitude = value.magnitude
    guard magnitude > 0 else { return append(UInt8(ascii: "0")) }
    // The decimal exponent from the binary one, at most one too small or too large.
    // 315 653 / 2^20 is log10(2) to six digits.
    var exponent = (Int(magnitude.exponent) &* 315_653) &>> 20
    var scaled = ByteBuffer.scaled(magnitude, byPowerOfTen: 13 - exponent)
    if scaled >= 99_999_999_999_999.5 {
      exponent += 1
      scaled = ByteBuffer.scaled(magnitude, byPowerOfTen: 13 - exponent)
    } else if scaled < 9_999_999_999_999.95 {
      exponent -= 1
      scaled = ByteBuffer.scaled(magnitude, byPowerOfTen: 13 - exponent)
    }
    // Exact: at this size a Double has steps of less than a half.
    var digits = UInt64(scaled + 0.5)
    if digits >= 100_000_000_000_000 {
      digits /= 10
      exponent += 1
    }
    var digitCount = 14
    while digits % 10 == 0, digitCount > 1 {
      digits /= 10
      digitCount -= 1
    }
    append(digits: digits, count: digitCount, exponent: exponent)
  }

  /// Appends d.ddd × 10^exponent: plainly where that takes few zeros, else with an exponent.
  private mutating func append(digits: UInt64, count digitCount: Int, exponent: Int) {
    reserve(48)
    let start = base + count
    let point = exponent + 1
    if point > 15 || point < -4 {
      ByteBuffer.write(digits, count: digitCount, to: start + 1)
      start[0] = start[1]
      start[1] = UInt8(ascii: ".")
      count += digitCount == 1 ? 1 : digitCount + 1
      append(UInt8(ascii: "e"))
      if exponent < 0 { append(UInt8(ascii: "-")) }
      append(decimal: UInt64(exponent.magnitude))
    } else if point <= 0 {
      start[0] = 0x30
      start[1] = UInt8(ascii: ".")
      (start + 2).update(repeating: 0x30, count: -point)
      ByteBuffer.write(digits, count: digitCount, to: start + 2 - point)
      count += 2 - point + digitCount
    } else if point < digitCount {
      ByteBuffer.write(digits, count: digitCount, to: start + 1)
      for index in 0..<point { start[index] = start[index + 1] }
      start[point] = UInt8(ascii: ".")
      count += digitCount + 1
    } else {
      ByteBuffer.write(digits, count: digitCount, to: start)
      (start + digitCount).update(repeating: 0x30, count: point - digitCount)
      count += point
    }
  }

  /// Writes a number of so many digits, 1 to 16; behind them bytes are overwritten, 16 in all.
  private static func write(
    _ digits: UInt64, count: Int, to start: UnsafeMutablePointer<UInt8>
  ) {
    let (high, low) = (digits &* integerPowersOfTen[16 - count])
      .quotientAndRemainder(dividingBy: 100_000_000)
    let target = UnsafeMutableRawPointer(start)
    target.storeBytes(of: eightDigits(high).littleEndian, as: UInt64.self)
    target.storeBytes(of: eightDigits(low).littleEndian, toByteOffset: 8, as: UInt64.self)
  }

  private static let integerPowersOfTen: [UInt64] = [
    1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
    10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000,
    1_000_000_000_000_000,
  ]

  /// The digits of a number below 10^8 as characters, the first in the lowest byte.
  ///
  /// Halves of it in lanes of one word, three times: each lane by itself divided by a constant that is
  /// a multiplication (Khuong, "How to print integers really fast", 2012).
  private static func eightDigits(_ number: UInt64) -> UInt64 {
    // 10^4: number / 10 000 in the lower lane, the rest in the upper.
    let top = number / 10_000
    let halves = top | (number &- top &* 10_000) &<< 32
    // 10^2: 10 486 / 2^20 is 1/100 for what is below 10 000.
    let hundreds = ((halves &* 10_486) &>> 20) & 0x7F_0000_007F
    let quarters = hundreds | (halves &- hundreds &* 100) &<< 16
    // 10: 103 / 2^10 is 1/10 for what is below 100.
    let tens = ((quarters &* 103) &>> 10) & 0x0F_000F_000F_000F
    return (tens | (quarters &- tens &* 10) &<< 8) | 0x3030_3030_3030_3030
  }

  private static func scaled(_ value: Double, byPowerOfTen power: Int) -> Double {
    var result = value
    var rest = power
    // Powers up to 22 are exact in Double.
    while rest > 22 {
      result *= 1e22
      rest -= 22
    }
    while rest < -22 {
      result /= 1e22
      rest += 22
    }
    return rest < 0 ? result / powersOfTen[-rest] : result * powersOfTen[rest]
  }

  private static let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17,
    1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}
