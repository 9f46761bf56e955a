// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// Turns tokens back into text, record by record: text streams, decimal ids, or binary streams.
public struct Detokenization: Sendable {
  /// How a text stream becomes text.
  public enum Recipe: Sendable {
    /// Spelt pieces, joined as the recipe says.
    case spelled(TextDecoding)
    /// Decimal ids, or the pieces, of a model's vocabulary.
    case ids(Vocabulary)
  }

  public var recipe: Recipe
  public var terminator: UInt8
  public var threads = 1
  /// Binary streams of other vocabularies are refused.
  public var model: Vocabulary?

  public init(_ recipe: Recipe, terminator: UInt8 = 0x0A) {
    self.recipe = recipe
    self.terminator = terminator
  }

  /// Decodes all files in order; the sink stays open.
  ///
  /// A binary stream is decoded as its header says.
  public func run(
    paths: [String], to sink: ByteSink, progress: (Int) -> Void = { _ in }
  ) throws {
    var output = TerminatedOutput(sink, terminator: terminator)
    for path in paths.isEmpty ? ["-"] : paths {
      let file = try InputFile(path: path)
      if try BlockReader.recognises(file) {
        try decodeBinary(file, to: &output, progress: progress)
      } else {
        try decodeText(
          RecordReader(file: file, terminator: terminator), to: &output, progress: progress)
      }
    }
  }

  private func decodeText(
    _ reader: RecordReader, to output: inout TerminatedOutput, progress: (Int) -> Void
  ) throws {
    let decoder =
      if case .ids(let vocabulary) = recipe { TextDecoder(vocabulary) } else { nil as TextDecoder? }
    try orderedParallelMap(
      threads: threads, next: { try reader.nextBlock() }, wouldBlock: { reader.wouldBlock },
      idle: { try output.sink.flush() },
      transform: { block in
        try DecodedBlock(text(of: block, decoder), isTerminated: block.isTerminated)
      },
      emit: { block in
        try output.write(block.text, isTerminated: block.isTerminated)
        progress(reader.consumedByteCount)
      })
  }

  private func text(
    of block: RecordBlock, _ decoder: TextDecoder?
  ) throws(StreamError) -> ByteBuffer {
    var output = ByteBuffer(capacity: block.bytes.count + 64)
    switch recipe {
    case .spelled(let decoding):
      var joiner = PieceJoiner(decoding)
      block.forEachRecord { record, _ in
        joiner.begin()
        forEachPiece(in: record) { joiner.append(spelling: $0, to: &output) }
        output.append(terminator)
      }
    case .ids(let vocabulary):
      var decoder = decoder!
      var tokens = TokenList()
      try block.forEachRecord { (record, number) throws(StreamError) in
        tokens.removeAll()
        if let wrong = Detokenization.readIDs(record, below: vocabulary.count, into: &tokens) {
          throw StreamError(
            .line(block.name, number),
            "\(String(decoding: wrong, as: UTF8.self)) is no id below \(vocabulary.count)",
            advice: "decode with the model that encoded")
        }
        decoder.append(record: tokens.tokens, to: &output)
        output.append(terminator)
      }
    }
    if !block.isTerminated { output.count -= 1 }
    return output
  }

  /// Appends the decimal ids of a record, parted by blanks; returns what is none below `limit`.
  private static func readIDs(
    _ record: UnsafeBufferPointer<UInt8>, below limit: Int, into tokens: inout TokenList
  ) -> UnsafeBufferPointer<UInt8>? {
    var index = 0
    while index < record.count {
      let start = index
      var value = 0
      while index < record.count, record[index] &- 0x30 < 10, index &- start < 10 {
        value = value &* 10 &+ Int(record[index] &- 0x30)
        index &+= 1
      }
      let isAtEnd = index == record.count || record[index] == 0x20 || record[index] == 0x09
      if index == start, isAtEnd {
        index &+= 1
        continue
      }
      guard isAtEnd, value < limit else {
        while index < record.count, record[index] != 0x20, record[index] != 0x09 { index += 1 }
        return UnsafeBufferPointer(rebasing: record[start..<index])
      }
      tokens.append(Token(truncatingIfNeeded: value))
    }
    return nil
  }

  /// A growing vocabulary is followed piece by piece; one block is in memory at a time.
  private func decodeBinary(
    _ file: InputFile, to output: inout TerminatedOutput, progress: (Int) -> Void
  ) throws {
    let reader = BinaryTextReader(file, terminator: terminator, model: model)
    var text = ByteBuffer(capacity: 1 << 16)
    while true {
      if reader.wouldBlock { try output.sink.flush() }
      text.removeAll()
      guard let isTerminated = try reader.next(into: &text) else { break }
      try output.write(text, isTerminated: isTerminated)
      progress(reader.consumedByteCount)
    }
  }
}

/// The text of a block.
final class DecodedBlock: @unchecked Sendable {
  let text: ByteBuffer
  let isTerminated: Bool

  init(_ text: consuming ByteBuffer, isTerminated: Bool) {
    self.text = text
    self.isTerminated = isTerminated
  }
}

/// Text whose last record may lack its terminator, which is supplied if more follows.
private struct TerminatedOutput {
  let sink: ByteSink
  let terminator: UInt8
  private var lacksTerminator = false

  init(_ sink: ByteSink, terminator: UInt8) {
    self.sink = sink
    self.terminator = terminator
  }

  mutating func write(_ text: borrowing ByteBuffer, isTerminated: Bool) throws(StreamError) {
    if lacksTerminator { try sink.write([terminator]) }
    lacksTerminator = !isTerminated
    try sink.write(text)
  }
}
