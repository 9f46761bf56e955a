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
  private var writer: BlockWriter?
  private var formatting: CountFormatting<Vocabulary>?

  /// - vocabulary: the one whose tokens the n-grams hold. For a binary stream, which carries it in
  ///   front, its tokens are numbered in byte order, and each occurs.
  /// - smoothing: what the counts are a model of, to be said in front.
  public init(
    _ sink: ByteSink, order: Int, isPositional: Bool = false, padding: [UInt8]? = nil,
    smoothing: String? = nil, vocabulary: Vocabulary, form: Form
  ) throws(StreamError) {
    var header = CountHeader(order: order, isPositional: isPositional, padding: padding)
    header.smoothing = smoothing
    header.decoding = vocabulary.decoding
    header.tokenizerFingerprint = vocabulary.tokenizerFingerprint
    try self.init(sink, header: header, vocabulary: vocabulary, form: form)
    formatting = CountFormatting(form: form, order: order, vocabulary: vocabulary)
  }

  /// - vocabulary: the spellings that occur, in byte order; a binary stream carries them in front.
  init(
    _ sink: ByteSink, header: CountHeader, vocabulary: some SpellingTable, form: Form
  ) throws(StreamError) {
    self.sink = sink
    if case .binary(let level) = form {
      writer = try BlockWriter(sink, header: header.encoded(with: vocabulary), level: level)
    } else if let smoothing = header.smoothing {
      try sink.write(
        CountModelLine(smoothing: smoothing, padding: header.padding, decoding: header.decoding)
          .description)
    }
  }

  /// Writes the n-grams of a block; the writer was made with their vocabulary.
  public mutating func write(_ block: CountBlock) throws(StreamError) {
    try write(formatting!.block(block))
  }

  /// Writes a block that `CountFormatting` has put into form.
  mutating func write(_ block: EncodedBlock) throws(StreamError) {
    if writer != nil {
      try writer!.write(encoded: block.bytes, itemCount: block.count)
    } else {
      try sink.write(block.bytes)
    }
  }

  /// Completes the stream; the sink stays open.
  public mutating func finish() throws(StreamError) {
    if writer != nil { try writer!.finish() }
  }
}

/// Spellings by number, in byte order.
protocol SpellingTable: Sendable {
  var count: Int { get }
  func spelling(of token: Token) -> UnsafeBufferPointer<UInt8>
}

extension Vocabulary: SpellingTable {}

/// A block in its final form, and the number of its n-grams.
final class EncodedBlock: Sendable {
  let bytes: ByteBuffer
  let count: Int

  init(_ bytes: consuming ByteBuffer, count: Int) {
    self.bytes = bytes
    self.count = count
  }
}

/// Puts n-grams, in ascending order, into the form of a stream: the part of writing that threads share.
struct CountFormatting<Spellings: SpellingTable>: Sendable {
  let form: CountWriter.Form
  let order: Int
  let vocabulary: Spellings

  /// The block of `count` n-grams.
  ///
  /// - next: fills in the tokens of one n-gram, [order], and returns its count.
  @inline(__always)
  func block(
    _ count: Int, next: (UnsafeMutablePointer<Token>) throws -> UInt64
  ) rethrows -> EncodedBlock {
    EncodedBlock(try bytes(count, next: next), count: count)
  }

  /// The bytes of such a block.
  @inline(__always)
  func bytes(
    _ count: Int, next: (UnsafeMutablePointer<Token>) throws -> UInt64
  ) rethrows -> ByteBuffer {
    var output = ByteBuffer(capacity: 32 * count)
    var tokens = [Token](repeating: 0, count: order)
    try tokens.withUnsafeMutableBufferPointer { tokens in
      let tokens = tokens.baseAddress!
      switch form {
      case .text:
        for _ in 0..<count {
          let value = try next(tokens)
          for column in 0..<order {
            output.append(vocabulary.spelling(of: tokens[column]))
            output.append(column &+ 1 < order ? 0x20 : 0x09)
          }
          output.append(decimal: value)
          output.append(0x0A)
        }
      case .binary(let level):
        var payload = ByteBuffer(capacity: 8 * count)
        var encoder = CountEncoder(order: order)
        for _ in 0..<count {
          let value = try next(tokens)
          encoder.append(tokens, count: value, to: &payload)
        }
        var frame = BlockEncoder(level: level)
        frame.append(data: payload, itemCount: count, to: &output)
      }
    }
    return output
  }

  /// A block that lies in memory.
  func block(_ counts: CountBlock) -> EncodedBlock {
    EncodedBlock(bytes(counts), count: counts.count)
  }

  /// The bytes of such a block.
  func bytes(_ counts: CountBlock) -> ByteBuffer {
    precondition(counts.order == order)
    var index = 0
    return bytes(counts.count) { target in
      for column in 0..<order { target[column] = counts.tokens[index &* order &+ column] }
      index &+= 1
      return counts.counts[index &- 1]
    }
  }
}
