// SPDX-License-Identifier: Apache-2.0

/// Shares out the probability after one context: what one estimator of the back-off family is.
///
/// p(w|h) is the share of w plus, for the interpolated ones, what is left times p(w|h') of the context
/// without its first token; the others leave that to tokens that never followed h.
protocol Smoothing: Sendable {
  /// Whether seen tokens get their part of what is left, too.
  var isInterpolated: Bool { get }

  /// Whether lower orders count distinct left neighbours instead of occurrences.
  var countsContinuations: Bool { get }

  /// Learns from one order, before its contexts are shared out.
  ///
  /// - length: tokens of the n-grams.
  /// - counts: how many n-grams have a count of 1, 2, ..., 7, at indices 1 to 7.
  /// - Returns: a fact worth showing, and whether it is a warning.
  mutating func prepare(length: Int, countsOfCounts counts: [Int]) -> EstimationRemark?

  /// Fills the shares of the tokens that followed a context.
  ///
  /// - counts: [types], all above 0.
  /// - shares: [types]
  /// - Returns: what is left for the lower order: 1 less the sum of the shares.
  func share(
    _ counts: UnsafeBufferPointer<UInt64>, length: Int,
    into shares: UnsafeMutableBufferPointer<Double>
  ) -> Double
}

extension Smoothing {
  var isInterpolated: Bool { true }
  var countsContinuations: Bool { false }
  mutating func prepare(length: Int, countsOfCounts: [Int]) -> EstimationRemark? { nil }

  /// The same for arrays.
  func share(_ counts: [UInt64], length: Int, into shares: inout [Double]) -> Double {
    counts.withUnsafeBufferPointer { counts in
      shares.withUnsafeMutableBufferPointer { share(counts, length: length, into: $0) }
    }
  }
}

/// Something that an estimator has to say: its parameters, or that it fell back.
public struct EstimationRemark: Hashable, Sendable {
  public var text: String
  public var isWarning: Bool
}

/// Absolute discounting: d off each count; unigrams are relative frequencies.
///
/// Reference: Ney, Essen & Kneser 1994, eq. 13; in back-off form.
struct AbsoluteDiscounting: Smoothing {
  let discount: Double
  var isInterpolated: Bool { false }

  func share(
    _ counts: UnsafeBufferPointer<UInt64>, length: Int,
    into shares: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    let discount = length == 1 ? 0 : discount
    let total = Double(counts.reduce(0, &+))
    for index in counts.indices { shares[index] = (Double(counts[index]) - discount) / total }
    return discount * Double(counts.count) / total
  }
}

/// Witten-Bell: a context leaves as much as it had new tokens.
///
/// Reference: Witten & Bell 1991, method C; interpolated as in Chen & Goodman 1998, eq. 17.
struct WittenBell: Smoothing {
  func share(
    _ counts: UnsafeBufferPointer<UInt64>, length: Int,
    into shares: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    let total = Double(counts.reduce(0, &+)) + Double(counts.count)
    for index in counts.indices { shares[index] = Double(counts[index]) / total }
    return Double(counts.count) / total
  }
}

/// The same weight for the lower order at every order, down to the uniform distribution.
///
/// Reference: Jelinek & Mercer 1980; Chen & Goodman 1998, eq. 12 with one λ.
struct RecursiveInterpolation: Smoothing {
  let weight: Double

  func share(
    _ counts: UnsafeBufferPointer<UInt64>, length: Int,
    into shares: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    let total = Double(counts.reduce(0, &+))
    for index in counts.indices { shares[index] = (1 - weight) * Double(counts[index]) / total }
    return weight
  }
}

/// Σ λ_k N(hw)/N(h) over the orders whose context was seen, weights rescaled to sum to one.
struct LinearInterpolation: Smoothing {
  /// λ of orders 1 to n.
  let weights: [Double]

  func share(
    _ counts: UnsafeBufferPointer<UInt64>, length: Int,
    into shares: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    let total = Double(counts.reduce(0, &+))
    // Unseen contexts nest: the orders up to this one are seen, those above are rescaled away.
    let below = weights[..<(length - 1)].reduce(0, +)
    let sum = below + weights[length - 1]
    let own = sum == 0 ? (length == 1 ? 1 : 0) : weights[length - 1] / sum
    for index in counts.indices { shares[index] = own * Double(counts[index]) / total }
    return sum == 0 ? 1 - own : below / sum
  }
}

/// Back-off from Good-Turing's discounted counts; counts above 5 are trusted.
///
/// Reference: Katz 1987, eq. 13; Chen & Goodman 1998, §2.5. Unigrams are relative frequencies.
struct Katz: Smoothing {
  /// [order][count] Ratio of discounted count to count, for counts 1 to the largest discounted.
  private var ratios: [Int: [Double]] = [:]
  private static let largest = 5
  private static let fallback = 0.5

  var isInterpolated: Bool { false }

  mutating func prepare(length: Int, countsOfCounts n: [Int]) -> EstimationRemark? {
    guard length > 1 else { return nil }
    let k = Katz.largest
    let isPopulated = (1...k + 1).allSatisfy { n[$0] > 0 }
    let common = isPopulated ? Double((k + 1) * n[k + 1]) / Double(n[1]) : 1
    let found = (1...k).map { (r: Int) -> Double in
      let ratio = Double((r + 1) * n[r + 1]) / Double(r * n[r])
      return (ratio - common) / (1 - common)
    }
    guard isPopulated, common < 1, found.allSatisfy({ $0 > 0 && $0 <= 1 }) else {
      return EstimationRemark(
        text: "order \(length): too few n-grams for Good-Turing's estimate; "
          + "\(Katz.fallback) is taken off each count instead", isWarning: true)
    }
    ratios[length] = found
    return EstimationRemark(
      text: "order \(length): counts 1 to \(k) times "
        + found.map { "\(Float($0))" }.joined(separator: " "), isWarning: false)
  }

  func share(
    _ counts: UnsafeBufferPointer<UInt64>, length: Int,
    into shares: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    let total = Double(counts.reduce(0, &+))
    var left = 0.0
    for (index, count) in counts.enumerated() {
      let kept: Double
      if length == 1 {
        kept = Double(count)
      } else if let ratios = ratios[length] {
        kept = Double(count) * (count <= UInt64(Katz.largest) ? ratios[Int(count) - 1] : 1)
      } else {
        kept = Double(count) - Katz.fallback
      }
      shares[index] = kept / total
      left += (Double(count) - kept) / total
    }
    return left
  }
}
