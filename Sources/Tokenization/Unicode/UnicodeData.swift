// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CUtf8proc

/// Facts about code points: categories of the pinned tables, case and graphemes of the utf8proc library.
public enum UnicodeData {
  /// The version of utf8proc's tables, as in `15.0.0`.
  public static var version: String { String(cString: utf8proc_unicode_version()) }

  /// White_Space: what regular expressions call `\s`.
  static func isWhitespace(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
      0x3000:
      true
    default: false
    }
  }

  /// General category P, and all ASCII symbols, as the `tokenizers` library knows them.
  static func isPunctuation(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 {
      return (0x21...0x2F).contains(scalar) || (0x3A...0x40).contains(scalar)
        || (0x5B...0x60).contains(scalar) || (0x7B...0x7E).contains(scalar)
    }
    return CategorySet.punctuation.contains(UnicodeCategory.number(of: scalar))
      ? !LaterCharacters.contains(LaterCharacters.punctuation, scalar)
      : scalar == 0x166D || scalar == 0x111C9
  }

  /// General category M.
  static func isMark(_ scalar: UInt32) -> Bool {
    CategorySet.marks.contains(UnicodeCategory.number(of: scalar))
  }

  /// General category M, as StripAccents of the `tokenizers` library knows it.
  static func isAccent(_ scalar: UInt32) -> Bool {
    isMark(scalar)
      ? !LaterCharacters.contains(LaterCharacters.marks, scalar)
      : scalar == 0x1CF2 || scalar == 0x1CF3
  }

  /// General category Mn, as BERT's preparation in the `tokenizers` library knows it.
  static func isNonspacingMark(_ scalar: UInt32) -> Bool {
    UnicodeCategory.number(of: scalar) == UnicodeCategory.mn.rawValue
      ? !LaterCharacters.contains(LaterCharacters.nonspacingMarks, scalar)
      : scalar == 0x1734 || scalar == 0x1171E
  }

  /// General category Cc, Cf or Co, as the `tokenizers` library knows them.
  static func isControl(_ scalar: UInt32) -> Bool {
    CategorySet.controls.contains(UnicodeCategory.number(of: scalar))
      && !LaterCharacters.contains(LaterCharacters.controls, scalar)
  }

  /// Appends the lower-case form, which is one code point but for U+0130.
  static func appendLowercase(_ scalar: UInt32, to output: inout ByteBuffer) {
    if scalar == 0x130 {
      output.append([0x69, 0xCC, 0x87])
    } else {
      output.append(scalar: UInt32(utf8proc_tolower(Int32(scalar))))
    }
  }

  /// The other case of a letter, and the two odd characters that fold to ASCII letters.
  static func caseVariants(of scalar: UInt32) -> [UInt32] {
    var variants = [utf8proc_tolower(Int32(scalar)), utf8proc_toupper(Int32(scalar))].map(
      UInt32.init)
    if scalar | 0x20 == 0x73 { variants.append(0x17F) }
    if scalar | 0x20 == 0x6B { variants.append(0x212A) }
    return variants.filter { $0 != scalar }
  }

  /// Calls `body` with the range of each extended grapheme cluster; a byte that is not UTF-8 is one.
  static func forEachGrapheme(of text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    var state: Int32 = 0
    var last: UInt32?
    var start = 0
    forEachScalar(of: text) { scalar, range in
      if let before = last, utf8proc_grapheme_break_stateful(Int32(before), Int32(scalar), &state) {
        body(start..<range.lowerBound)
        start = range.lowerBound
      }
      last = scalar
    }
    if start < text.count { body(start..<text.count) }
  }
}

/// A Unicode normalisation form.
public enum NormalizationForm: String, Sendable, CaseIterable {
  case nfc = "NFC"
  case nfd = "NFD"
  case nfkc = "NFKC"
  case nfkd = "NFKD"

