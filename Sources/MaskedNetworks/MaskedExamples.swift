// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// Inputs and what they should give, as symbols.
public struct MaskedExamples: Sendable {
  /// - inputs: [count, width], symbols 0..<K.
  public var inputs: [UInt32]
  /// - targets: [count, targetWidth]; the inputs themselves when the mask is autoregressive.
  public var targets: [UInt32]
  public var count: Int

  public init(inputs: [UInt32], targets: [UInt32], count: Int) {
    self.inputs = inputs
    self.targets = targets
    self.count = count
  }

  /// The examples of a range.
  public subscript(range: Range<Int>) -> MaskedExamples {
    let (width, targetWidth) = count == 0 ? (0, 0) : (inputs.count / count, targets.count / count)
    return MaskedExamples(
      inputs: Array(inputs[range.lowerBound * width..<range.upperBound * width]),
      targets: Array(targets[range.lowerBound * targetWidth..<range.upperBound * targetWidth]),
      count: range.count)
  }

  /// Reads records of one width as their own targets.
  ///
  /// - reader: growing, so that the symbols are those that occur.
  /// - Returns: the examples, the width of a record, and the vocabulary of the symbols.
  /// - Throws: `StreamError` for records of different width, too few symbols, and an empty stream.
  public static func read(_ reader: TokenReader) throws(StreamError)
    -> (examples: MaskedExamples, width: Int, vocabulary: Vocabulary)
  {
    var tokens: [Token] = []
    var width: Int?
    var count = 0
    while let block = try reader.next() {
      var start = 0
      for (index, end) in block.recordEnds.enumerated() {
        let place = StreamError.Place.line(block.name, block.firstRecordNumber + index)
        width = try check(end - start, against: width, at: place)
        start = end
        count += 1
      }
      tokens += block.tokens
    }
    guard let width else { throw StreamError(.none, "no record to learn from") }
    let grown = reader.takeVocabulary()
    let spellings = (0..<Token(grown.count)).map { Array(grown.spelling(of: $0)) }
    guard !tokens.contains(grown.unknown!) else {
      throw StreamError(.none, "<unk> in the stream", advice: "a masked network has no such symbol")
    }
    let vocabulary = try vocabulary(of: spellings, decoding: grown.decoding)
    let symbols = spellings.map { vocabulary.token($0)! }
    let all = tokens.map { symbols[Int($0)] &- MaskedModel.firstSymbol }
    return (MaskedExamples(inputs: all, targets: all, count: count), width, vocabulary)
  }

  /// Reads records of columns and targets, `01 00 11<TAB>1 0 0`: every character that is not blank is
  /// a symbol, and the last `targetWidth` are the target of those before them.
  ///
  /// - Returns: the examples, the width of their inputs, and the vocabulary of the symbols.
  /// - Throws: `StreamError` for records of different width, too few symbols, and an empty stream.
  public static func readColumns(_ reader: RecordReader, targetWidth: Int) throws(StreamError)
    -> (examples: MaskedExamples, width: Int, vocabulary: Vocabulary)
  {
    var records: [[UInt8]] = []
    var width: Int?
    while let block = try reader.nextBlock() {
      try block.forEachRecord { (record, number) throws(StreamError) in
        let symbols = record.filter { $0 > 0x20 }
        let place = StreamError.Place.line(block.name, number)
        width = try check(symbols.count, against: width, atLeast: targetWidth + 1, at: place)
        records.append(symbols)
      }
    }
    guard let width else { throw StreamError(.none, "no record to learn from") }
    let vocabulary = try vocabulary(of: Set(records.joined()).map { Spelling.spelling(of: [$0]) })
    var symbolOf = [UInt32](repeating: 0, count: 256)
    for token in MaskedModel.firstSymbol..<Token(vocabulary.count) {
      let byte = Spelling.bytes(of: Array(vocabulary.spelling(of: token)))[0]
      symbolOf[Int(byte)] = token - MaskedModel.firstSymbol
    }
    var examples = MaskedExamples(inputs: [], targets: [], count: records.count)
    for record in records {
      let symbols = record.map { symbolOf[Int($0)] }
      examples.inputs += symbols.dropLast(targetWidth)
      examples.targets += symbols.suffix(targetWidth)
    }
    return (examples, width - targetWidth, vocabulary)
  }

  private static func check(
    _ found: Int, against width: Int?, atLeast minimum: Int = 1, at place: StreamError.Place
  ) throws(StreamError) -> Int {
    if found < minimum {
      throw StreamError(place, "a record of \(found) symbols where \(minimum) or more are expected")
    }
    if let width, found != width {
      throw StreamError(
        place, "a record of \(found) symbols where \(width) are expected",
        advice: "a masked network has one width")
    }
    return found
  }

  private static func vocabulary(of spellings: [[UInt8]], decoding: TextDecoding = .unknown)
    throws(StreamError) -> Vocabulary
  {
    let vocabulary = Vocabulary(modelSpellings: spellings, decoding: decoding)
    guard vocabulary.count > Int(MaskedModel.firstSymbol) + 1 else {
      throw StreamError(.none, "one kind of symbol only", advice: "there is nothing to learn")
    }
    return vocabulary
  }
}
