// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Probability
public import TokenStreams

/// A model that learns from every stretch of a stream after it has scored it, so that what comes later
/// is predicted by a model that knows what came before. It says how well a model adapts, and is no
/// figure to compare with that of a model that stays as it is.
///
/// Reference: Mikolov et al. 2010, «Recurrent neural network based language model», §2; Krause et al.
/// 2018, «Dynamic evaluation of neural sequence models», §3.
public protocol DynamicEvaluation: AnyObject {
  var vocabulary: Vocabulary { get }

  /// Scores the records of a block, each from the start state, and learns from them on the way.
  ///
  /// - Throws: `StreamError` when the loss is no number any more.
  func score(_ block: TokenBlock) throws(StreamError) -> Score
}

/// How much is learnt from a stretch.
public struct DynamicSettings: Sendable {
  /// The learning rate of plain gradient descent.
  public var rate: Double
  /// Symbols of a stretch; the last one of a record may be shorter.
  public var windowSteps: Int

  public init(rate: Double, windowSteps: Int) {
    self.rate = rate
    self.windowSteps = windowSteps
  }
}

extension DynamicEvaluation {
  /// Scores a whole stream and writes a summary, with the bytes of its text where these are given or the
  /// model knows how pieces become text.
  public func writeSummary(
    of reader: TokenReader, unit: LogUnit, hasHeader: Bool, byteCount: Int?, to sink: ByteSink
  ) throws(StreamError) {
    let textSize = byteCount == nil ? TextSize(vocabulary) : nil
    var total = CorpusScore(byteCount: textSize == nil ? nil : 0)
    while let block = try reader.next() {
      total.score += try score(block)
      if let textSize { total.byteCount! += textSize.byteCount(of: block) }
    }
    try sink.write(
      total.summary(unit, hasHeader: hasHeader, byteCount: byteCount, isDynamic: true))
  }
}
