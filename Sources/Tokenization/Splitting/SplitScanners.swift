// SPDX-License-Identifier: Apache-2.0

internal import CTextClasses

// The split patterns of GPT models, written out. Each gives what a backtracking engine with the
// published regular expression gives; that is tested on every code point and on random text.

/// Cuts a record into pieces, one call a piece.
protocol SplitScanner {
  /// Where the piece begins that follows `index`: after what the pattern drops.
  static func start(in text: TextScanner, from index: Int) -> Int
  /// The end of the piece that begins at `index`, which is below the end of the record.
  static func end(in text: TextScanner, from index: Int) -> Int
  /// Calls `body` with the bounds of each piece of a record.
  static func forEachPiece(in text: TextScanner, _ body: (Int, Int) -> Void)
  /// Whether words of ASCII can be told from classes of bytes alone.
  static var hasWindows: Bool { get }
  /// The bytes that belong to words, where there are windows, and those that classes do not tell of.
  /// Every other one but white space is a piece by itself.
  static func window(of classes: text_classes) -> (words: UInt64, unknown: UInt64)
}

extension SplitScanner {
  @inline(__always) static func start(in text: TextScanner, from index: Int) -> Int { index }
  @inline(__always) static var hasWindows: Bool { false }
  @inline(__always) static func window(
    of classes: text_classes
  ) -> (words: UInt64, unknown: UInt64) { (0, .max) }

  @inline(__always) static func forEachPiece(in text: TextScanner, _ body: (Int, Int) -> Void) {
    var index = 0
    while index < text.count {
      let start = start(in: text, from: index)
      if start >= text.count { break }
      index = end(in: text, from: start)
      body(start, index)
    }
  }
}

/// `'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
enum GPT2Scanner: SplitScanner {
  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int {
    let byte = text.base[index]
    if byte == 0x27, let end = text.endOfContraction(at: index, folds: false) { return end }
    var (kind, length) = text.character(at: index)
    var next = index &+ length
    if byte == 0x20, next < text.count {
      let after = text.character(at: next)
      if after.kind != .space {
        kind = after.kind
        next &+= after.length
      }
    }
    return kind == .space ? text.endOfSpaces(from: index) : text.end(of: kind, from: next)
  }
}

/// What tells the patterns after GPT-2's apart.
protocol SplitRules {
  /// Digits a piece holds at most.
  static var digitCount: Int { get }
  /// White space that ends the record is one piece, even with newlines in it (tiktoken's own form).
  static var keepsLastSpaces: Bool { get }
}

enum CL100KRules: SplitRules {
  @inline(__always) static var digitCount: Int { 3 }
  @inline(__always) static var keepsLastSpaces: Bool { true }
}

enum Llama3Rules: SplitRules {
  @inline(__always) static var digitCount: Int { 3 }
  @inline(__always) static var keepsLastSpaces: Bool { false }
}

enum Qwen2Rules: SplitRules {
  @inline(__always) static var digitCount: Int { 1 }
  @inline(__always) static var keepsLastSpaces: Bool { false }
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|`
/// `\s*[\r\n]+|\s+(?!\S)|\s+`
enum CL100KScanner<Rules: SplitRules>: SplitScanner {
  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int {
    let byte = text.base[index]
    if byte == 0x27, let end = text.endOfContraction(at: index, folds: true) { return end }
    let (kind, length) = text.character(at: index)
    let next = index &+ length
    switch kind {
    case .letter: return text.endOfLetters(from: next)
    case .number: return text.endOfDigits(from: index, atMost: Rules.digitCount)
    case .other, .space:
      guard next < text.count else { return next }
      let after = text.character(at: next)
      if after.kind == .letter, byte != 0x0A, byte != 0x0D {
        return text.endOfLetters(from: next &+ after.length)
      }
      if kind == .other { return text.endOfSigns(from: next, slash: false) }
      if byte == 0x20, after.kind == .other {
        return text.endOfSigns(from: next &+ after.length, slash: false)
      }
      return text.endOfLines(from: index, keepsLast: Rules.keepsLastSpaces)
    }
  }
}

/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|...)?|`
/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|...)?|`
/// `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
enum O200KScanner: SplitScanner {
  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int {
    let byte = text.base[index]
    let (kind, length) = text.character(at: index)
    let next = index &+ length
    if kind == .number { return text.endOfDigits(from: index, atMost: 3) }
    if kind == .letter {
      // A letter is in one of the two sets at least, so the second alternative cannot fail.
      return withContraction(
        text, endOfSmalls(text, from: index) ?? endOfCapitals(text, from: index))
    }
    // Letters after one other character; a mark can also begin the word itself.
    let mayPrefix = byte != 0x0A && byte != 0x0D
    let isMark = byte >= 0x80 && CategorySet.marks.contains(text.category(at: index).category)
    if mayPrefix, next < text.count, let end = endOfSmalls(text, from: next) {
      return withContraction(text, end)
    }
    if isMark, let end = endOfSmalls(text, from: index) { return withContraction(text, end) }
    if mayPrefix, next < text.count {
      let end = endOfCapitals(text, from: next)
      if end > next { return withContraction(text, end) }
    }
    if kind == .other { return text.endOfSigns(from: next, slash: true) }
    if byte == 0x20, next < text.count {
      let after = text.character(at: next)
      if after.kind == .other { return text.endOfSigns(from: next &+ after.length, slash: true) }
    }
    return text.endOfLines(from: index, keepsLast: false)
  }

