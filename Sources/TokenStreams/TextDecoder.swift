// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Turns the tokens of a record into text, piece by piece.
///
/// The text of a piece is kept with the space that parts it from its neighbours: before it where pieces
/// are parted by spaces, behind it where a piece says that it ends a word. So most of a record is one
/// text after the other.
///
/// Unsafe in one place: `slots` holds for each token up to 16 bytes of text, `lengths` their number, or
/// 255 for a longer text. All texts lie in bytes[bounds[t]..<bounds[t + 1]] too.
public struct TextDecoder: Sendable {
  private typealias Slot = SIMD16<UInt8>

  private let decoding: TextDecoding
  /// Whether spaces stand only before or only behind pieces: both cannot be one text.
  private let isPlain: Bool
  /// Whether the first piece of a record has other text than further ones.
  private let isFirstOther: Bool
  private var slots: [Slot] = []
  /// Apart from the texts: a length that is taken from a text waits until the text is stored.
  private var lengths: [UInt8] = []
  private var bytes: [UInt8] = []
  private var bounds: [Int] = [0]
  /// Whether the text of a piece has a space before it, and behind it.
  private var isParted: [Bool] = []
  private var endsWord: [Bool] = []
  private let hasWordEnds: Bool
  private var isFirst = true
  private var spaceIsDue = false
  private static let long: UInt8 = 255

  public init(_ vocabulary: Vocabulary) {
    self.init(vocabulary.decoding)
    slots.reserveCapacity(vocabulary.count)
    var text = ByteBuffer()
    for token in 0..<Token(vocabulary.count) { append(vocabulary.spelling(of: token), &text) }
  }

  /// A decoder of a vocabulary that is given piece by piece.
  public init(_ decoding: TextDecoding) {
    self.decoding = decoding
    isPlain = decoding.joining == .concatenated || decoding.wordEndSuffix.isEmpty
    hasWordEnds = !decoding.wordEndSuffix.isEmpty
    isFirstOther = decoding.joining != .concatenated || decoding.dropsLeadingSpace
  }

  /// Number of tokens it knows.
  public var count: Int { slots.count }

  /// Adds the piece of the next token.
  public mutating func append(spelling: UnsafeBufferPointer<UInt8>) {
    var text = ByteBuffer(capacity: spelling.count + 2)
    append(spelling, &text)
  }

  private mutating func append(
    _ spelling: UnsafeBufferPointer<UInt8>, _ text: inout ByteBuffer
  ) {
    text.removeAll()
    text.append(0x20)
    let piece = PieceText(of: spelling, decoding, to: &text)
    if piece.endsWord { text.append(0x20) }
    let own = UnsafeBufferPointer(rebasing: text.bytes[(piece.joinsLeft ? 1 : 0)...])
    var slot = Slot(repeating: 0)
    let isLong = own.count > 16
    if !isLong {
      withUnsafeMutableBytes(of: &slot) { $0.copyMemory(from: UnsafeRawBufferPointer(own)) }
    }
    slots.append(slot)
    lengths.append(isLong ? TextDecoder.long : UInt8(own.count))
    bytes.append(contentsOf: own)
    bounds.append(bytes.count)
    isParted.append(!piece.joinsLeft)
    endsWord.append(piece.endsWord)
  }

  /// Starts a new record.
  public mutating func begin() {
    isFirst = true
    spaceIsDue = false
  }

  /// Appends the text of one token to `output`.
  public mutating func append(_ token: Token, to output: inout ByteBuffer) {
    let index = Int(token)
    var start = bounds[index] + (isParted[index] ? 1 : 0)
    let end = bounds[index + 1] - (endsWord[index] ? 1 : 0)
    if spaceIsDue || (!isFirst && isParted[index]) { output.append(0x20) }
    if isFirst, decoding.dropsLeadingSpace, start < end, bytes[start] == 0x20 { start += 1 }
    bytes.withUnsafeBufferPointer { output.append(UnsafeBufferPointer(rebasing: $0[start..<end])) }
    isFirst = false
    spaceIsDue = endsWord[index]
  }

  /// Appends the text of a data block, each record with its terminator but for an open last one.
  ///
  /// - Throws: `StreamError` at the record of a token that is not in the vocabulary.
  mutating func append(
    _ payload: inout TokenPayload.Layout, name: String, firstRecordNumber: Int,
    terminator: UInt8, to output: inout ByteBuffer
  ) throws(StreamError) {
    let wrong =
      switch payload.width {
      case 1: try append(&payload, as: UInt8.self, terminator, to: &output)
      case 2: try append(&payload, as: UInt16.self, terminator, to: &output)
      default: try append(&payload, as: UInt32.self, terminator, to: &output)
      }
    if let wrong {
      throw StreamError(
        .line(name, firstRecordNumber + wrong.record),
        "id \(wrong.token) is not below \(self.count)",
        advice: "decode with the model that encoded")
    }
    if !payload.isTerminated, payload.recordCount > 0 { output.count -= 1 }
  }

