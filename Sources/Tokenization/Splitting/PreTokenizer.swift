// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// How a prepared text is cut into the words that a model sees one by one: the pre-tokenisers of
/// `tokenizer.json`.
public indirect enum PreTokenizer: Sendable {
  /// What becomes of the text that a pattern matches.
  public enum Behavior: String, CaseIterable, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  /// When the mark of a word's beginning goes before a text that has none.
  public enum PrependScheme: String, CaseIterable, Sendable { case always, first, never }

  /// One after the other; the whole text is one word when empty.
  case sequence([PreTokenizer])
  /// GPT-2's pattern, where asked, and its alphabet.
  case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
  /// - replacement: what stands for a space.
  case metaspace(replacement: [UInt8], PrependScheme, splits: Bool)
  /// White space ends words; each punctuation mark is one.
  case bert
  case split(TextPattern, Behavior, inverts: Bool)
  /// `\w+|[^\w\s]+`
  case whitespace
  case whitespaceSplit
  case digits(individually: Bool)
  case punctuation(Behavior)
  case delimiter(UInt32)
  case unicodeScripts
  case fixedLength(Int)

  static let none = PreTokenizer.sequence([])

  /// Cuts `words`, which are ranges of `text`, and changes the text where the component does.
  ///
  /// - isFirst: the text begins its record.
  func apply(to text: inout AlignedText, _ words: inout [Range<Int>], isFirst: Bool) {
    switch self {
    case .sequence(let parts): for part in parts { part.apply(to: &text, &words, isFirst: isFirst) }
    case .byteLevel(let addsPrefixSpace, let usesPattern):
      if addsPrefixSpace { PreTokenizer.prepend([0x20], to: &text, &words) { $0.first != 0x20 } }
      if usesPattern { words = PreTokenizer.gpt2Pieces(of: text, words) }
      text = PreTokenizer.mapEach(text, &words) { ByteLevelAlphabet.applied(to: $0) }
    case .metaspace(let mark, let scheme, let splits):
      text = PreTokenizer.mapEach(text, &words) { word in
        word.mapped { scalar, range, output in
          guard scalar == 0x20 else { return false }
          output.append(mark, for: range, of: word)
          return true
        }
      }
      if scheme != .never {
        var index = 0
        PreTokenizer.prepend(mark, to: &text, &words) { word in
          defer { index += 1 }
          return !word.starts(with: mark) && (scheme == .always || (isFirst && index == 0))
        }
      }
      if splits { cut(text, &words, TextPattern(literal: mark), .mergedWithNext) }
    case .bert:
      cut(text, &words, .removed, where: UnicodeData.isWhitespace)
      cut(text, &words, .isolated, where: UnicodeData.isPunctuation)
    case .split(let pattern, let behavior, let inverts):
      cut(text, &words, pattern, behavior, inverts: inverts)
    case .whitespace:
      cut(text, &words, PreTokenizer.wordsAndSigns, .removed, inverts: true)
    case .whitespaceSplit: cut(text, &words, .removed, where: UnicodeData.isWhitespace)
    case .digits(let individually):
      cut(text, &words, individually ? .isolated : .contiguous) {
        CategorySet.numbers.contains(UnicodeCategory.number(of: $0))
      }
    case .punctuation(let behavior):
      cut(text, &words, behavior, where: UnicodeData.isPunctuation)
    case .delimiter(let delimiter): cut(text, &words, .removed) { $0 == delimiter }
    case .unicodeScripts: words = PreTokenizer.scripts(of: text, words)
    case .fixedLength(let length): words = PreTokenizer.chunks(of: text, words, length)
    }
  }

  private static let wordsAndSigns: TextPattern = {
    // The engine of this component differs in `\w`: joiners are in it, and only two kinds of numbers.
    let word =
      #"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u200C\u200D\u24B6-\u24E9"#
      + #"\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189}"#
    return TextPattern(known: "[\(word)]+|[^\\s\(word)]+")
  }()

  /// Cuts at the characters that `isMatch` picks, each a match of its own.
  private func cut(
    _ text: AlignedText, _ words: inout [Range<Int>], _ behavior: Behavior,
    where isMatch: (UInt32) -> Bool
  ) {
    cut(text, &words, behavior, inverts: false) { bytes, body in
      forEachScalar(of: bytes) { scalar, range in if isMatch(scalar) { body(range) } }
    }
  }

  private func cut(
    _ text: AlignedText, _ words: inout [Range<Int>], _ pattern: TextPattern, _ behavior: Behavior,
    inverts: Bool = false
  ) {
    cut(text, &words, behavior, inverts: inverts) { pattern.forEachMatch(in: $0, $1) }
  }

  private func cut(
    _ text: AlignedText, _ words: inout [Range<Int>], _ behavior: Behavior, inverts: Bool,
    _ forEachMatch: (UnsafeBufferPointer<UInt8>, (Range<Int>) -> Void) -> Void
  ) {
    var result: [Range<Int>] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      for word in words {
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var start = word.lowerBound
        func append(_ range: Range<Int>, _ isMatch: Bool) {
          if isMatch || !range.isEmpty { parts.append((range, isMatch != inverts)) }
        }
        forEachMatch(UnsafeBufferPointer(rebasing: bytes[word])) { match in
          let match = match.lowerBound + word.lowerBound..<match.upperBound + word.lowerBound
          append(start..<match.lowerBound, false)
          append(match, true)
          start = match.upperBound
        }
        append(start..<word.upperBound, false)
        result += behavior.words(of: parts).filter { !$0.isEmpty }
      }
    }
    words = result
  }

  /// Puts `prefix` before each word that asks for it.
  private static func prepend(
    _ prefix: [UInt8], to text: inout AlignedText, _ words: inout [Range<Int>],
    where needs: (ArraySlice<UInt8>) -> Bool
  ) {
    var result = AlignedText(isTraced: text.isTraced)
    words = words.map { word in
      let start = result.count
      if needs(text.bytes[word]) {
        result.append(prefix, for: word.lowerBound..<word.lowerBound, of: text)
      }
      result.append(word, of: text)
      return start..<result.count
    }
    text = result
  }

  /// Changes each word by itself; what no word holds is gone.
  private static func mapEach(
    _ text: AlignedText, _ words: inout [Range<Int>], _ change: (AlignedText) -> AlignedText
  ) -> AlignedText {
    var result = AlignedText(isTraced: text.isTraced)
    words = words.map { word in
      var part = AlignedText(isTraced: text.isTraced)
      part.append(word, of: text)
      part = change(part)
      let start = result.count
      result.append(part)
      return start..<result.count
    }
    return result
  }

  private static func gpt2Pieces(of text: AlignedText, _ words: [Range<Int>]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      for word in words {
        GPT2Scanner.forEachPiece(in: TextScanner(UnsafeBufferPointer(rebasing: bytes[word]))) {
          result.append(word.lowerBound + $0..<word.lowerBound + $1)
        }
      }
    }
    return result
  }

  /// Runs of one script; kana count as Han, and a space or a code point without a script joins what is
  /// before it. As in the library, those in front of everything are in no word.
  private static func scripts(of text: AlignedText, _ words: [Range<Int>]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      for word in words {
        var last: String?
        var start = word.upperBound
        forEachScalar(of: UnsafeBufferPointer(rebasing: bytes[word])) { scalar, range in
          var script = UnicodeScripts.script(of: scalar)
          if scalar == 0x20 || script.isEmpty { return }
          if scalar == 0x30FC || script == "hiragana" || script == "katakana" { script = "han" }
          guard script != last else { return }
          let place = word.lowerBound + range.lowerBound
          if last != nil { result.append(start..<place) }
          start = place
          last = script
        }
        if start < word.upperBound { result.append(start..<word.upperBound) }
      }
    }
    return result
  }

  private static func chunks(
    of text: AlignedText, _ words: [Range<Int>], _ length: Int
  ) -> [Range<Int>] {
    var result: [Range<Int>] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      for word in words {
        var start = word.lowerBound
        var count = 0
        forEachScalar(of: UnsafeBufferPointer(rebasing: bytes[word])) { _, range in
          count += 1
          guard count == length else { return }
          result.append(start..<word.lowerBound + range.upperBound)
          start = word.lowerBound + range.upperBound
          count = 0
        }
        if start < word.upperBound { result.append(start..<word.upperBound) }
      }
    }
    return result
  }
}

extension PreTokenizer.Behavior {
  /// The words that parts, matches and what lies between them, become.
  func words(of parts: [(range: Range<Int>, isMatch: Bool)]) -> [Range<Int>] {
    var words: [Range<Int>] = []
    var previous = false
    switch self {
    case .removed: return parts.filter { !$0.isMatch }.map(\.range)
    case .isolated: return parts.map(\.range)
    case .contiguous:
      for part in parts {
        if let last = words.last, part.isMatch == previous {
          words[words.count - 1] = last.lowerBound..<part.range.upperBound
        } else {
          words.append(part.range)
        }
        previous = part.isMatch
      }
    case .mergedWithPrevious:
      for part in parts {
        if part.isMatch, !previous, let last = words.last {
          words[words.count - 1] = last.lowerBound..<part.range.upperBound
        } else {
          words.append(part.range)
        }
        previous = part.isMatch
      }
    case .mergedWithNext:
      for part in parts.reversed() {
        if part.isMatch, !previous, let last = words.last {
          words[words.count - 1] = part.range.lowerBound..<last.upperBound
        } else {
          words.append(part.range)
        }
        previous = part.isMatch
      }
      words.reverse()
    }
    return words
  }
}
