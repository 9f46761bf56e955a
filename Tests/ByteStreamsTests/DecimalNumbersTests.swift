// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import TestSupport
import Testing

private func decimal(_ value: Double) -> String {
  var buffer = ByteBuffer()
  buffer.append(number: value)
  return String(decoding: buffer.bytes, as: UTF8.self)
}

@Test(
  arguments: [
    (0.125, "0.125"), (0.12500000000000003, "0.125"), (0.66666666666666667, "0.66666666666667"),
    (1.0, "1"), (0.0, "0"), (100.0, "100"), (-13.5, "-13.5"), (0.30000000000000004, "0.3"),
    (99_999_999_999_999.9, "100000000000000"),
    (123456.0, "123456"), (1e-5, "0.00001"), (1.25e-6, "1.25e-6"), (1e-30, "1e-30"),
    (2.5e20, "2.5e20"), (2.2250738585072014e-308, "2.2250738585072e-308"), (Double.infinity, "inf"),
    (-Double.infinity, "-inf"),
    (Double.nan, "nan"), (9.99999999999999, "10"), (0.0198019801980198, "0.01980198019802"),
  ] as [(Double, String)]) func `numbers are shown with fourteen digits at most`(
    value: Double, text: String
  )
{
  #expect(decimal(value) == text)
}

@Test func `numbers of all sizes have the digits that the C library prints`() {
  var generator = SeededGenerator(seed: 6)
  for _ in 0..<20_000 {
    // Integers are exact: no scale is rounded.
    let count = Int.random(in: 0...13, using: &generator)
    let value = Int.random(in: 0..<Int(pow(10, Double(count + 1))), using: &generator)
    #expect(decimal(Double(value)) == "\(value)")
    // So are sums of few negative powers of two.
    let fraction = Double(value % 4096) / 4096 + Double(count)
    let expected = String(format: "%.12f", fraction).replacing(/\.?0+$/, with: "")
    #expect(decimal(fraction) == expected)
  }
}

@Test func `what is shown reads back within the fourteenth digit`() {
  var generator = SeededGenerator(seed: 5)
  for _ in 0..<20_000 {
    let value = Double(bitPattern: generator.next())
    guard value.isFinite, value.isNormal else { continue }
    let again = Double(decimal(value))!
    // Half a unit of the fourteenth digit, and the rounding of the scale.
    #expect(abs(again - value) <= 5.1e-14 * abs(value), "\(value)")
  }
}
