// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// The text preparation of BERT: what becomes of a text before it is cut into words, and the cutting.
///
/// Order: controls go and white space becomes a space; ideographs get spaces around them; accents are
/// split off (NFD) and go; lower case. Then words end at white space, and each punctuation mark is a
/// word; all ASCII symbols count as punctuation.
public struct BertPreparation: Sendable, Equatable {
  /// Drop control characters and U+FFFD.
  public var cleansText = true
  /// Put spaces around ideographs, so that each is a word.
  public var separatesIdeographs = true
  public var stripsAccents = true
  public var lowercases = true

  public init() {}

  /// The class of a byte in a text that is still as it was read.
  enum ByteClass: UInt8 {
    /// Part of a chunk: letters, digits, and all that needs a closer look.
    case chunk
    case space
    case punctuation
  }

  /// Chunks end at ASCII white space and ASCII punctuation: what stands between is prepared by itself
  /// with the same result, because such characters combine with nothing.
  var byteClasses: [ByteClass] {
    (0..<256).map { byte in
      switch byte {
      case 0x09, 0x0A, 0x0D, 0x20: .space
      case 0x0B, 0x0C: cleansText ? .chunk : .space
      case 0..<0x80: UnicodeData.isPunctuation(UInt32(byte)) ? .punctuation : .chunk
      default: .chunk
      }
    }
  }

  /// Calls `body` with each word of a chunk.
  ///
  /// - first, second: room for the forms on the way.
  func forEachWord(
    of chunk: UnsafeBufferPointer<UInt8>, _ first: inout ByteBuffer, _ second: inout ByteBuffer,
    _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    if chunk.allSatisfy({ $0 < 0x80 && !BertPreparation.isCut($0) }) {
      first.removeAll()
      for byte in chunk where !cleansText || (byte >= 0x20 && byte != 0x7F) {
        let isUpper = lowercases && byte >= 0x41 && byte <= 0x5A
        first.append(isUpper ? byte | 0x20 : byte)
      }
      if !first.isEmpty { body(first.bytes) }
      return
    }
    clean(chunk, into: &first)
    if stripsAccents {
      second.removeAll()
      NormalizationForm.nfd.append(first.bytes, to: &second)
      first.removeAll()
      forEachScalar(of: second.bytes) { scalar, _ in
        if !UnicodeData.isNonspacingMark(scalar) { first.append(scalar: scalar) }
      }
    }
    if lowercases {
      second.removeAll()
      forEachScalar(of: first.bytes) { scalar, _ in
        UnicodeData.appendLowercase(scalar, to: &second)
      }
      swap(&first, &second)
    }
    cut(first.bytes, body)
  }

  /// Whether an ASCII byte ends a word; chunks of the encoder have none.
  private static func isCut(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) || UnicodeData.isPunctuation(UInt32(byte))
  }

  private func clean(_ chunk: UnsafeBufferPointer<UInt8>, into output: inout ByteBuffer) {
    output.removeAll()
    forEachScalar(of: chunk) { scalar, _ in
      if cleansText {
        if scalar == 0 || scalar == 0xFFFD { return }
        if UnicodeData.isWhitespace(scalar), !(0x0B...0x0C).contains(scalar), scalar != 0x85 {
          output.append(0x20)
          return
        }
        if UnicodeData.isControl(scalar) { return }
      }
      let isSeparate = separatesIdeographs && BertPreparation.isIdeograph(scalar)
      if isSeparate { output.append(0x20) }
      output.append(scalar: scalar)
      if isSeparate { output.append(0x20) }
    }
  }

  private func cut(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    var start = 0
    forEachScalar(of: text) { scalar, range in
      let isSpace = UnicodeData.isWhitespace(scalar)
      guard isSpace || UnicodeData.isPunctuation(scalar) else { return }
      if range.lowerBound > start {
        body(UnsafeBufferPointer(rebasing: text[start..<range.lowerBound]))
      }
      if !isSpace { body(UnsafeBufferPointer(rebasing: text[range])) }
      start = range.upperBound
    }
    if start < text.count { body(UnsafeBufferPointer(rebasing: text[start...])) }
  }

  /// The ranges that the `tokenizers` library takes for ideographs; it begins one block late.
  static func isIdeograph(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
      0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}
