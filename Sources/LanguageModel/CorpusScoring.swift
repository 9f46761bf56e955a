// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// A model's score of a whole token stream.
public struct CorpusScore: Sendable {
  public var score = Score()
  /// Bytes of the original text, where the model knows how its pieces become text.
  public var byteCount: Int?
  /// The first symbol without a defined probability, as an error.
  public var firstUndefined: StreamError?
}

/// What a worker makes of a block.
private struct Part: Sendable {
  var scores: [Score]
  var byteCount: Int?
  var firstUndefined: StreamError?
  var rows: Rows
}

/// The rows that a worker made of a block.
private final class Rows: @unchecked Sendable {
  let bytes: ByteBuffer
  init(_ bytes: consuming ByteBuffer) { self.bytes = bytes }
}

extension LanguageModel {
  /// Scores a token stream on several threads, in input order.
  ///
  /// - countingBytes: whether to measure the original text.
  /// - rows: what to write of a block; called on the threads. Nothing writes nothing.
  /// - Throws: what the reader and the sink throw, and `StreamError` for records of a wrong width.
  public func score(
    _ reader: TokenReader, threads: Int, countingBytes: Bool = false, to sink: ByteSink,
    rows: (@Sendable (ScoredBlock, inout ByteBuffer) -> Void)?
  ) throws -> CorpusScore {
    let textSize = countingBytes ? TextSize(vocabulary) : nil
    var total = CorpusScore(byteCount: textSize == nil ? nil : 0)
    var recordCount = 0
    try orderedParallelMap(
      threads: threads,
      next: { () -> (block: TokenBlock, number: Int)? in
        guard let block = try reader.next() else { return nil }
        defer { recordCount += block.recordEnds.count }
        return (block, recordCount + 1)
      },
      wouldBlock: { reader.wouldBlock },
      idle: { try sink.flush() },
      transform: { (block: TokenBlock, number: Int) -> Part in
        var scored = try self.scored(block)
        scored.firstNumber = number
        var buffer = ByteBuffer(capacity: rows == nil ? 16 : 1 << 18)
        rows?(scored, &buffer)
        let scores = scored.recordScores
        let isDefined = scores.allSatisfy { $0.undefinedCount == 0 }
        return Part(
          scores: scores, byteCount: textSize?.byteCount(of: block),
          firstUndefined: isDefined ? nil : scored.firstUndefined(in: self.vocabulary),
          rows: Rows(buffer))
      },
      emit: { (part: Part) in
        // Record by record: the sum does not depend on how the stream was cut into blocks.
        for score in part.scores { total.score += score }
        if let byteCount = part.byteCount { total.byteCount! += byteCount }
        total.firstUndefined = total.firstUndefined ?? part.firstUndefined
        try sink.write(part.rows.bytes)
      })
    return total
  }
}

extension ScoredBlock {
  /// The first symbol without a defined probability, as an error.
  fileprivate func firstUndefined(in vocabulary: Vocabulary) -> StreamError? {
    var result: StreamError?
    forEachRecord { tokens, scores, number in
      guard result == nil, let index = scores.firstIndex(where: \.isNaN) else { return }
      let offset = index - scores.startIndex
      let token = offset < tokens.count ? tokens[tokens.startIndex + offset] : vocabulary.end!
      let spelling = String(decoding: vocabulary.spelling(of: token), as: UTF8.self)
      result = StreamError(
        .line(block.name, number),
        "the model does not define the probability of '\(spelling)' here",
        advice: "its context was never seen; estimate the model with smoothing")
    }
    return result
  }

  /// Appends the tokens with a probability below `bound`, record by record, as token text: what the
  /// model did not expect.
  ///
  /// Reference: Schmidhuber 1992, «Learning complex, extended sequences using the principle of
  /// history compression».
  func appendUnexpected(
    below bound: Double, vocabulary: Vocabulary, terminator: UInt8, to output: inout ByteBuffer
  ) {
    forEachRecord { tokens, scores, _ in
      var isFirst = true
      for (token, logProbability) in zip(tokens, scores) {
        // Not a number is not expected either.
        if exp(logProbability) >= bound { continue }
        if !isFirst { output.append(0x20) }
        output.append(vocabulary.spelling(of: token))
        isFirst = false
      }
      output.append(terminator)
    }
  }
}
