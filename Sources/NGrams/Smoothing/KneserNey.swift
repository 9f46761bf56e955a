// SPDX-License-Identifier: Apache-2.0

/// Interpolated Kneser-Ney smoothing, with one discount an order or three (modified).
///
/// Reference: Chen & Goodman 1998, §3: eq. 23 to 26. Differs: what is left after a context counts all
/// its discounts, also those of counts above 3, so that probabilities sum to one.
struct KneserNey: Smoothing {
  let isModified: Bool
  /// [length] Discounts of counts 1, 2, and 3 or more.
  private(set) var discounts = [SIMD4<Double>](
    repeating: .zero, count: CountBlock.maximumOrder + 1)
  /// Those that are not to be estimated.
  private let given: GivenDiscounts

  init(isModified: Bool, given: GivenDiscounts = GivenDiscounts()) {
    self.isModified = isModified
    self.given = given
  }

  var countsContinuations: Bool { true }

  mutating func prepare(length: Int, countsOfCounts n: [Int]) -> EstimationRemark? {
    if let values = given.values[length] {
      discounts[length] = [0, values[0], values[values.count > 1 ? 1 : 0], values.last!]
      return EstimationRemark(text: "order \(length): discounts as given", isWarning: false)
    }
    let found = isModified ? KneserNey.modifiedDiscounts(n) : KneserNey.discount(n)
    switch found {
    case .success(let values):
      discounts[length] = values
      return EstimationRemark(
        text: isModified
          ? "order \(length): discounts \(values[1]) \(values[2]) \(values[3])"
          : "order \(length): discount \(values[1])", isWarning: false)
    case .failure(let reason):
      let values: SIMD4<Double> = isModified ? [0, 0.5, 1, 1.5] : [0, 0.5, 0.5, 0.5]
      discounts[length] = values
      return EstimationRemark(
        text: "order \(length): \(reason.text); discounts fall back to "
          + (isModified ? "0.5, 1 and 1.5" : "0.5"), isWarning: true)
    }
  }

  private struct Reason: Error { var text: String }

  /// D = n1 / (n1 + 2 n2). n1, n2: number of n-grams counted once, twice. Reference: eq. 24.
  private static func discount(_ n: [Int]) -> Result<SIMD4<Double>, Reason> {
    guard n[1] > 0 else { return .failure(Reason(text: "no n-gram has a count of 1")) }
    let value = Double(n[1]) / Double(n[1] + 2 * n[2])
    return .success([0, value, value, value])
  }

  /// D_j = j - (j + 1) Y n_{j+1} / n_j with Y = n1 / (n1 + 2 n2). Reference: eq. 26.
  private static func modifiedDiscounts(_ n: [Int]) -> Result<SIMD4<Double>, Reason> {
    for j in 1...3 where n[j] == 0 {
      return .failure(Reason(text: "no n-gram has a count of \(j)"))
    }
    let y = Double(n[1]) / Double(n[1] + 2 * n[2])
    var values = SIMD4<Double>()
    for j in 1...3 {
      values[j] = Double(j) - Double(j + 1) * y * Double(n[j + 1]) / Double(n[j])
      guard values[j] >= 0, values[j] <= Double(j) else {
        return .failure(Reason(text: "the discount of count \(j) would be \(Float(values[j]))"))
      }
    }
    return .success(values)
  }

  func share(
    _ counts: UnsafeBufferPointer<UInt64>, length: Int,
    into shares: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    let discounts = discounts[length]
    var total: UInt64 = 0
    var left = 0.0
    for count in counts {
      total &+= count
      left += discounts[Int(min(count, 3))]
    }
    let denominator = Double(total)
    for (index, count) in counts.enumerated() {
      shares[index] = (Double(count) - discounts[Int(min(count, 3))]) / denominator
    }
    return left / denominator
  }
}
