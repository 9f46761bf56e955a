// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A number with so many digits after the point.
func rounded(_ number: Double, _ digits: Int) -> String { formatted("%.*f", digits, number) }

/// A number with so many significant digits, without zeros at the end.
func significant(_ number: Double, _ digits: Int = 6) -> String {
  formatted("%.*g", digits, number)
}

private func formatted(_ format: String, _ digits: Int, _ number: Double) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  withVaList([CInt(digits), number]) { _ = vsnprintf(&buffer, buffer.count, format, $0) }
  return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}
