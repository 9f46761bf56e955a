// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// How GPT-2's files write bytes: as printable characters, the other 68 as U+0100 and on.
enum ByteLevelAlphabet {
  /// The character of each byte.
  static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      switch byte {
      case 33...126, 161...172, 174...255: return UInt32(byte)
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// The byte that a character stands for: the inverse of `scalars`.
  private static func byte(of scalar: UInt32) -> UInt8? {
    switch scalar {
    case 33...126, 161...172, 174...255: UInt8(scalar)
    case 0x100...0x120: UInt8(scalar - 0x100)
    case 0x121...0x142: UInt8(scalar - 0x121 + 127)
    case 0x143: 173
    default: nil
    }
  }

  /// The bytes in the order of their characters: the order of the ids in a vocabulary.
  static let order: [UInt8] = (0..<256).sorted { scalars[$0] < scalars[$1] }.map { UInt8($0) }

  /// Appends the bytes that `text` stands for; false if a character stands for none.
  static func appendBytes(
    of text: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer
  ) -> Bool {
    output.reserve(text.count)
    var target = output.base + output.count
    var index = 0
    while index < text.count {
      let length = utf8SequenceLength(text, at: index)
      guard length > 0, let byte = byte(of: utf8Scalar(text, at: index, length: length)) else {
        return false
      }
      target.pointee = byte
      target += 1
      index &+= length
    }
    output.count = target - output.base
    return true
  }

  /// The characters that stand for `piece`.
  static func text(of piece: some Sequence<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    for byte in piece { output += Array(UTF8.encode(UnicodeScalar(scalars[Int(byte)])!)!) }
    return output
  }

  /// The pieces of a file as bytes.
  ///
  /// - Returns: nothing if a piece holds a character that stands for no byte.
  static func decoded(_ pieces: PieceList) -> PieceList? {
    var result = PieceList()
    var bytes = ByteBuffer()
    for index in 0..<pieces.count {
      bytes.removeAll()
      guard pieces.withPiece(at: index, { appendBytes(of: $0, to: &bytes) }) else { return nil }
      result.append(bytes)
    }
    return result
  }
}
