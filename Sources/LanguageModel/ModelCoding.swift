// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

extension LanguageModel {
  /// Codes a token stream with this model's probabilities, on several threads.
  ///
  /// - Throws: `StreamError` for a token that the model does not know or finds impossible, with its
  ///   place; for records of a wrong width; and for scores that are no distribution.
  public func encode(_ reader: TokenReader, threads: Int, to sink: ByteSink) throws -> CodeSize {
    guard isDistribution else {
      throw StreamError(
        .none, "the model's scores do not sum to one, so nothing can be coded with them",
        advice: "estimate it with another smoothing")
    }
    var writer = try BlockWriter(
      sink,
      header: StreamHeader(
        kind: codedKind,
        parameters: [("method", "model"), ("model", String(fingerprint, radix: 16))]), level: 0)
    var size = CodeSize()
    var groups = RecordGroups(reader, tokenCount: 1 << 17)
    try orderedParallelMap(
      threads: threads,
      next: { try groups.next() },
      transform: { (block: TokenBlock) -> (CodedBlock, Int) in
        if let unknown = block.unknownSpellings.first {
          let record = block.recordHolding(self.vocabulary.unknown!)
          throw StreamError(
            .line(block.name, block.firstRecordNumber + record),
            "'\(String(decoding: unknown, as: UTF8.self))' is not in the model's vocabulary",
            advice: "code with --adaptive, or tokenise with a model that spells every word")
        }
        if case .after(let width) = self.ending { try block.check(width: width) }
        var coder = ModelCoder(self)
        var coded = CodedBlock()
        coded.isTerminated = block.isTerminated
        coded.tokenCount = block.tokens.count
        coded.checksum = self.textChecksum(of: block)
        if self.ending == .never { coded.lengths = block.lengths }
        coded.code = try coder.encoded(block)
        return (coded, block.recordEnds.count)
      },
      emit: { (coded: CodedBlock, recordCount: Int) in
        size.recordCount += recordCount
        size.tokenCount += coded.tokenCount
        size.byteCount += coded.code.count
        var payload = ByteBuffer(capacity: coded.code.count + 64)
        coded.append(to: &payload)
        try writer.write(payload, itemCount: recordCount)
      })
    try writer.finish()
    return size
  }

  /// Gives back the token stream of a code, as text.
  ///
  /// - Throws: `StreamError` when the file is no code, was made with another model, or is altered.
  public func decode(_ file: InputFile, terminator: UInt8, to sink: ByteSink) throws {
    let fingerprint = String(fingerprint, radix: 16)
    try readCode(file) { header in
      guard header["method"] == "model" else {
        throw StreamError(
          .file(file.name), "was coded without a model", advice: "decode with --adaptive")
      }
      guard header["model"] == fingerprint else {
        throw StreamError(
          .file(file.name),
          "was coded with model \(header["model"] ?? "?"), and this is \(fingerprint)",
          advice: "give the same model, on the same kind of machine")
      }
    } block: { _, payload, recordCount in
      let coded = try CodedBlock(payload, recordCount: ending == .never ? recordCount : nil)
      var lengths = coded.lengths
      if case .after(let width) = ending {
        lengths = Array(repeating: width, count: min(recordCount, coded.tokenCount / max(width, 1)))
        guard lengths!.count == recordCount else { throw StreamError(.none, "corrupt code block") }
      }
      var coder = ModelCoder(self)
      var block = try coder.decoded(
        coded.code, recordCount: recordCount, lengths: lengths, largestCount: coded.tokenCount)
      guard self.textChecksum(of: block) == coded.checksum else { throw altered }
      block.isTerminated = coded.isTerminated
      var text = ByteBuffer(capacity: 1 << 16)
      TokenWriter.append(
        block, form: .text(terminator: terminator), vocabulary: vocabulary, to: &text)
      try sink.write(text)
    }
  }

  private func textChecksum(of block: TokenBlock) -> UInt64 {
    var block = block
    block.isTerminated = true
    var text = ByteBuffer(capacity: 1 << 16)
    TokenWriter.append(block, form: .text(terminator: 0x0A), vocabulary: vocabulary, to: &text)
    return checksum(of: text.bytes)
  }
}
