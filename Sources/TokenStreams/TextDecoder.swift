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
    var start = 0
    for record in 0..<payload.recordCount {
      let count = try payload.nextLength()
      let wrong =
        switch payload.width {
        case 1: append(payload.tokens, start, count, as: UInt8.self, to: &output)
        case 2: append(payload.tokens, start, count, as: UInt16.self, to: &output)
        default: append(payload.tokens, start, count, as: UInt32.self, to: &output)
        }
      if let wrong {
        throw StreamError(
          .line(name, firstRecordNumber + record), "id \(wrong) is not below \(self.count)",
          advice: "decode with the model that encoded")
      }
      output.append(terminator)
      start += count
    }
    if !payload.isTerminated, payload.recordCount > 0 { output.count -= 1 }
  }

  /// Appends the text of one record of tokens that are all in the vocabulary.
  public mutating func append(
    record: UnsafeBufferPointer<Token>, to output: inout ByteBuffer
  ) {
    let wrong = append(
      UnsafeRawBufferPointer(record), 0, record.count, as: Token.self, to: &output)
    precondition(wrong == nil, "tokens are below the size of the vocabulary")
  }

  /// Appends the text of one record; returns a token that is not in the vocabulary.
  @inline(__always)
  private mutating func append<I: FixedWidthInteger & UnsignedInteger>(
    _ tokens: UnsafeRawBufferPointer, _ start: Int, _ count: Int, as type: I.Type,
    to output: inout ByteBuffer
  ) -> Int? {
    let tokens = tokens.baseAddress.map { $0 + start &* MemoryLayout<I>.size }
    @inline(__always) func token(_ index: Int) -> Int {
      Int(
        truncatingIfNeeded: I(
          littleEndian: tokens!.loadUnaligned(
            fromByteOffset: index &* MemoryLayout<I>.size, as: I.self)))
    }
    begin()
    let slowCount = isPlain ? min(count, isFirstOther ? 1 : 0) : count
    for index in 0..<slowCount {
      guard token(index) < self.count else { return token(index) }
      append(Token(token(index)), to: &output)
    }
    if slowCount == count { return nil }
    if spaceIsDue { output.append(0x20) }
    let known = slots.count
    let wrong: Int? = slots.withUnsafeBufferPointer { slots in
      lengths.withUnsafeBufferPointer { lengths in
        var index = slowCount
        while index < count {
          // As many short texts as there is room for without asking again.
          let stop = min(count, index &+ 64)
          output.reserve(16 &* 64)
          var target = output.base + output.count
          while index < stop {
            let token = token(index)
            if token >= known { return token }
            UnsafeMutableRawPointer(target).storeBytes(of: slots[token], as: Slot.self)
            let length = lengths[token]
            index &+= 1
            if length != TextDecoder.long {
              target += Int(length)
              continue
            }
            output.count = target - output.base
            bytes.withUnsafeBufferPointer {
              output.append(UnsafeBufferPointer(rebasing: $0[bounds[token]..<bounds[token &+ 1]]))
            }
            output.reserve(16 &* 64)
            target = output.base + output.count
          }
          output.count = target - output.base
        }
        return nil
      }
    }
    if wrong == nil, count > 0, endsWord[token(count - 1)] { output.count -= 1 }
    return wrong
  }
}
