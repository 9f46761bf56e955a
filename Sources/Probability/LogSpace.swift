// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// ln(Σ e^x) without overflow; −∞ for nothing or for −∞ alone.
public func logSumExp(_ values: UnsafeBufferPointer<Double>) -> Double {
  let maximum = values.max() ?? -.infinity
  // Subtract the maximum: exp overflows above 709. Sum in index order.
  guard maximum > -.infinity, maximum < .infinity else { return maximum }
  // Of what is far below the maximum the exponential is zero, and not computed.
  return maximum + log(values.reduce(0) { $1 - maximum < -746 ? $0 : $0 + exp($1 - maximum) })
}

/// ln(e^a + e^b) without overflow.
public func logAdd(_ a: Double, _ b: Double) -> Double {
  let (low, high) = a < b ? (a, b) : (b, a)
  return low == -.infinity ? high : high + log1p(exp(low - high))
}

/// The unit in which a log-probability is shown; inside the programs it is always the nat.
public enum LogUnit: String, CaseIterable, Sendable {
  case bits, nats, log10

  /// Multiply nats by this.
  public var perNat: Double {
    switch self {
    case .bits: 1 / log(2)
    case .nats: 1
    case .log10: 1 / log(10)
    }
  }
}
