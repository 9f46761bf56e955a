// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Probability
public import TokenStreams

/// What is printed of the scores of a token stream.
public enum ScoreReport: Sendable {
  case rows(ScoreTable.Rows, ScoreTable.Measure)
  /// The tokens of probability below a bound, as token text.
  case unexpected(below: Double, terminator: UInt8)
  /// One number: the mean of bits a record.
  case bitsPerRecord
  /// Quantities of the whole, one a row.
  case summary(LogUnit)
}

extension LanguageModel {
  /// Scores a token stream on several threads and writes the report.
  ///
  /// - hasHeader: whether a first line names the columns.
  /// - byteCount: bytes of the original text; nothing has a summary measure it.
  public func write(
    _ report: ScoreReport, hasHeader: Bool, byteCount: Int?, of reader: TokenReader, threads: Int,
    to sink: ByteSink
  ) throws -> CorpusScore {
    let vocabulary = vocabulary
    switch report {
    case .rows(let rows, let measure):
      let table = ScoreTable(rows, measure, vocabulary: vocabulary)
      if hasHeader { try sink.write(table.header) }
      return try score(reader, threads: threads, to: sink) { table.append($0, to: &$1) }
    case .unexpected(let bound, let terminator):
      return try score(reader, threads: threads, to: sink) {
        $0.appendUnexpected(
          below: bound, vocabulary: vocabulary, terminator: terminator, to: &$1)
      }
    case .bitsPerRecord:
      let result = try score(reader, threads: threads, to: sink, rows: nil)
      var text = ByteBuffer()
      if hasHeader { text.append("bits_per_line\n") }
      text.append(value: result.score.bitsPerRecord)
      text.append(0x0A)
      try sink.write(text)
      return result
    case .summary(let unit):
      let result = try score(
        reader, threads: threads, countingBytes: byteCount == nil, to: sink, rows: nil)
      try sink.write(result.summary(unit, hasHeader: hasHeader, byteCount: byteCount))
      return result
    }
  }
}

extension CorpusScore {
  /// One quantity a row.
  ///
  /// - byteCount: bytes of the original text, where they are not those that were measured.
  /// - isDynamic: whether the model learnt from what it scored, as the rows' names say then.
  func summary(
    _ unit: LogUnit, hasHeader: Bool, byteCount: Int?, isDynamic: Bool = false
  ) -> ByteBuffer {
    let surprisal = -score.logProbability * unit.perNat
    let prefix = isDynamic ? "dynamic_" : ""
    var text = ByteBuffer()
    if hasHeader { text.append("quantity\tvalue\n") }
    text.append(row: "records", Double(score.recordCount))
    text.append(row: "tokens", Double(score.count))
    text.append(row: "unknown", Double(score.unknownCount))
    text.append(row: "zero", Double(score.zeroCount))
    if !isDynamic { text.append(row: "undefined", Double(score.undefinedCount)) }
    text.append(row: prefix + unit.rawValue, surprisal)
    text.append(row: prefix + "cross_entropy", surprisal / Double(score.count))
    text.append(row: prefix + "perplexity", score.perplexity)
    if !isDynamic {
      text.append(row: "perplexity_known", score.knownPerplexity)
      text.append(row: "bits_per_line", score.bitsPerRecord)
    }
    if let byteCount = byteCount ?? self.byteCount {
      let bits = -score.logProbability * LogUnit.bits.perNat
      text.append(row: "bytes", Double(byteCount))
      text.append(row: prefix + "bits_per_byte", bits / Double(byteCount))
    }
    return text
  }
}
