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
    try orderedParallelMap(
      threads: threads, next: { try reader.nextBlock() }, wouldBlock: { reader.wouldBlock },
      idle: { try output.sink.flush() },
      transform: { block in try DecodedBlock(text(of: block), isTerminated: block.isTerminated) },
      emit: { block in
        try output.write(block)
        progress(reader.consumedByteCount)
      })
  }

  private func text(of block: RecordBlock) throws(StreamError) -> ByteBuffer {
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
      var decoder = TextDecoder(vocabulary)
      try block.forEachRecord { (record, number) throws(StreamError) in
        decoder.begin()
        try forEachPiece(in: record) { (digits) throws(StreamError) in
          guard let token = Detokenization.token(digits), token < vocabulary.count else {
            throw StreamError(
              .line(block.name, number),
              "\(String(decoding: digits, as: UTF8.self)) is no id below \(vocabulary.count)",
              advice: "decode with the model that encoded")
          }
          decoder.append(token, to: &output)
        }
        output.append(terminator)
      }
    }
    if !block.isTerminated { output.count -= 1 }
    return output
  }

  private static func token(_ digits: UnsafeBufferPointer<UInt8>) -> Token? {
    guard digits.count <= 10, digits.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
    return Token(exactly: digits.reduce(0) { $0 &* 10 &+ UInt64($1 &- 0x30) })
  }

  /// A growing vocabulary is followed piece by piece; one block is in memory at a time.
  private func decodeBinary(
    _ file: InputFile, to output: inout TerminatedOutput, progress: (Int) -> Void
  ) throws {
    let reader = try TokenReader(file: file, numbering: .growing)
    var decoder: TextDecoder?
    while true {
      if reader.wouldBlock { try output.sink.flush() }
      guard let block = try reader.next() else { break }
      if decoder == nil { decoder = TextDecoder(reader.streamDecoding) }
      while decoder!.count < reader.pieceCount {
        decoder!.append(spelling: reader.spelling(of: Token(decoder!.count)))
      }
      var text = ByteBuffer(capacity: 6 * block.tokens.count + 64)
      try decoder!.append(block, terminator: terminator, to: &text)
      try output.write(DecodedBlock(text, isTerminated: block.isTerminated))
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

  mutating func write(_ block: DecodedBlock) throws(StreamError) {
    if lacksTerminator { try sink.write([terminator]) }
    lacksTerminator = !block.isTerminated
    try sink.write(block.text)
  }
}
