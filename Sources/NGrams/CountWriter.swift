// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// Writes n-gram counts as text or as a binary stream.
///
/// N-grams must come in byte order of their spellings, each once.
public struct CountWriter: ~Copyable {
  public enum Form: Sendable {
    /// `w1 w2 w3<TAB>count`
    case text
    /// The binary stream; level as in zstd(1), 0 for none.
    case binary(level: Int)
  }

  private let sink: ByteSink
  private let order: Int
  private let vocabulary: Vocabulary
  private var writer: BlockWriter?
  private var encoder: CountEncoder
  private var buffer = ByteBuffer(capacity: 1 << 18)

  /// - vocabulary: the one whose tokens the n-grams hold. For a binary stream, which carries it in
  ///   front, its tokens are numbered in byte order, and each occurs.
  /// - smoothing: what the counts are a model of, to be said in front.
  public init(
    _ sink: ByteSink, order: Int, isPositional: Bool = false, padding: [UInt8]? = nil,
    smoothing: String? = nil, vocabulary: Vocabulary, form: Form
  ) throws(StreamError) {
    self.sink = sink
    self.order = order
    self.vocabulary = vocabulary
    encoder = CountEncoder(order: order)
    if case .binary(let level) = form {
      let header = CountHeader(
        order: order, isPositional: isPositional, padding: padding, smoothing: smoothing,
        vocabulary: vocabulary)
      writer = try BlockWriter(sink, header: header.encoded, level: level)
    } else if let smoothing {
      try sink.write(
        CountModelLine(smoothing: smoothing, padding: padding, decoding: vocabulary.decoding)
          .description)
    }
  }

  /// Writes the n-grams of a block.
  public mutating func write(_ block: CountBlock) throws(StreamError) {
    precondition(block.order == order)
    buffer.removeAll()
    encoder.startBlock()
    block.tokens.withUnsafeBufferPointer { tokens in
      for (index, count) in block.counts.enumerated() {
        if writer != nil {
          encoder.append(tokens.baseAddress! + index * order, count: count, to: &buffer)
          continue
        }
        for offset in 0..<order {
          buffer.append(vocabulary.spelling(of: tokens[index * order + offset]))
          buffer.append(offset + 1 < order ? 0x20 : 0x09)
        }
        buffer.append(decimal: count)
        buffer.append(0x0A)
      }
    }
    if writer != nil {
      try writer!.write(buffer, itemCount: block.count)
    } else {
      try sink.write(buffer)
    }
  }

  /// Completes the stream; the sink stays open.
  public mutating func finish() throws(StreamError) {
    if writer != nil { try writer!.finish() }
  }
}
