// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Some whole records of tokens: what readers hand to workers, and workers to writers.
public struct TokenBlock: Sendable {
  /// The tokens of all records, one after the other.
  public var tokens: [Token] = []
  /// For each record the index in `tokens` where it ends.
  public var recordEnds: [Int] = []
  /// The number of the first record in its file, from 1.
  public var firstRecordNumber = 1
  /// The file's name in messages.
  public var name = "<memory>"
  /// False when the last record of a text lacks its terminator, which decoding then lacks too.
  public var isTerminated = true
  /// The spellings of the unknown tokens, in order, where the reader had them.
  public var unknownSpellings: [[UInt8]] = []

  public init() {}

  /// Ends the record that the last appended tokens belong to.
  public mutating func endRecord() { recordEnds.append(tokens.count) }

  /// Whether the last record holds no token; true also without a record.
  var lastRecordIsEmpty: Bool {
    guard let end = recordEnds.last else { return true }
    return end == (recordEnds.dropLast().last ?? 0)
  }

  /// Calls `body` with each record's tokens and number.
  public func forEachRecord(_ body: (ArraySlice<Token>, Int) throws -> Void) rethrows {
    var start = 0
    for (index, end) in recordEnds.enumerated() {
      try body(tokens[start..<end], firstRecordNumber + index)
      start = end
    }
  }
}

/// The payload of a data block of a binary token stream.
///
///     count of new pieces, each as length and spelling       (varints; open vocabularies only)
///     flags (bit 0: the last record lacks its terminator), width of a token (1, 2 or 4 bytes)
///     number of records, length of each                       (varints)
///     tokens, little-endian
enum TokenPayload {
  /// - newSpellings: the pieces that this block uses first, in token order.
  static func append(
    _ block: TokenBlock, newSpellings: [[UInt8]], to output: inout ByteBuffer
  ) {
    output.append(varint: UInt64(newSpellings.count))
    for spelling in newSpellings {
      output.append(varint: UInt64(spelling.count))
      output.append(spelling)
    }
    let largest = block.tokens.max() ?? 0
    let width = largest < 0x100 ? 1 : largest < 0x1_0000 ? 2 : 4
    output.append(block.isTerminated ? 0 : 1)
    output.append(UInt8(width))
    output.append(varint: UInt64(block.recordEnds.count))
    var start = 0
    for end in block.recordEnds {
      output.append(varint: UInt64(end - start))
      start = end
    }
    output.reserve(width * block.tokens.count)
    let target = UnsafeMutableRawPointer(output.base + output.count)
    switch width {
    case 1:
      for (index, token) in block.tokens.enumerated() {
        target.storeBytes(
          of: UInt8(truncatingIfNeeded: token), toByteOffset: index, as: UInt8.self)
      }
    case 2:
      for (index, token) in block.tokens.enumerated() {
        target.storeBytes(
          of: UInt16(truncatingIfNeeded: token).littleEndian, toByteOffset: 2 &* index,
          as: UInt16.self)
      }
    default:
      for (index, token) in block.tokens.enumerated() {
        target.storeBytes(of: token.littleEndian, toByteOffset: 4 &* index, as: UInt32.self)
      }
    }
    output.count += width * block.tokens.count
  }

  /// A payload taken apart: what stands in front of the tokens is read and checked.
  struct Layout {
    let isTerminated: Bool
    /// Bytes a token.
    let width: Int
    let recordCount: Int
    /// The tokens of all records, [sum of lengths * width].
    private(set) var tokens = UnsafeRawBufferPointer(start: nil, count: 0)
    private var lengths: UnsafeBufferPointer<UInt8>
    private var index = 0

    /// - addPiece: called for each new piece.
    /// - Throws: `StreamError` without a place when the payload is not one.
    init(
      _ payload: UnsafeBufferPointer<UInt8>,
      addPiece: (UnsafeBufferPointer<UInt8>) throws(StreamError) -> Void
    ) throws(StreamError) {
      var cursor = ByteCursor(payload)
      for _ in 0..<(try cursor.varint()) {
        let length = Int(truncatingIfNeeded: try cursor.varint())
        try addPiece(try cursor.bytes(length))
      }
      isTerminated = try cursor.integer(as: UInt8.self) & 1 == 0
      width = Int(try cursor.integer(as: UInt8.self))
      let recordCount = try cursor.varint()
      guard [1, 2, 4].contains(width), recordCount <= UInt64(cursor.remainingCount) else {
        throw StreamError(.none, "corrupt token block")
      }
      self.recordCount = Int(recordCount)
      lengths = UnsafeBufferPointer(rebasing: payload[cursor.index...])
      var total = 0
      for _ in 0..<self.recordCount {
        let length = try nextLength()
        guard length >= 0, length <= payload.count else {
          throw StreamError(.none, "corrupt token block")
        }
        total += length
      }
      guard total <= payload.count, lengths.count - index == total * width else {
        throw StreamError(.none, "corrupt token block")
      }
      tokens = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: lengths[index...]))
      lengths = UnsafeBufferPointer(rebasing: lengths[..<index])
      index = 0
    }

    /// The number of tokens of the next record.
    @inline(__always) mutating func nextLength() throws(StreamError) -> Int {
      // Most records have fewer than 128 tokens.
      if index < lengths.count, lengths[index] < 0x80 {
        index &+= 1
        return Int(lengths[index &- 1])
      }
      return try nextLongLength()
    }

    private mutating func nextLongLength() throws(StreamError) -> Int {
      var cursor = ByteCursor(UnsafeBufferPointer(rebasing: lengths[index...]))
      let length = Int(truncatingIfNeeded: try cursor.varint())
      index += cursor.index
      return length
    }
  }

  /// Reads a payload; `addPiece` is called for each new piece, before the tokens are read.
  static func decode(
    _ payload: UnsafeBufferPointer<UInt8>, into block: inout TokenBlock,
    addPiece: (UnsafeBufferPointer<UInt8>) throws(StreamError) -> Void
  ) throws(StreamError) {
    var layout = try Layout(payload, addPiece: addPiece)
    block.isTerminated = layout.isTerminated
    block.recordEnds.reserveCapacity(layout.recordCount)
    var total = 0
    for _ in 0..<layout.recordCount {
      total += try layout.nextLength()
      block.recordEnds.append(total)
    }
    let bytes = layout.tokens
    let width = layout.width
    block.tokens = [Token](unsafeUninitializedCapacity: total) { tokens, count in
      switch width {
      case 1: for index in 0..<total { tokens[index] = Token(bytes[index]) }
      case 2:
        for index in 0..<total {
          tokens[index] = Token(
            UInt16(
              littleEndian: bytes.loadUnaligned(fromByteOffset: 2 &* index, as: UInt16.self)))
        }
      default:
        for index in 0..<total {
          tokens[index] = Token(
            littleEndian: bytes.loadUnaligned(fromByteOffset: 4 &* index, as: UInt32.self))
        }
      }
      count = total
    }
  }
}
