// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// Codes token streams with a model that it learns from what was coded before.
public struct AdaptiveCoding: Sendable {
  /// The largest order of contexts.
  public static let largestOrder = 32

  /// The length of the longest contexts.
  public let order: Int
  /// Whether the weights of contexts are learnt too, instead of Witten and Bell's.
  public let learnsWeights: Bool

  public init(order: Int, learnsWeights: Bool = false) {
    precondition((0...AdaptiveCoding.largestOrder).contains(order))
    self.order = order
    self.learnsWeights = learnsWeights
  }

  public func encode(_ reader: TokenReader, to sink: ByteSink) throws -> CodeSize {
    var writer = try BlockWriter(
      sink,
      header: StreamHeader(
        kind: codedKind,
        parameters: [("method", "adaptive"), ("order", String(order))]
          + (learnsWeights ? [("weights", "learnt")] : [])), level: 0)
    var encoder = AdaptiveEncoder(self)
    var size = CodeSize()
    var coded = CodedBlock()
    var checksum = RunningChecksum()
    while let block = try reader.next() {
      try block.forEachRecord { (tokens, number) throws(StreamError) in
        for token in tokens {
          let spelling = reader.spelling(of: token)
          guard spelling.count < AdaptiveDecoder.largestSpelling else {
            throw StreamError(
              .line(block.name, number), "a piece of \(spelling.count) bytes",
              advice: "tokenise to pieces below \(AdaptiveDecoder.largestSpelling) bytes")
          }
          checksum.add(spelling)
          encoder.encode(token, spelling: spelling)
        }
        checksum.endRecord()
        encoder.endRecord()
      }
      size.recordCount += block.recordEnds.count
      size.tokenCount += block.tokens.count
      coded.isTerminated = block.isTerminated
    }
    coded.tokenCount = size.tokenCount
    coded.checksum = checksum.value
    // How many bytes are spelt out stands before the code: what was altered cannot run on for ever.
    var code = ByteBuffer(capacity: 1 << 12)
    code.append(varint: UInt64(encoder.spelledByteCount))
    code.append(encoder.finish())
    coded.code = Array(code.bytes)
    size.byteCount = coded.code.count
    var payload = ByteBuffer(capacity: coded.code.count + 64)
    coded.append(to: &payload)
    if size.recordCount > 0 { try writer.write(payload, itemCount: size.recordCount) }
    try writer.finish()
    return size
  }

  /// Gives back the token stream of a code, as text.
  ///
  /// - order: what the code's header must say, if anything.
  public static func decode(_ file: InputFile, order: Int?, terminator: UInt8, to sink: ByteSink)
    throws
  {
    try readCode(file) { header in
      guard header["method"] == "adaptive" else {
        throw StreamError(
          .file(file.name), "was coded with model \(header["model"] ?? "?")",
          advice: "decode with -m")
      }
      guard let coded = header["order"].flatMap(Int.init),
        (0...AdaptiveCoding.largestOrder).contains(coded), order == nil || order == coded
      else {
        throw StreamError(
          .file(file.name), "was coded with --adaptive \(header["order"] ?? "?")",
          advice: "give that order, or none")
      }
      guard header["weights"] == nil || header["weights"] == "learnt" else {
        throw StreamError(
          .file(file.name), "weights of an unknown kind", advice: "update arith-code")
      }
    } block: { header, payload, recordCount in
      let coded = try CodedBlock(payload, recordCount: nil)
      var decoder = try AdaptiveDecoder(
        coded.code,
        AdaptiveCoding(order: Int(header["order"]!)!, learnsWeights: header["weights"] == "learnt"))
      var checksum = RunningChecksum()
      var text = ByteBuffer(capacity: 1 << 16)
      var tokenCount = 0
      for record in 0..<recordCount {
        var isFirst = true
        while let spelling = try decoder.next() {
          tokenCount += 1
          guard tokenCount <= coded.tokenCount else { throw altered }
          if !isFirst { text.append(0x20) }
          isFirst = false
          text.append(spelling)
          spelling.withUnsafeBufferPointer { checksum.add($0) }
        }
        checksum.endRecord()
        if record + 1 < recordCount || coded.isTerminated { text.append(terminator) }
        if text.count > 1 << 16 {
          try sink.write(text)
          text.removeAll()
        }
      }
      guard checksum.value == coded.checksum else { throw altered }
      try sink.write(text)
    }
  }
}

/// A checksum of spellings, fed one by one.
private struct RunningChecksum {
  private(set) var value: UInt64 = 0

  mutating func add(_ spelling: UnsafeBufferPointer<UInt8>) {
    value = (value ^ spellingHash(spelling)) &* 0xD6E8_FEB8_6659_FD93
    value ^= value >> 32
  }

  mutating func endRecord() {
    value = (value &+ 1) &* 0xA076_1D64_78BD_642F
    value ^= value >> 29
  }
}
