// SPDX-License-Identifier: Apache-2.0

public import TokenStreams

/// N-grams of one order with their counts, column by column.
///
/// A row is the n-1 tokens of a context, padded at the beginning of a record, and the token that
/// followed. Equal rows add up.
public struct NGramRows: Sendable {
  /// Tokens in a row.
  public let order: Int
  public let vocabulary: Vocabulary
  /// [order][count]: column j holds the j-th token of each row.
  package private(set) var columns: [[Token]]
  package private(set) var counts: [UInt64] = []
  /// Trailing tokens of a row that count: of a padding only one `<s>` does.
  package private(set) var lengths: [UInt8] = []

  public init(order: Int, vocabulary: Vocabulary) {
    precondition((1...CountBlock.maximumOrder).contains(order))
    self.order = order
    self.vocabulary = vocabulary
    columns = Array(repeating: [], count: order)
  }

  /// Number of rows.
  public var count: Int { counts.count }

  /// Whether `<s>` stands where a predicted token should.
  var predictsBeginning: Bool { columns[order - 1].contains { $0 == vocabulary.beginning } }

  mutating func reserve(_ rowCount: Int) {
    for position in 0..<order { columns[position].reserveCapacity(rowCount) }
    counts.reserveCapacity(rowCount)
    lengths.reserveCapacity(rowCount)
  }

  /// Adds the n-grams of a block.
  ///
  /// - numbers: the vocabulary's token for each of the block's.
  public mutating func append(_ block: CountBlock, _ numbers: [Token]) {
    precondition(block.order == order)
    let beginning = vocabulary.beginning
    let first = count
    for position in 0..<order {
      for row in 0..<block.count {
        columns[position].append(numbers[Int(block.tokens[row * order + position])])
      }
    }
    counts.append(contentsOf: block.counts)
    for row in first..<count {
      var padding = 0
      while padding < order, columns[padding][row] == beginning { padding += 1 }
      lengths.append(UInt8(order - max(0, padding - 1)))
    }
  }

  /// The same predictions with contexts of at most `order` - 1 tokens.
  public func shortened(to order: Int) -> NGramRows {
    precondition((1...self.order).contains(order))
    var result = NGramRows(order: order, vocabulary: vocabulary)
    result.columns = Array(columns.suffix(order))
    result.counts = counts
    result.lengths = lengths.map { min($0, UInt8(order)) }
    return result
  }

  /// The rows with the tokens for which `isKept` is false as `<unk>`, which leave the vocabulary.
  func mappingToUnknown(unless isKept: (Token) -> Bool) -> NGramRows {
    let kept = (0..<Token(vocabulary.count)).filter {
      $0 == vocabulary.unknown || $0 == vocabulary.beginning || $0 == vocabulary.end || isKept($0)
    }
    let reduced = Vocabulary(
      modelSpellings: kept.map { Array(vocabulary.spelling(of: $0)) },
      decoding: vocabulary.decoding, tokenizerFingerprint: vocabulary.tokenizerFingerprint)
    var numbers = [Token](repeating: reduced.unknown!, count: vocabulary.count)
    for token in kept { numbers[Int(token)] = reduced.token(vocabulary.spelling(of: token))! }
    var result = NGramRows(order: order, vocabulary: reduced)
    result.columns = columns.map { $0.map { numbers[Int($0)] } }
    result.counts = counts
    result.lengths = lengths
    return result
  }

  /// Adds an n-gram of at most `order` tokens that occurs as a context only.
  mutating func append(contextOnly tokens: [Token]) {
    let missing = order - tokens.count
    for position in 0..<order {
      columns[position].append(position < missing ? 0 : tokens[position - missing])
    }
    counts.append(0)
    lengths.append(UInt8(tokens.count))
  }
}