  /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`: nothing when it does not match.
  @inline(__always) private static func endOfSmalls(_ text: TextScanner, from start: Int) -> Int? {
    var index = start
    // Where the match ends if the capitals have to give back: after the last character in both sets.
    var endOfShared: Int?
    while index < text.count {
      let byte = text.base[index]
      if byte &- 0x41 < 26 {
        index &+= 1
        continue
      }
      if byte &- 0x61 < 26 { return endOfSmallRun(text, from: index) }
      if byte < 0x80 { break }
      let (category, length) = text.category(at: index)
      guard CategorySet.capitals.contains(category) else {
        if CategorySet.smalls.contains(category) { return endOfSmallRun(text, from: index) }
        break
      }
      index &+= length
      if CategorySet.smalls.contains(category) { endOfShared = index }
    }
    return endOfShared
  }

  @inline(__always) private static func endOfSmallRun(_ text: TextScanner, from start: Int) -> Int {
    end(of: .smalls, asciiFrom: 0x61, text, from: start)
  }

  @inline(__always) private static func endOfCapitals(_ text: TextScanner, from start: Int) -> Int {
    end(of: .capitals, asciiFrom: 0x41, text, from: start)
  }

  @inline(__always) private static func end(
    of set: CategorySet, asciiFrom first: UInt8, _ text: TextScanner, from start: Int
  ) -> Int {
    var index = start
    while index < text.count {
      let byte = text.base[index]
      if byte < 0x80 {
        if byte &- first >= 26 { break }
        index &+= 1
      } else {
        let (category, length) = text.category(at: index)
        if !set.contains(category) { break }
        index &+= length
      }
    }
    return index
  }

  @inline(__always) private static func withContraction(_ text: TextScanner, _ end: Int) -> Int {
    text.endOfContraction(at: end, folds: true) ?? end
  }
}

extension TextScanner {
  /// `\p{N}{1,n}` at `index`.
  @inline(__always) func endOfDigits(from index: Int, atMost limit: Int) -> Int {
    var index = index
    var rest = limit
    while rest > 0, index < count {
      let (kind, length) = character(at: index)
      if kind != .number { break }
      index &+= length
      rest &-= 1
    }
    return index
  }

  /// `[^\s\p{L}\p{N}]*[\r\n]*`, with `/` among the last where asked.
  @inline(__always) func endOfSigns(from index: Int, slash: Bool) -> Int {
    var index = end(of: .other, from: index)
    while index < count {
      let byte = base[index]
      guard byte == 0x0A || byte == 0x0D || (slash && byte == 0x2F) else { break }
      index &+= 1
    }
    return index
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`; with `keepsLast`, `\s+$` goes first.
  @inline(__always) func endOfLines(from index: Int, keepsLast: Bool) -> Int {
    var last = index
    var end = index
    var endOfLine: Int?
    while end < count {
      let (kind, length) = character(at: end)
      if kind != .space { break }
      last = end
      if base[end] == 0x0A || base[end] == 0x0D { endOfLine = end &+ 1 }
      end &+= length
    }
    if keepsLast, end == count { return end }
    if let endOfLine { return endOfLine }
    return end == count || last == index ? end : last
  }
}

/// `\S+`
enum WhitespaceScanner: SplitScanner {
  @inline(__always) static var hasWindows: Bool { true }
  @inline(__always) static func window(
    of classes: text_classes
  ) -> (words: UInt64, unknown: UInt64) {
    (~classes.white, classes.wide | classes.escaped | classes.angles)
  }

  @inline(__always) static func start(in text: TextScanner, from index: Int) -> Int {
    WordScanner.start(in: text, from: index)
  }

  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int {
    var index = index
    while index < text.count {
      if index &+ 8 <= text.count {
        let rest = TextScanner.unplain(text.loadWord(index))
        index &+= rest.trailingZeroBitCount &>> 3
        if rest == 0 { continue }
      }
      let (kind, length) = text.character(at: index)
      if kind == .space { break }
      index &+= length
    }
    return index
  }
}

/// The whole record.
enum WholeScanner: SplitScanner {
  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int { text.count }
}
