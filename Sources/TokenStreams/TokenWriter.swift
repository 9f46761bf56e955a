// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Writes token blocks as text or as a binary stream.
public struct TokenWriter: ~Copyable {
  public enum Form: Sendable {
    /// Spellings joined by one space.
    case text(terminator: UInt8)
    /// Decimal numbers joined by one space.
    case ids(terminator: UInt8)
    /// The binary stream; level as in zstd(1), 0 for none.
    case binary(level: Int)
  }

  private let sink: ByteSink
  private let form: Form
  private let vocabulary: () -> Vocabulary
  private var writer: BlockWriter?
  private var buffer = ByteBuffer(capacity: 1 << 18)
  /// The last text record lacks its terminator, which is supplied if another block follows.
  private var lacksTerminator = false

  /// - vocabulary: the one whose tokens the blocks hold; a binary stream carries it in front, and ids do
  ///   not ask for it.
  public init(
    _ sink: ByteSink, vocabulary: @autoclosure @escaping () -> Vocabulary, form: Form
  ) throws(StreamError) {
    self.sink = sink
    self.form = form
    self.vocabulary = vocabulary
    if case .binary(let level) = form {
      var payload = ByteBuffer()
      vocabulary().encode(to: &payload)
      writer = try BlockWriter(
        sink, header: StreamHeader(kind: "tokn", payload: Array(payload.bytes)), level: level)
    }
  }

  /// Writes the records of a block.
  public mutating func write(_ block: TokenBlock) throws(StreamError) {
    buffer.removeAll()
    TokenWriter.append(block, form: form, vocabulary: vocabulary(), to: &buffer)
    if writer != nil {
      try writer!.write(buffer, itemCount: block.recordEnds.count)
    } else {
      try beginText(isTerminated: block.isTerminated)
      try sink.write(buffer)
    }
  }

  /// Ends the record before, if it was left open, and notes whether the next text leaves its last so.
  private mutating func beginText(isTerminated: Bool) throws(StreamError) {
    if lacksTerminator {
      switch form {
      case .text(let terminator), .ids(let terminator): try sink.write([terminator])
      case .binary: break
      }
    }
    lacksTerminator = !isTerminated
  }

  /// Writes a block of an open vocabulary to a binary stream.
  ///
  /// - newSpellings: the pieces that this block uses first; their tokens follow those before.
  public mutating func write(_ block: TokenBlock, newSpellings: [[UInt8]]) throws(StreamError) {
    precondition(writer != nil)
    buffer.removeAll()
    TokenPayload.append(block, newSpellings: newSpellings, to: &buffer)
    try writer!.write(buffer, itemCount: block.recordEnds.count)
  }

  /// Writes a block that a worker has put into its final form.
  ///
  /// - encoded: text from `append`, or a binary data block framed by a `BlockEncoder`.
  /// - isTerminated: as the block's; false when its last record lacked its terminator.
  public mutating func write(
    encoded: borrowing ByteBuffer, recordCount: Int, isTerminated: Bool = true
  ) throws(StreamError) {
    if writer != nil {
      try writer!.write(encoded: encoded, itemCount: recordCount)
    } else {
      try beginText(isTerminated: isTerminated)
      try sink.write(encoded)
    }
  }

  /// Completes the stream; the sink stays open.
  public mutating func finish() throws(StreamError) {
    if writer != nil { try writer!.finish() }
  }

  /// Appends a block in the given form: text, or the payload of a binary data block.
  public static func append(
    _ block: TokenBlock, form: Form, vocabulary: @autoclosure () -> Vocabulary,
    to output: inout ByteBuffer
  ) {
    switch form {
    case .binary: TokenPayload.append(block, newSpellings: [], to: &output)
    case .text(let terminator):
      let vocabulary = vocabulary()
      appendRecords(of: block, terminator: terminator, to: &output) { token, output in
        output.append(vocabulary.spelling(of: token))
      }
    case .ids(let terminator):
      appendRecords(of: block, terminator: terminator, to: &output) { token, output in
        output.append(decimal: UInt64(token))
      }
    }
  }

  private static func appendRecords(
    of block: TokenBlock, terminator: UInt8, to output: inout ByteBuffer,
    appendToken: (Token, inout ByteBuffer) -> Void
  ) {
    var start = 0
    for end in block.recordEnds {
      for index in start..<end {
        if index > start { output.append(0x20) }
        appendToken(block.tokens[index], &output)
      }
      output.append(terminator)
      start = end
    }
    // A text that lacked its last terminator gives one that lacks it: decoding is then exact. Without
    // tokens the terminator is all that shows the record.
    if !block.isTerminated, !block.lastRecordIsEmpty { output.count -= 1 }
  }
}
