// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

/// Some n-grams of one order and how often each was seen: what count readers hand on.
///
///     the pig eats  2        order 3, tokens [the, pig, eats], counts [2]
public struct CountBlock: Sendable {
  /// Tokens of one n-gram: its context, oldest first, and the predicted token.
  public let order: Int
  /// [count, order], row-major.
  public var tokens: [Token] = []
  /// [count]
  public var counts: [UInt64] = []

  public init(order: Int) { self.order = order }

  /// Number of n-grams.
  public var count: Int { counts.count }

  /// The longest n-gram that counts hold, the column of positional counts among its tokens.
  public static let maximumOrder = 16

  /// The error of an n-gram that is longer.
  static func tooLong(_ order: Int) -> StreamError {
    StreamError(
      .none, "an n-gram of order \(order), above \(maximumOrder)",
      advice: "counts are tokens, a TAB and a number")
  }
}
