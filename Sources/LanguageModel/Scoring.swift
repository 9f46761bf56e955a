// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import Probability
public import TokenStreams

/// How probable a model finds a record, or a whole corpus: sums over predicted symbols, which are the
/// tokens and, where the model predicts it, each record's `</s>`.
public struct Score: Hashable, Sendable {
  /// Σ ln p over all symbols; −∞ when one is impossible, NaN when one is undefined.
  public var logProbability = 0.0
  /// The same without the unknown tokens.
  public var knownLogProbability = 0.0
  /// Number of predicted symbols.
  public var count = 0
  /// Number of unknown tokens among them.
  public var unknownCount = 0
  public var recordCount = 0
  /// Symbols that the model finds impossible, and those it does not define a probability for.
  public var zeroCount = 0
  public var undefinedCount = 0

  public init() {}

  /// Adds one predicted symbol.
  public mutating func add(_ logProbability: Double, isUnknown: Bool) {
    self.logProbability += logProbability
    count += 1
    if isUnknown {
      unknownCount += 1
    } else {
      knownLogProbability += logProbability
    }
    if logProbability.isNaN {
      undefinedCount += 1
    } else if logProbability == -.infinity {
      zeroCount += 1
    }
  }

  /// e^(−ln p / symbols); NaN for no symbols.
  public var perplexity: Double { exp(-logProbability / Double(count)) }

  /// Perplexity over the known symbols alone.
  public var knownPerplexity: Double {
    exp(-knownLogProbability / Double(count - unknownCount))
  }

  /// −log₂ p of a record on average; NaN for no records.
  public var bitsPerRecord: Double {
    -logProbability * LogUnit.bits.perNat / Double(recordCount)
  }

  public static func += (total: inout Score, part: Score) {
    total.logProbability += part.logProbability
    total.knownLogProbability += part.knownLogProbability
    total.count += part.count
    total.unknownCount += part.unknownCount
    total.recordCount += part.recordCount
    total.zeroCount += part.zeroCount
    total.undefinedCount += part.undefinedCount
  }
}

/// The log-probabilities of a block's tokens.
public struct ScoredBlock: Sendable {
  public let block: TokenBlock
  /// [tokens + records], nats: each record's tokens and then its `</s>` (0 if it is not predicted).
  public let logProbabilities: [Double]
  /// The number of its first record in a stream of several files.
  var firstNumber: Int
  let predictsEnd: Bool
  private let unknown: Token?

  fileprivate init(
    _ block: TokenBlock, _ logProbabilities: [Double], predictsEnd: Bool, unknown: Token?
  ) {
    self.block = block
    self.logProbabilities = logProbabilities
    firstNumber = block.firstRecordNumber
    self.predictsEnd = predictsEnd
    self.unknown = unknown
  }

  /// Calls `body` with each record's tokens, the log-probabilities of its predicted symbols, and its
  /// number.
  public func forEachRecord(
    _ body: (_ tokens: ArraySlice<Token>, _ scores: ArraySlice<Double>, _ number: Int) throws ->
      Void
  ) rethrows {
    var slot = 0
    try block.forEachRecord { tokens, number in
      let count = tokens.count + (predictsEnd ? 1 : 0)
      try body(tokens, logProbabilities[slot..<slot + count], number)
      slot += tokens.count + 1
    }
  }

  /// One score a record, in order.
  public var recordScores: [Score] {
    var result: [Score] = []
    result.reserveCapacity(block.recordEnds.count)
    forEachRecord { tokens, scores, _ in
      var score = Score()
      // Sums run in the order of tokens, so that blocks and threads change no bit.
      for (token, logProbability) in zip(tokens, scores) {
        score.add(logProbability, isUnknown: token == unknown)
      }
      if predictsEnd { score.add(scores.last!, isUnknown: false) }
      score.recordCount = 1
      result.append(score)
    }
    return result
  }
}

extension LanguageModel {
  /// Scores every token of a block.
  ///
  /// - Throws: `StreamError` for a record that a model of fixed width cannot have.
  public func scored(_ block: TokenBlock) throws(StreamError) -> ScoredBlock {
    if case .after(let width) = ending { try block.check(width: width) }
    let count = block.tokens.count + block.recordEnds.count
    let scores = [Double](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      buffer.initialize(repeating: 0)
      var span = MutableSpan(_unsafeElements: buffer)
      logProbabilities(ofRecordsIn: block, into: &span)
      initializedCount = count
    }
    return ScoredBlock(
      block, scores, predictsEnd: ending == .predicted, unknown: vocabulary.unknown)
  }
}

extension TokenBlock {
  /// - Throws: `StreamError` at the first record that is not `width` tokens wide.
  func check(width: Int) throws(StreamError) {
    var start = 0
    for (index, end) in recordEnds.enumerated() {
      guard end - start == width else {
        throw StreamError(
          .line(name, firstRecordNumber + index),
          "\(end - start) tokens where the model's width is \(width)")
      }
      start = end
    }
  }
}
