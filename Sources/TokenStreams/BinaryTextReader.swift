// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Reads a binary token stream straight to text, block by block.
public final class BinaryTextReader {
  private var reader: BlockReader
  private let terminator: UInt8
  /// The vocabulary that the stream must have.
  private let model: Vocabulary?
  private var agreement = StreamAgreement()
  private var decoder: TextDecoder?
  private var recordNumber = 1

  /// - file: a file for which `BlockReader.recognises` is true.
  /// - model: refuse streams of other vocabularies than this.
  public init(_ file: InputFile, terminator: UInt8, model: Vocabulary? = nil) {
    reader = BlockReader(file)
    self.terminator = terminator
    self.model = model
  }

  /// Whether the next block would have to wait for another process.
  public var wouldBlock: Bool { reader.wouldBlock }
  /// Bytes taken from the file so far, before decompression.
  public var consumedByteCount: Int { reader.consumedByteCount }

  /// Appends the text of the next block to `output`; returns whether its last record has its
  /// terminator, or nothing at the end.
  public func next(into output: inout ByteBuffer) throws(StreamError) -> Bool? {
    while let block = try reader.next() {
      switch consume block {
      case .head(let header):
        let vocabulary = try Vocabulary(header, of: reader.name)
        try agreement.accept(vocabulary, of: reader.name)
        if let model, model.fingerprint != vocabulary.fingerprint {
          throw StreamError(
            .file(reader.name), "was not written with this model",
            advice: "give the model that encoded, or none: the stream says what its pieces are")
        }
        decoder = TextDecoder(vocabulary)
      case .data(let payload, _): return try append(payload, to: &output)
      case .end: break
      }
    }
    return nil
  }

  private func append(
    _ payload: borrowing ByteBuffer, to output: inout ByteBuffer
  ) throws(StreamError) -> Bool {
    do throws(StreamError) {
      var decoder = decoder.take()!
      defer { self.decoder = decoder }
      var layout = try TokenPayload.Layout(payload.bytes) { (spelling) throws(StreamError) in
        guard !spelling.isEmpty, Spelling.isCanonical(spelling) else {
          throw StreamError(.none, "token \(decoder.count) is not spelt as a piece is")
        }
        decoder.append(spelling: spelling)
      }
      try decoder.append(
        &layout, name: reader.name, firstRecordNumber: recordNumber, terminator: terminator,
        to: &output)
      recordNumber += layout.recordCount
      return layout.isTerminated
    } catch {
      guard error.place == .none else { throw error }
      throw StreamError(.file(reader.name), "record \(recordNumber) and on: \(error.problem)")
    }
  }
}
