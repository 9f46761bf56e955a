// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

// Arithmetic coding in integers: a stream of symbols is a number in [0, 1), which lies in the interval
// that the symbols' probabilities cut out. Both directions keep 64 bits of that interval.
// Reference: Moffat, Neal & Witten 1998, «Arithmetic coding revisited»; carries as in Schindler's
// range coder.

/// The largest sum of frequencies: it leaves intervals at least 2^16 times as wide as one frequency.
let largestFrequencyTotal: UInt64 = 1 << 40

/// ⌊range · cumulated / total⌋, in 128 bits between.
private func scaled(_ range: UInt64, _ cumulated: UInt64, _ total: UInt64) -> UInt64 {
  cumulated == total
    ? range
    : total.dividingFullWidth(range.multipliedFullWidth(by: cumulated)).quotient
}

/// Turns symbols, given as intervals of cumulated frequencies, into bytes.
struct ArithmeticEncoder: ~Copyable {
  private(set) var bytes = ByteBuffer(capacity: 1 << 12)
  private var low: UInt64 = 0
  private var range = UInt64.max

  /// Codes the symbol that has the frequencies from `start` up to `end`, of `total`.
  mutating func encode(_ start: UInt64, _ end: UInt64, of total: UInt64) {
    precondition(start < end && end <= total)
    let first = scaled(range, start, total)
    let last = scaled(range, end, total)
    add(first)
    range = last - first
    while range < 1 << 56 {
      bytes.append(UInt8(truncatingIfNeeded: low >> 56))
      low <<= 8
      range <<= 8
    }
  }

  /// Ends the code with as few bytes as tell its interval from all others; zeros at the end are not
  /// written, since the decoder reads zeros there.
  mutating func finish() {
    for byteCount in 0...8 {
      let mask = byteCount == 8 ? 0 : UInt64.max >> (8 * UInt64(byteCount))
      let value = (low &+ mask) & ~mask
      guard value &- low < range else { continue }
      add(value &- low)
      for index in 0..<byteCount {
        bytes.append(UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64(index))))
      }
      break
    }
    while let last = bytes.bytes.last, last == 0 { bytes.count -= 1 }
  }

  private mutating func add(_ amount: UInt64) {
    let (sum, overflow) = low.addingReportingOverflow(amount)
    low = sum
    guard overflow else { return }
    // The carry runs back through bytes of ones.
    var index = bytes.count - 1
    while bytes.base[index] == 0xFF {
      bytes.base[index] = 0
      index -= 1
    }
    bytes.base[index] += 1
  }
}

/// Gives back the symbols of a code.
struct ArithmeticDecoder {
  private let bytes: [UInt8]
  private var index = 0
  /// The code relative to the interval's lower end.
  private var code: UInt64 = 0
  private var range = UInt64.max

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    for _ in 0..<8 { shift() }
  }

  /// The cumulated frequency, of `total`, that the next symbol's interval holds.
  func target(of total: UInt64) -> UInt64 {
    // The largest c with ⌊range · c / total⌋ <= code: ⌊((code + 1) · total − 1) / range⌋. A code that
    // is no encoder's may lie past the end.
    guard code < range else { return total - 1 }
    let (high, low) = (code + 1).multipliedFullWidth(by: total)
    let (less, borrow) = low.subtractingReportingOverflow(1)
    let quotient = range.dividingFullWidth((borrow ? high - 1 : high, less)).quotient
    return min(quotient, total - 1)
  }

  /// Takes the symbol that has the frequencies from `start` up to `end`, of `total`.
  mutating func decode(_ start: UInt64, _ end: UInt64, of total: UInt64) {
    let first = scaled(range, start, total)
    code &-= first
    range = scaled(range, end, total) - first
    while range < 1 << 56 {
      shift()
      range <<= 8
    }
  }

  private mutating func shift() {
    code = code << 8 | UInt64(index < bytes.count ? bytes[index] : 0)
    index += 1
  }
}
