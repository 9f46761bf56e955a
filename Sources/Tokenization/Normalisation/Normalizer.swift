// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// What is done to a text before it is cut: the normalisers of `tokenizer.json`, and SentencePiece's own.
///
/// A byte that is not UTF-8 goes through unchanged, but for SentencePiece's rules, which make it U+FFFD.
public indirect enum Normalizer: Sendable {
  /// One after the other; none of them when empty.
  case sequence([Normalizer])
  case bert(BertPreparation)
  case form(NormalizationForm)
  case lowercase
  /// Drop all marks (general category M).
  case stripAccents
  /// Drop control characters; other white space and marks of direction become a space.
  case nmt
  /// Bytes become the characters of GPT-2's alphabet.
  case byteLevel
  case strip(left: Bool, right: Bool)
  case prepend([UInt8])
  case replace(TextPattern, [UInt8])
  /// A compiled character map, as the `tokenizers` library applies it: grapheme by grapheme.
  case precompiled(CharacterMap)
  /// A compiled character map and white-space rules, as SentencePiece applies them.
  case sentencePiece(SentencePieceRules)

  static let none = Normalizer.sequence([])

  var isNone: Bool {
    if case .sequence(let parts) = self { parts.allSatisfy(\.isNone) } else { false }
  }

  func apply(to text: inout AlignedText) {
    switch self {
    case .sequence(let parts): for part in parts { part.apply(to: &text) }
    case .bert(let preparation): preparation.apply(to: &text)
    case .form(let form): text = form.applied(to: text)
    case .lowercase:
      text = text.mapped { scalar, range, output in
        guard let scalar else { return false }
        let lower = Normalizer.lowercase(scalar)
        guard lower != scalar.utf8 else { return false }
        output.append(lower, for: range, of: text)
        return true
      }
    case .stripAccents: text = text.filtered { !UnicodeData.isAccent($0) }
    case .nmt: text = Normalizer.nmt(text)
    case .byteLevel: text = ByteLevelAlphabet.applied(to: text)
    case .strip(let left, let right): text = text.stripped(left: left, right: right)
    case .prepend(let prefix):
      guard text.count > 0 else { return }
      var result = AlignedText(isTraced: text.isTraced)
      result.append(prefix, for: 0..<0, of: text)
      result.append(0..<text.count, of: text)
      text = result
    case .replace(let pattern, let content):
      var result = AlignedText(isTraced: text.isTraced)
      var start = 0
      text.bytes.withUnsafeBufferPointer { bytes in
        pattern.forEachMatch(in: bytes) { match in
          result.append(start..<match.lowerBound, of: text)
          result.append(content, for: match, of: text)
          start = match.upperBound
        }
      }
      guard start > 0 else { return }
      result.append(start..<text.count, of: text)
      text = result
    case .precompiled(let map): text = map.appliedByGrapheme(to: text)
    case .sentencePiece(let rules): text = rules.applied(to: text)
    }
  }

  static func lowercase(_ scalar: UInt32) -> [UInt8] {
    var buffer = ByteBuffer(capacity: 4)
    UnicodeData.appendLowercase(scalar, to: &buffer)
    return Array(buffer.bytes)
  }

  /// Reference: the rules `nmt` of SentencePiece, as the `tokenizers` library has them.
  private static func nmt(_ text: AlignedText) -> AlignedText {
    text.mapped { scalar, range, output in
      switch scalar ?? 0 {
      case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: return true
      case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
        output.append([0x20], for: range, of: text)
        return true
      default: return false
      }
    }
  }
}

extension AlignedText {
  /// The text without the characters that `isKept` says no to.
  func filtered(_ isKept: (UInt32) -> Bool) -> AlignedText {
    mapped { scalar, _, _ in scalar.map { !isKept($0) } ?? false }
  }

  /// The text without white space at its ends.
  func stripped(left: Bool, right: Bool) -> AlignedText {
    var first: Int?
    var last = 0
    bytes.withUnsafeBufferPointer {
      forEachScalar(of: $0) { scalar, range in
        guard !UnicodeData.isWhitespace(scalar) else { return }
        if first == nil { first = range.lowerBound }
        last = range.upperBound
      }
    }
    let start = left ? first ?? count : 0
    let end = max(start, right ? last : count)
    guard start > 0 || end < count else { return self }
    var result = AlignedText(isTraced: isTraced)
    result.append(start..<end, of: self)
    return result
  }
}

