// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Writes the records that a search found, one a line, best first.
public struct HypothesisTable {
  /// What follows a record, after TABs.
  public enum Columns: Sendable {
    case none, probability
    /// −log₂ p, and the score that ranks in bits (the same, over a power of the length).
    case scores
  }

  private let printer: RecordPrinter
  private let terminator: UInt8
  private let columns: Columns

  public init(_ printer: RecordPrinter, terminator: UInt8, columns: Columns) {
    self.printer = printer
    self.terminator = terminator
    self.columns = columns
  }

  public func write(_ found: [Hypothesis], to sink: ByteSink) throws(StreamError) {
    var buffer = ByteBuffer()
    for hypothesis in found {
      printer.append(hypothesis.tokens, to: &buffer)
      switch columns {
      case .none: break
      case .probability:
        buffer.append(0x09)
        buffer.append(number: exp(hypothesis.logProbability))
      case .scores:
        for value in [hypothesis.logProbability, hypothesis.score] {
          buffer.append(0x09)
          buffer.append(number: -value / log(2))
        }
      }
      buffer.append(terminator)
    }
    try sink.write(buffer)
  }
}
