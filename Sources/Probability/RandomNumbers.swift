// SPDX-License-Identifier: Apache-2.0

/// Random numbers that are a function of (seed, record, step): the same for any number of threads,
/// any batching, and any machine.
///
/// Philox 4x32 with 10 rounds. Reference: Salmon, Moraes, Dror & Shaw 2011, «Parallel random numbers:
/// as easy as 1, 2, 3», figure 3 and table 2.
public struct RandomNumbers: Sendable {
  private let key: SIMD2<UInt32>

  public init(seed: UInt64) {
    key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
  }

  /// 128 random bits for one counter.
  public func bits(record: UInt64, step: UInt64) -> SIMD4<UInt32> {
    var (x, y) = (UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32))
    var (z, w) = (UInt32(truncatingIfNeeded: record), UInt32(truncatingIfNeeded: record >> 32))
    var (first, second) = (key.x, key.y)
    for _ in 0..<10 {
      let low = UInt64(x) &* 0xD251_1F53
      let high = UInt64(z) &* 0xCD9E_8D57
      x = UInt32(truncatingIfNeeded: high >> 32) ^ y ^ first
      y = UInt32(truncatingIfNeeded: high)
      z = UInt32(truncatingIfNeeded: low >> 32) ^ w ^ second
      w = UInt32(truncatingIfNeeded: low)
      first &+= 0x9E37_79B9
      second &+= 0xBB67_AE85
    }
    return SIMD4(x, y, z, w)
  }

  /// A number in [0, 1) with 53 random bits.
  public func uniform(record: UInt64, step: UInt64) -> Double {
    var numbers = numbers(record: record, step: step)
    return numbers.uniform()
  }

  /// As many random numbers as one step of one record may need.
  public func numbers(record: UInt64, step: UInt64) -> StepNumbers {
    StepNumbers(self, record: record, step: step)
  }
}

/// The random numbers of one step of one record.
public struct StepNumbers: RandomNumberGenerator, Sendable {
  private let source: RandomNumbers
  private let record: UInt64
  /// The step; the numbers after the first two count on in its upper sixteen bits.
  private var step: UInt64
  private var bits: SIMD4<UInt32>
  private var isHalfUsed = false

  init(_ source: RandomNumbers, record: UInt64, step: UInt64) {
    precondition(step < 1 << 48)
    self.source = source
    self.record = record
    self.step = step
    bits = source.bits(record: record, step: step)
  }

  /// 64 random bits.
  public mutating func next() -> UInt64 {
    if isHalfUsed {
      let result = UInt64(bits.z) << 32 | UInt64(bits.w)
      step &+= 1 << 48
      bits = source.bits(record: record, step: step)
      isHalfUsed = false
      return result
    }
    isHalfUsed = true
    return UInt64(bits.x) << 32 | UInt64(bits.y)
  }

  /// A number in [0, 1) with 53 random bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