  /// Appends `text`, which must be well-formed UTF-8, in this form.
  ///
  /// Runs of ASCII are copied: no form changes them, but for the last character of a run, which a
  /// mark may follow.
  func append(_ text: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer) {
    var index = 0
    while index < text.count {
      var end = index
      while end < text.count, text[end] < 0x80 { end &+= 1 }
      if end == text.count {
        output.append(UnsafeBufferPointer(rebasing: text[index..<end]))
        return
      }
      let start = end > index ? end - 1 : index
      output.append(UnsafeBufferPointer(rebasing: text[index..<start]))
      // The part to normalise ends before the second of two ASCII characters.
      while end < text.count, text[end] >= 0x80 || text[end - 1] >= 0x80 { end &+= 1 }
      if text[end - 1] < 0x80 { end -= 1 }
      appendMapped(UnsafeBufferPointer(rebasing: text[start..<end]), to: &output)
      index = end
    }
  }

  private func appendMapped(_ text: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer) {
    var options = UTF8PROC_STABLE.rawValue
    options |=
      self == .nfc || self == .nfkc ? UTF8PROC_COMPOSE.rawValue : UTF8PROC_DECOMPOSE.rawValue
    if self == .nfkc || self == .nfkd { options |= UTF8PROC_COMPAT.rawValue }
    var result: UnsafeMutablePointer<UInt8>?
    let count = utf8proc_map(
      text.baseAddress, text.count, &result, utf8proc_option_t(rawValue: options))
    guard count >= 0, let result else {
      // Ill-formed text or no memory: leave the text as it is.
      output.append(text)
      return
    }
    output.append(UnsafeBufferPointer(start: result, count: count))
    free(result)
  }
}

extension ByteBuffer {
  /// Appends the UTF-8 of a code point.
  mutating func append(scalar: UInt32) {
    switch scalar {
    case 0..<0x80: append(UInt8(scalar))
    case 0x80..<0x800:
      append(0xC0 | UInt8(scalar >> 6))
      append(0x80 | UInt8(scalar & 0x3F))
    case 0x800..<0x1_0000:
      append(0xE0 | UInt8(scalar >> 12))
      append(0x80 | UInt8(scalar >> 6 & 0x3F))
      append(0x80 | UInt8(scalar & 0x3F))
    default:
      append(0xF0 | UInt8(scalar >> 18 & 0x07))
      append(0x80 | UInt8(scalar >> 12 & 0x3F))
      append(0x80 | UInt8(scalar >> 6 & 0x3F))
      append(0x80 | UInt8(scalar & 0x3F))
    }
  }
}

/// Calls `body` with each code point of a text and the place of its first byte; a byte that is not part
/// of well-formed UTF-8 comes as U+FFFD.
@inline(__always)
func forEachScalar(
  of text: UnsafeBufferPointer<UInt8>, _ body: (UInt32, Range<Int>) -> Void
) {
  var index = 0
  while index < text.count {
    let (scalar, length) = scalar(of: text, at: index)
    body(scalar, index..<index &+ length)
    index &+= length
  }
}

/// The code point at `index` and its bytes; U+FFFD and 1 where the UTF-8 is ill-formed.
@inline(__always)
func scalar(of text: UnsafeBufferPointer<UInt8>, at index: Int) -> (scalar: UInt32, length: Int) {
  let first = text[index]
  if first < 0x80 { return (UInt32(first), 1) }
  let length = utf8SequenceLength(text, at: index)
  switch length {
  case 2: return (UInt32(first & 0x1F) << 6 | UInt32(text[index + 1] & 0x3F), 2)
  case 3:
    return (
      UInt32(first & 0x0F) << 12 | UInt32(text[index + 1] & 0x3F) << 6
        | UInt32(text[index + 2] & 0x3F), 3
    )
  case 4:
    let high = UInt32(first & 0x07) << 18 | UInt32(text[index + 1] & 0x3F) << 12
    return (high | UInt32(text[index + 2] & 0x3F) << 6 | UInt32(text[index + 3] & 0x3F), 4)
  default: return (0xFFFD, 1)
  }
}
