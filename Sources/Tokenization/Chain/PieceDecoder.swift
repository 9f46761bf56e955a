// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// How pieces become text again: the decoders of `tokenizer.json`.
public indirect enum PieceDecoder: Sendable {
  /// One after the other; pieces with spaces between them when empty.
  case sequence([PieceDecoder])
  case byteLevel
  case wordPiece(prefix: [UInt8], cleansUp: Bool)
  case bpe(suffix: [UInt8])
  case metaspace(replacement: [UInt8], PreTokenizer.PrependScheme)
  case replace([UInt8], [UInt8])
  case byteFallback
  case fuse
  /// Drop `start` spaces from the beginning of the text.
  case strip(start: Int)

  static let none = PieceDecoder.sequence([])

  /// All steps, those of sequences too.
  var steps: [PieceDecoder] {
    if case .sequence(let parts) = self { parts.flatMap(\.steps) } else { [self] }
  }

  /// The same as facts about spelt pieces, as streams carry them.
  var decoding: TextDecoding {
    var decoding = steps.isEmpty ? TextDecoding.spaced : .concatenated
    for step in steps {
      switch step {
      case .sequence, .byteLevel, .replace, .fuse: break
      case .wordPiece(let prefix, let cleansUp):
        decoding = .spaced
        decoding.continuationPrefix = prefix
        decoding.joinsPunctuation = cleansUp
      case .bpe(let suffix): decoding.wordEndSuffix = suffix
      case .metaspace(_, let scheme): decoding.dropsLeadingSpace = scheme != .never
      case .byteFallback: decoding.hasByteFallback = true
      case .strip(let start): decoding.dropsLeadingSpace = start > 0
      }
    }
    return decoding
  }

  /// The bytes that a piece of the file stands for in a text, after the `steps` of a decoder.
  static func bytes(of piece: [UInt8], _ steps: [PieceDecoder]) -> [UInt8] {
    var result = piece
    for step in steps {
      switch step {
      case .byteLevel:
        var bytes = ByteBuffer()
        if piece.withUnsafeBufferPointer({ ByteLevelAlphabet.appendBytes(of: $0, to: &bytes) }) {
          result = Array(bytes.bytes)
        }
      case .replace(let text, let new):
        result = result.replacing(bytes: text, by: new)
      case .metaspace(let mark, _):
        result = result.replacing(bytes: mark, by: [0x20])
      default: break
      }
    }
    return result
  }
}
