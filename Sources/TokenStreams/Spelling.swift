// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// How a piece (any bytes) is written in a text stream (printable UTF-8 without blanks).
///
/// A space is `▁` (U+2581). Control bytes, DEL, bytes that are not UTF-8, a literal `▁`, and the first
/// byte of a piece that would read as `<s>`, `</s>` or `<unk>` are `\xHH`; a backslash is `\\`.
/// So byte order of lines is the order of tuples, and every piece can be read back exactly.
///
///     "a b"  ->  a▁b        [0xC3]  ->  \xC3        "<s>"  ->  \x3Cs>
public enum Spelling {
  public static let unknown = Array("<unk>".utf8)
  public static let beginning = Array("<s>".utf8)
  public static let end = Array("</s>".utf8)
  /// These, in the order of their tokens.
  public static let specials = [unknown, beginning, end]

  /// Appends the spelling of `piece` to `output`.
  public static func append(_ piece: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer) {
    // An escape has four bytes.
    output.reserve(4 * piece.count)
    var target = output.base + output.count
    func put(_ byte: UInt8) {
      target.pointee = byte
      target += 1
    }
    func putEscape(_ byte: UInt8) {
      func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
      put(0x5C)
      put(UInt8(ascii: "x"))
      put(digit(byte >> 4))
      put(digit(byte & 15))
    }
    var index = 0
    if isSpecial(piece) {
      putEscape(piece[0])
      index = 1
    }
    while index < piece.count {
      let byte = piece[index]
      var length = 1
      switch byte {
      case 0x20:
        put(0xE2)
        put(0x96)
        put(0x81)
      case 0x5C:
        put(byte)
        put(byte)
      case 0x00...0x1F, 0x7F: putEscape(byte)
      case 0x21...0x7E: put(byte)
      default:
        length = utf8SequenceLength(piece, at: index)
        if length == 0 || isSpaceMark(piece, at: index) {
          length = max(length, 1)
          for offset in 0..<length { putEscape(piece[index &+ offset]) }
        } else {
          for offset in 0..<length { put(piece[index &+ offset]) }
        }
      }
      index &+= length
    }
    output.count = target - output.base
  }

  /// Appends the bytes that `spelling` stands for to `output`; a malformed escape stands for itself.
  public static func appendBytes(
    of spelling: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer
  ) {
    output.reserve(spelling.count)
    var target = output.base + output.count
    var index = 0
    while index < spelling.count {
      var byte = spelling[index]
      var length = 1
      if byte == 0x5C {
        if index + 1 < spelling.count, spelling[index + 1] == 0x5C {
          length = 2
        } else if index + 3 < spelling.count, spelling[index + 1] == UInt8(ascii: "x"),
          let high = hexValue(spelling[index + 2]), let low = hexValue(spelling[index + 3])
        {
          byte = high << 4 | low
          length = 4
        }
      } else if byte == 0xE2, isSpaceMark(spelling, at: index) {
        byte = 0x20
        length = 3
      }
      target.pointee = byte
      target += 1
      index &+= length
    }
    output.count = target - output.base
  }

  /// The bytes that a spelling stands for.
  public static func bytes(of spelling: [UInt8]) -> [UInt8] {
    var output = ByteBuffer(capacity: spelling.count)
    spelling.withUnsafeBufferPointer { appendBytes(of: $0, to: &output) }
    return Array(output.bytes)
  }

  /// The spelling of a piece.
  public static func spelling(of piece: [UInt8]) -> [UInt8] {
    var output = ByteBuffer(capacity: piece.count)
    piece.withUnsafeBufferPointer { append($0, to: &output) }
    return Array(output.bytes)
  }

  /// Whether a spelling is the one that `append` would write for its bytes; specials are.
  public static func isCanonical(_ spelling: UnsafeBufferPointer<UInt8>) -> Bool {
    // Printable UTF-8 without a backslash is the rule: decide that without a copy.
    var index = 0
    while index < spelling.count {
      let byte = spelling[index]
      if byte <= 0x20 || byte == 0x5C || byte == 0x7F { break }
      let length = utf8SequenceLength(spelling, at: index)
      if length == 0 { return false }
      index += length
    }
    if index == spelling.count { return true }
    var bytes = ByteBuffer(capacity: spelling.count)
    appendBytes(of: spelling, to: &bytes)
    var again = ByteBuffer(capacity: spelling.count)
    append(bytes.bytes, to: &again)
    return again.bytes.elementsEqual(spelling)
  }

  /// The canonical spelling of what a spelling, canonical or not, stands for.
  public static func canonical(_ spelling: [UInt8]) -> [UInt8] {
    if spelling.withUnsafeBufferPointer({ isCanonical($0) }) { return spelling }
    return self.spelling(of: bytes(of: spelling))
  }

  static func isSpecial(_ piece: UnsafeBufferPointer<UInt8>) -> Bool {
    guard piece.count >= 3, piece.count <= 5, piece[0] == UInt8(ascii: "<") else { return false }
    return piece.elementsEqual(unknown) || piece.elementsEqual(beginning)
      || piece.elementsEqual(end)
  }

  private static func isSpaceMark(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
    index + 2 < bytes.count && bytes[index] == 0xE2 && bytes[index + 1] == 0x96
      && bytes[index + 2] == 0x81
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}

/// Calls `body` with each piece of a token-text record: runs of blanks and TABs separate them.
@inlinable public func forEachPiece<Failure: Error>(
  in record: UnsafeBufferPointer<UInt8>,
  _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Void
) throws(Failure) {
  var index = 0
  while index < record.count {
    while index < record.count, record[index] == 0x20 || record[index] == 0x09 { index &+= 1 }
    let start = index
    while index < record.count, record[index] != 0x20, record[index] != 0x09 { index &+= 1 }
    if index > start { try body(UnsafeBufferPointer(rebasing: record[start..<index])) }
  }
}