  /// Appends the text of all records; returns a token that is not in the vocabulary, and its record.
  private mutating func append<I: FixedWidthInteger & UnsignedInteger>(
    _ payload: inout TokenPayload.Layout, as type: I.Type, _ terminator: UInt8,
    to output: inout ByteBuffer
  ) throws(StreamError) -> (record: Int, token: Int)? {
    var start = 0
    return try withTexts { (decoder, texts) throws(StreamError) in
      for record in 0..<payload.recordCount {
        let count = try payload.nextLength()
        let tokens = payload.tokens.baseAddress.map { $0 + start &* MemoryLayout<I>.size }
        if let wrong = decoder.append(tokens, count, as: I.self, texts, to: &output) {
          return (record, wrong)
        }
        output.append(terminator)
        start &+= count
      }
      return nil
    }
  }

  /// Appends the text of one record of tokens that are all in the vocabulary.
  public mutating func append(
    record: UnsafeBufferPointer<Token>, to output: inout ByteBuffer
  ) {
    let wrong = withTexts { decoder, texts in
      decoder.append(
        UnsafeRawPointer(record.baseAddress), record.count, as: Token.self, texts, to: &output)
    }
    precondition(wrong == nil, "tokens are below the size of the vocabulary")
  }

  /// The texts of all tokens, in memory that stays where it is during a call.
  private struct Texts {
    let slots: UnsafePointer<Slot>
    let lengths: UnsafePointer<UInt8>
    let bytes: UnsafePointer<UInt8>
  }

  private mutating func withTexts<Result, Failure: Error>(
    _ body: (inout TextDecoder, Texts) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let (slots, lengths, bytes) = (slots, lengths, bytes)
    return try slots.withUnsafeBufferPointer { (slots) throws(Failure) in
      try lengths.withUnsafeBufferPointer { (lengths) throws(Failure) in
        try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
          // Without a token there is nothing to be read.
          let empty = UnsafePointer<UInt8>(bitPattern: 1)!
          return try body(
            &self,
            Texts(
              slots: slots.baseAddress ?? UnsafePointer(bitPattern: 16)!,
              lengths: lengths.baseAddress ?? empty, bytes: bytes.baseAddress ?? empty))
        }
      }
    }
  }

  /// Appends the text of one record; returns a token that is not in the vocabulary.
  @inline(__always)
  private mutating func append<I: FixedWidthInteger & UnsignedInteger>(
    _ tokens: UnsafeRawPointer?, _ count: Int, as type: I.Type, _ texts: Texts,
    to output: inout ByteBuffer
  ) -> Int? {
    @inline(__always) func token(_ index: Int) -> Int {
      Int(
        truncatingIfNeeded: I(
          littleEndian: tokens!.loadUnaligned(
            fromByteOffset: index &* MemoryLayout<I>.size, as: I.self)))
    }
    let known = self.count
    let slowCount = isPlain ? min(count, isFirstOther ? 1 : 0) : count
    if slowCount > 0 {
      begin()
      for index in 0..<slowCount {
        guard token(index) < known else { return token(index) }
        append(Token(token(index)), to: &output)
      }
      if slowCount == count { return nil }
      if spaceIsDue { output.append(0x20) }
    }
    var index = slowCount
    while index < count {
      // As many short texts as there is room for without asking again.
      let stop = min(count, index &+ 64)
      output.reserve(16 &* 64)
      var target = output.base + output.count
      while index < stop {
        let token = token(index)
        if token >= known { return token }
        UnsafeMutableRawPointer(target).storeBytes(of: texts.slots[token], as: Slot.self)
        let length = texts.lengths[token]
        index &+= 1
        if length != TextDecoder.long {
          target += Int(length)
          continue
        }
        output.count = target - output.base
        output.append(
          UnsafeBufferPointer(
            start: texts.bytes + bounds[token], count: bounds[token &+ 1] &- bounds[token]))
        output.reserve(16 &* 64)
        target = output.base + output.count
      }
      output.count = target - output.base
    }
    if count > 0, hasWordEnds, endsWord[token(count - 1)] { output.count -= 1 }
    return nil
  }
}
