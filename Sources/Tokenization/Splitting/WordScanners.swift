// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CTextClasses

/// Words and punctuation marks; white space is dropped.
///
/// A word is a run of letters, marks and digits; an apostrophe between letters and a full stop or comma
/// between digits belong to it. Every other character is a piece, with the marks that follow it.
///
///     Don't eat 3.14 pigs?  ->  Don't | eat | 3.14 | pigs | ?
enum WordScanner: SplitScanner {
  @inline(__always) static var hasWindows: Bool { true }

  @inline(__always) static func window(
    of classes: text_classes
  ) -> (words: UInt64, unknown: UInt64) {
    func joined(_ marks: UInt64, _ sides: UInt64) -> UInt64 {
      marks & (sides &<< 1) & (sides &>> 1)
    }
    let words =
      classes.letters | classes.digits | joined(classes.apostrophes, classes.letters)
      | joined(classes.points, classes.digits)
    return (words, classes.wide | classes.escaped)
  }

  @inline(__always) static func start(in text: TextScanner, from index: Int) -> Int {
    var index = index
    while index < text.count, text.base[index] == 0x20 { index &+= 1 }
    if index < text.count, text.base[index] &- 0x21 < 0x5E { return index }
    return text.end(of: .space, from: index)
  }

  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int {
    let end = text.endOfWord(from: index, underscores: false)
    return end > index ? end : text.endOfSign(at: index)
  }
}

/// As `WordScanner`, for source code: underscores belong to words, operators of two and three
/// characters are one piece.
///
///     make_list(x->y) != 0  ->  make_list | ( | x | -> | y | ) | != | 0
enum CodeScanner: SplitScanner {
  @inline(__always) static func start(in text: TextScanner, from index: Int) -> Int {
    text.end(of: .space, from: index)
  }

  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int {
    let end = text.endOfWord(from: index, underscores: true)
    if end > index { return end }
    return text.endOfOperator(at: index) ?? text.endOfSign(at: index)
  }
}

/// Single characters: well-formed UTF-8 sequences, and bytes that are none.
enum CharacterScanner: SplitScanner {
  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int {
    if text.base[index] < 0x80 { return index &+ 1 }
    return index &+ max(1, utf8SequenceLength(text.bytes, at: index))
  }
}

/// Single characters but white space.
enum InkScanner: SplitScanner {
  @inline(__always) static func start(in text: TextScanner, from index: Int) -> Int {
    text.end(of: .space, from: index)
  }

  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int {
    CharacterScanner.end(in: text, from: index)
  }
}

/// Single bytes.
enum ByteScanner: SplitScanner {
  @inline(__always) static func end(in text: TextScanner, from index: Int) -> Int { index &+ 1 }
}

extension TextScanner {
  /// The end of the word at `index`, which is `index` itself where none begins.
  @inline(__always) func endOfWord(from index: Int, underscores: Bool) -> Int {
    var index = index
    // The class of the character before `index`: what a connector has to stand after.
    var before = CharacterClass.other
    while index < count {
      let end = endOfLetters(from: index)
      if end > index {
        before = .letter
        index = end
        if index == count { break }
      }
      let byte = base[index]
      if byte &- 0x30 < 10 {
        before = .number
        index &+= 1
      } else if underscores, byte == 0x5F {
        before = .letter
        index &+= 1
      } else if byte >= 0x80 {
        guard let (kind, length) = wordCharacter(at: index, after: before) else { break }
        before = kind
        index &+= length
      } else if joins(byte, before, index &+ 1) {
        index &+= 1
      } else {
        break
      }
    }
    return index
  }

  /// Whether an ASCII character after a `before` joins the character at `next` to the word.
  @inline(__always) private func joins(_ byte: UInt8, _ before: CharacterClass, _ next: Int) -> Bool
  {
    switch byte {
    case 0x27: before == .letter && next < count && character(at: next).kind == .letter
    case 0x2C, 0x2E: before == .number && next < count && character(at: next).kind == .number
    default: false
    }
  }

  /// The class and length of the wide character at `index` if it belongs to a word.
  @inline(never) private func wordCharacter(
    at index: Int, after before: CharacterClass
  ) -> (CharacterClass, Int)? {
    let (category, length) = category(at: index)
    if CategorySet.letters.contains(category) { return (.letter, length) }
    if CategorySet.marks.contains(category) {
      // A mark belongs to what it stands on; alone it is a word.
      return (before == .other ? .letter : before, length)
    }
    if CategorySet.numbers.contains(category) { return (.number, length) }
    // ’
    if length == 3, base[index] == 0xE2, base[index &+ 1] == 0x80, base[index &+ 2] == 0x99,
      before == .letter, index &+ 3 < count, character(at: index &+ 3).kind == .letter
    {
      return (.letter, length)
    }
    return nil
  }

  /// The end of the character at `index` and of the marks after it.
  @inline(__always) func endOfSign(at index: Int) -> Int {
    var end = index &+ character(at: index).length
    while end < count, base[end] >= 0x80 {
      let (category, length) = category(at: end)
      if !CategorySet.marks.contains(category) { break }
      end &+= length
    }
    return end
  }

  /// Operators of three and of two characters, each packed into an integer, first byte highest.
  private static let operators: [Set<UInt32>] = [
    "<<= >>= ... === !== **= //= <=> ..<",
    "== != <= >= && || << >> ++ -- += -= *= /= %= &= |= ^= -> => :: ** // ?? .. :=",
  ].map { Set($0.utf8.split(separator: 0x20).map { $0.reduce(0) { $0 << 8 | UInt32($1) } }) }

  /// The end of the longest operator of two or three characters at `index`.
  func endOfOperator(at index: Int) -> Int? {
    for (length, operators) in zip([3, 2], TextScanner.operators) where index + length <= count {
      let packed = bytes[index..<index + length].reduce(0) { $0 << 8 | UInt32($1) }
      if operators.contains(packed) { return index + length }
    }
    return nil
  }
}
