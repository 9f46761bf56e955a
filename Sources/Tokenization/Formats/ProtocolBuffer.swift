// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Reads the fields of a message in the wire format of Protocol Buffers.
///
/// Reference: «Encoding», protobuf.dev: a field is a varint of number and type, then its value.
struct MessageReader {
  /// A field's value: a number, or bytes whose meaning its schema knows.
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(ArraySlice<UInt8>)
  }

  private let bytes: ArraySlice<UInt8>
  private var index: Int
  private let name: String

  /// - name: of the file, for messages; offsets are indices of `bytes`.
  init(_ bytes: ArraySlice<UInt8>, name: String) {
    self.bytes = bytes
    self.name = name
    index = bytes.startIndex
  }

  /// The next field, or nothing at the end of the message.
  mutating func next() throws(StreamError) -> (field: Int, value: Value, offset: Int)? {
    guard index < bytes.endIndex else { return nil }
    let offset = index
    let tag = try varint()
    let field = Int(truncatingIfNeeded: tag >> 3)
    guard field > 0, tag >> 3 < 1 << 29 else {
      throw failure("field number \(tag >> 3) is out of range", at: offset)
    }
    switch tag & 7 {
    case 0: return (field, .varint(try varint()), offset)
    case 1: return (field, .fixed64(try fixed(8)), offset)
    case 2:
      let count = try varint()
      guard count <= UInt64(bytes.endIndex - index) else {
        throw failure(
          "field \(field) of \(count) bytes ends after the file's end", at: offset)
      }
      let end = index + Int(count)
      defer { index = end }
      return (field, .bytes(bytes[index..<end]), offset)
    case 5: return (field, .fixed32(UInt32(try fixed(4))), offset)
    default: throw failure("wire type \(tag & 7) is unknown", at: offset)
    }
  }

  func failure(_ problem: String, at offset: Int) -> StreamError {
    StreamError(
      .offset(name, offset), "malformed SentencePiece model: \(problem)",
      advice: "fetch the file again")
  }

  private mutating func varint() throws(StreamError) -> UInt64 {
    let start = index
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while index < bytes.endIndex, shift < 64 {
      let byte = bytes[index]
      index += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw failure("a number has no end", at: start)
  }

  private mutating func fixed(_ count: Int) throws(StreamError) -> UInt64 {
    guard bytes.endIndex - index >= count else { throw failure("it ends early", at: index) }
    var value: UInt64 = 0
    for offset in (0..<count).reversed() { value = value << 8 | UInt64(bytes[index + offset]) }
    index += count
    return value
  }
}

extension ByteBuffer {
  mutating func append(field: Int, varint value: UInt64) {
    append(varint: UInt64(field << 3))
    append(varint: value)
  }

  mutating func append(field: Int, float value: Float) {
    append(varint: UInt64(field << 3 | 5))
    append(littleEndian: value.bitPattern)
  }

  mutating func append(field: Int, bytes value: [UInt8]) {
    append(varint: UInt64(field << 3 | 2))
    append(varint: UInt64(value.count))
    append(value)
  }
}
