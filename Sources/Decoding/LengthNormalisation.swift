// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// What a hypothesis is ranked by: its log-probability, divided by a power of its length or not.
///
/// Without it a search prefers short records, since every further symbol costs.
public enum LengthNormalisation: Hashable, Sendable {
  case none
  /// ln p / length^α. Reference: Hugging Face's `length_penalty`.
  case plain(exponent: Double)
  /// ln p / ((5 + length) / 6)^α. Reference: Wu et al. 2016, «Google's neural machine translation
  /// system», eq. 14.
  case gnmt(exponent: Double)

  /// The score of a hypothesis of `length` predicted symbols, its `</s>` among them.
  public func score(_ logProbability: Double, length: Int) -> Double {
    switch self {
    case .none: logProbability
    case .plain(let exponent): logProbability / pow(Double(length), exponent)
    case .gnmt(let exponent): logProbability / pow((5 + Double(length)) / 6, exponent)
    }
  }

  /// No continuation up to `maximumLength` symbols scores more than this.
  func bound(_ logProbability: Double, length: Int, maximumLength: Int) -> Double {
    // A log-probability never grows, and exponents are not negative: best is to stay as probable and
    // become as long as can be.
    score(logProbability, length: max(length, maximumLength))
  }
}
