// SPDX-License-Identifier: Apache-2.0

public import TokenStreams

/// Tokens of one vocabulary in the numbering of another, by how they are spelt.
public struct TokenTranslation: Sendable {
  /// [tokens of the first vocabulary]; `none` where the other lacks the spelling.
  private let tokens: [Token]

  /// What no vocabulary has.
  public static let none = Token.max

  /// Whether the other vocabulary has every spelling.
  public let isComplete: Bool

  public init(from first: Vocabulary, to second: Vocabulary) {
    tokens = (0..<Token(first.count)).map {
      second.token(first.spelling(of: $0)) ?? TokenTranslation.none
    }
    isComplete = !tokens.contains(TokenTranslation.none)
  }

  /// A record in the other numbering, or nothing if the other vocabulary lacks one of its tokens.
  public func translated(_ record: some Sequence<Token>) -> [Token]? {
    let result = record.map { $0 < tokens.count ? tokens[Int($0)] : TokenTranslation.none }
    return result.contains(TokenTranslation.none) ? nil : result
  }
}
