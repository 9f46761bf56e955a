// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Probability
public import TokenStreams

/// Scores as rows of TAB-separated text, the numbers of a plot.
///
/// A probability of zero shows as `inf` (its surprisal) or `0`, an undefined one as `undef`.
public struct ScoreTable: Sendable {
  public enum Rows: Sendable {
    /// One row a predicted symbol: token, value, record.
    case tokens
    /// One row a record: value, symbols, unknown tokens, perplexity with and without them.
    case records
    /// One row a record: the value alone.
    case values
  }

  /// What a value is.
  public enum Measure: Hashable, Sendable {
    /// −log p, in a unit.
    case surprisal(LogUnit)
    case probability

    var name: String {
      switch self {
      case .surprisal(let unit): unit.rawValue
      case .probability: "probability"
      }
    }

    func value(of logProbability: Double) -> Double {
      switch self {
      case .surprisal(let unit): -logProbability * unit.perNat
      case .probability: exp(logProbability)
      }
    }
  }

  private let rows: Rows
  private let measure: Measure
  private let vocabulary: Vocabulary

  public init(_ rows: Rows, _ measure: Measure, vocabulary: Vocabulary) {
    self.rows = rows
    self.measure = measure
    self.vocabulary = vocabulary
  }

  /// The names of the columns, as a line.
  public var header: String {
    switch rows {
    case .tokens: "token\t\(measure.name)\tline\n"
    case .records: "\(measure.name)\ttokens\tunknown\tperplexity\tperplexity_known\n"
    case .values: "\(measure.name)\n"
    }
  }

  /// Appends the rows of a block.
  public func append(_ scored: ScoredBlock, to output: inout ByteBuffer) {
    if case .tokens = rows { return appendTokens(scored, to: &output) }
    for score in scored.recordScores {
      output.append(value: measure.value(of: score.logProbability))
      if case .records = rows {
        output.append(0x09)
        output.append(decimal: UInt64(score.count))
        output.append(0x09)
        output.append(decimal: UInt64(score.unknownCount))
        output.append(0x09)
        output.append(value: score.perplexity)
        output.append(0x09)
        output.append(value: score.knownPerplexity)
      }
      output.append(0x0A)
    }
  }

  private func appendTokens(_ scored: ScoredBlock, to output: inout ByteBuffer) {
    var number = ByteBuffer()
    var recordNumber = scored.firstNumber
    let predictedEnd = scored.predictsEnd ? vocabulary.end : nil
    var start = 0
    scored.block.tokens.withUnsafeBufferPointer { tokens in
      scored.logProbabilities.withUnsafeBufferPointer { scores in
        for (record, end) in scored.block.recordEnds.enumerated() {
          number.removeAll()
          number.append(decimal: UInt64(recordNumber))
          func append(_ token: Token, _ logProbability: Double) {
            output.append(vocabulary.spelling(of: token))
            output.append(0x09)
            output.append(value: measure.value(of: logProbability))
            output.append(0x09)
            output.append(number.bytes)
            output.append(0x0A)
          }
          for index in start..<end { append(tokens[index], scores[index &+ record]) }
          if let predictedEnd { append(predictedEnd, scores[end &+ record]) }
          start = end
          recordNumber += 1
        }
      }
    }
  }
}

extension ByteBuffer {
  /// Appends a number, or `undef` for one that is not.
  public mutating func append(value: Double) {
    if value.isNaN { append("undef") } else { append(number: value) }
  }

  /// Appends a row of two columns: name and number.
  public mutating func append(row name: String, _ value: Double) {
    append(name)
    append(0x09)
    append(value: value)
    append(0x0A)
  }
}
