// SPDX-License-Identifier: Apache-2.0

/// How far contexts are trusted against the next shorter ones: λ in
///
///     p_k(w|h) = λ c(hw) / c(h) + (1 − λ) p_{k−1}(w|h')
///
/// One weight for all contexts that are alike: of one length, seen about as often, with about as many
/// different symbols, of which one stands out or not. It is the share of symbols that came from such
/// contexts. Reference: Jelinek & Mercer 1980, «Interpolated estimation of Markov source parameters
/// from sparse data», whose expectation-maximisation runs here a symbol at a time and forgets.
struct LearntWeights {
  /// - explained, seen: [buckets], sums that are halved now and then.
  private var explained: [Double]
  private var seen: [Double]

  private static let totalClasses = 12
  private static let typeClasses = 8

  init(order: Int) {
    let count = (order + 1) * LearntWeights.totalClasses * LearntWeights.typeClasses * 2
    explained = Array(repeating: 1, count: count)
    seen = Array(repeating: 2, count: count)
  }

  static func bucket(_ context: borrowing AdaptiveContext, _ length: Int) -> Int {
    let totalClass = min(31 - context.total.leadingZeroBitCount, totalClasses - 1)
    let types = context.typeCount
    let typeClass =
      types <= 4 ? types - 1 : types < 8 ? 4 : types < 16 ? 5 : types < 32 ? 6 : 7
    let standsOut = UInt64(context.largestCount) * 4 >= UInt64(context.total) * 3 ? 1 : 0
    return ((length * totalClasses + totalClass) * typeClasses + typeClass) * 2 + standsOut
  }

  subscript(bucket: Int) -> Double { explained[bucket] / seen[bucket] }

  /// Adds that a symbol reached a context of this bucket with probability `share`, and came from it,
  /// not from a shorter one, with probability `posterior`.
  mutating func add(_ bucket: Int, share: Double, posterior: Double) {
    explained[bucket] += share * posterior
    seen[bucket] += share
    // Text changes as it goes on: old evidence fades.
    guard seen[bucket] > 2000 else { return }
    seen[bucket] /= 2
    // Never certain: a surprise must not cost more than some bits.
    explained[bucket] = min(explained[bucket] / 2, seen[bucket] - 0.5)
  }
}
