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

  /// Reads `plain[:α]` (α is 1) or `gnmt[:α]` (0.6); nothing when it is neither, or α is negative.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", maxSplits: 1)
    let exponent = parts.count == 2 ? Double(parts[1]) ?? -1 : parts.first == "gnmt" ? 0.6 : 1
    guard exponent >= 0, exponent.isFinite else { return nil }
    switch parts.first {
    case "plain": self = .plain(exponent: exponent)
    case "gnmt": self = .gnmt(exponent: exponent)
    default: return nil
    }
  }

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