extension BertPreparation {
  /// The steps of BERT's normaliser one by one; `forEachWord` gives the same, faster and without
  /// alignment.
  func apply(to text: inout AlignedText) {
    if cleansText {
      text = text.mapped { scalar, range, output in
        guard let scalar else { return true }
        if scalar == 0 || scalar == 0xFFFD { return true }
        if UnicodeData.isWhitespace(scalar), !(0x0B...0x0C).contains(scalar), scalar != 0x85 {
          output.append([0x20], for: range, of: text)
          return true
        }
        return UnicodeData.isControl(scalar)
      }
    }
    if separatesIdeographs {
      text = text.mapped { scalar, range, output in
        guard let scalar, BertPreparation.isIdeograph(scalar) else { return false }
        output.append([0x20] + scalar.utf8 + [0x20], for: range, of: text)
        return true
      }
    }
    if stripsAccents {
      text = NormalizationForm.nfd.applied(to: text).filtered { !UnicodeData.isNonspacingMark($0) }
    }
    if lowercases { Normalizer.lowercase.apply(to: &text) }
  }
}

extension NormalizationForm {
  /// The text in this form, one stretch after the other that no rule reaches over.
  func applied(to text: AlignedText) -> AlignedText {
    var result = AlignedText(isTraced: text.isTraced)
    var stretch = ByteBuffer()
    text.bytes.withUnsafeBufferPointer { bytes in
      var start = 0
      func close(at end: Int) {
        guard end > start else { return }
        let part = UnsafeBufferPointer(rebasing: bytes[start..<end])
        stretch.removeAll()
        append(part, to: &stretch)
        if stretch.bytes.elementsEqual(part) {
          result.append(start..<end, of: text)
        } else {
          result.append(stretch.bytes, for: start..<end, of: text)
        }
        start = end
      }
      forEachScalar(of: bytes) { scalar, range in
        let isInvalid = scalar == 0xFFFD && range.count == 1
        if isInvalid || !NormalizationForm.mayJoinLeft(scalar) { close(at: range.lowerBound) }
        if isInvalid {
          result.append(range, of: text)
          start = range.upperBound
        }
      }
      close(at: bytes.count)
    }
    return result
  }

  /// Whether a character may change with what stands before it: marks, and parts of syllables.
  private static func mayJoinLeft(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0..<0x300: false
    case 0x1160...0x11FF, 0x3131...0x318E, 0xD7B0...0xD7FF, 0xFF9E...0xFFDC: true
    default: UnicodeData.isMark(scalar)
    }
  }
}

extension ByteLevelAlphabet {
  /// Each byte as the character that stands for it.
  static func applied(to text: AlignedText) -> AlignedText {
    var result = AlignedText(isTraced: text.isTraced)
    for (index, byte) in text.bytes.enumerated() {
      result.append(characters[Int(byte)], for: index..<index + 1, of: text)
    }
    return result
  }

  /// The UTF-8 of each byte's character.
  static let characters: [[UInt8]] = scalars.map(\.utf8)
}

extension CharacterMap {
  /// Each grapheme of fewer than six bytes by its own rule, otherwise character by character; of a rule
  /// it is the shortest prefix that counts, as in the `tokenizers` library.
  func appliedByGrapheme(to text: AlignedText) -> AlignedText {
    var result = AlignedText(isTraced: text.isTraced)
    text.bytes.withUnsafeBufferPointer { bytes in
      UnicodeData.forEachGrapheme(of: bytes) { grapheme in
        if grapheme.count < 6, let new = shortestMatch(bytes, in: grapheme) {
          return result.append(new, for: grapheme, of: text)
        }
        let part = UnsafeBufferPointer(rebasing: bytes[grapheme])
        forEachScalar(of: part) { _, range in
          let range =
            range.lowerBound + grapheme.lowerBound..<range.upperBound + grapheme.lowerBound
          if let new = shortestMatch(bytes, in: range) {
            result.append(new, for: range, of: text)
          } else {
            result.append(range, of: text)
          }
        }
      }
    }
    return result
  }
}
