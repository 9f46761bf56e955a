// SPDX-License-Identifier: Apache-2.0

public import TokenStreams

/// The symbols that a network predicts, and the tokens of its vocabulary that they are.
///
/// A network counts outputs from 0 and has no output for `<s>`, nor for `<unk>` when its vocabulary
/// is closed; the rows of its embedding are the same symbols and then `<s>`.
public struct SymbolTable: Sendable {
  /// The symbol of a token that has none.
  public static let none = UInt32.max

  public let vocabulary: Vocabulary
  /// [symbols], the token of each.
  public let tokens: [Token]
  /// [tokens], the symbol of each; of `<s>` the row after the last symbol's.
  public let symbols: [UInt32]

  /// Number of predicted symbols.
  public var count: Int { tokens.count }
  /// The symbol of `</s>`.
  public var end: UInt32 { symbols[Int(vocabulary.end!)] }
  /// Whether `<unk>` is predicted.
  public var isOpen: Bool { symbols[Int(vocabulary.unknown!)] != SymbolTable.none }

  /// Symbols in the order of the vocabulary's tokens.
  public init(_ vocabulary: Vocabulary, isOpen: Bool) {
    let tokens = (0..<Token(vocabulary.count)).filter {
      $0 != vocabulary.beginning && (isOpen || $0 != vocabulary.unknown)
    }
    self.init(vocabulary, tokens: tokens)
  }

  /// Symbols in an order of their own, as a file may have it.
  ///
  /// - spellings: distinct, `</s>` among them.
  public init(
    spellings: [[UInt8]], decoding: TextDecoding = .unknown, tokenizerFingerprint: UInt64? = nil
  ) {
    let vocabulary = Vocabulary(
      modelSpellings: spellings, decoding: decoding, tokenizerFingerprint: tokenizerFingerprint)
    self.init(vocabulary, tokens: spellings.map { vocabulary.token($0)! })
  }

  private init(_ vocabulary: Vocabulary, tokens: [Token]) {
    self.vocabulary = vocabulary
    self.tokens = tokens
    var symbols = [UInt32](repeating: SymbolTable.none, count: vocabulary.count)
    for (symbol, token) in tokens.enumerated() { symbols[Int(token)] = UInt32(symbol) }
    symbols[Int(vocabulary.beginning!)] = UInt32(tokens.count)
    self.symbols = symbols
  }

  /// Spellings in the order of the symbols.
  public var spellings: [[UInt8]] { tokens.map { Array(vocabulary.spelling(of: $0)) } }
}
