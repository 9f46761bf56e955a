// SPDX-License-Identifier: Apache-2.0

/// √Σ g², summed in Double in index order, in eight interleaved parts.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
public func norm<Scalar: BinaryFloatingPoint>(
  _ block: UnsafeMutableBufferPointer<Scalar>
) -> Double {
  var sums = SIMD8<Double>()
  var index = 0
  while index + 8 <= block.count {
    for lane in 0..<8 {
      let value = Double(block[index + lane])
      sums[lane] += value * value
    }
    index += 8
  }
  var total = sums.sum()
  while index < block.count {
    total += Double(block[index]) * Double(block[index])
    index += 1
  }
  return total.squareRoot()
}

/// The factor that brings a gradient of norm `norm` down to at most `limit`; 1 without a limit.
///
/// Reference: Pascanu, Mikolov & Bengio 2013, algorithm 1.
public func clippingScale(norm: Double, limit: Double?) -> Double {
  guard let limit, norm > limit else { return 1 }
  return limit / norm
}
