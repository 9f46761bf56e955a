// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Classes of characters that the split patterns tell apart; a byte that is not UTF-8 is `other`.
enum CharacterClass: UInt8 {
  case other, letter, number, space
}

/// A record being scanned: classes of characters and runs of them, at any byte.
///
/// Unsafe in one place: `base` points to `count` readable bytes; every read is below `count`.
struct TextScanner {
  let base: UnsafePointer<UInt8>
  let count: Int

  init(_ text: UnsafeBufferPointer<UInt8>) {
    // An empty buffer may have no address; nothing is read from it.
    base = text.baseAddress ?? UnsafePointer(bitPattern: 1)!
    count = text.count
  }

  @inline(__always) var bytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: base, count: count)
  }

  /// The class of the character at `index`, and its length in bytes.
  @inline(__always) func character(at index: Int) -> (kind: CharacterClass, length: Int) {
    let byte = base[index]
    if byte < 0x80 { return (TextScanner.kind(ascii: byte), 1) }
    return wideCharacter(at: index)
  }

  @inline(__always) static func kind(ascii byte: UInt8) -> CharacterClass {
    if (byte | 0x20) &- 0x61 < 26 { return .letter }
    if byte &- 0x30 < 10 { return .number }
    if byte == 0x20 || byte &- 0x09 < 5 { return .space }
    return .other
  }

  @inline(never) private func wideCharacter(at index: Int) -> (kind: CharacterClass, length: Int) {
    let first = base[index]
    // Two and three bytes, as far as they are well-formed whatever they are.
    if first &- 0xC2 < 0x1E, index &+ 1 < count, base[index &+ 1] & 0xC0 == 0x80 {
      return (
        WideClasses.kind(Int(first & 0x1F) &<< 6 | Int(base[index &+ 1] & 0x3F)), 2
      )
    }
    if first &- 0xE1 < 0x0C, index &+ 2 < count, base[index &+ 1] & 0xC0 == 0x80,
      base[index &+ 2] & 0xC0 == 0x80
    {
      let scalar =
        Int(first & 0x0F) &<< 12 | Int(base[index &+ 1] & 0x3F) &<< 6
        | Int(base[index &+ 2] & 0x3F)
      return (WideClasses.kind(scalar), 3)
    }
    let length = utf8SequenceLength(bytes, at: index)
    if length == 0 { return (.other, 1) }
    let scalar = utf8Scalar(bytes, at: index, length: length)
    return (TextScanner.kind(wide: scalar), length)
  }

  static func kind(wide scalar: UInt32) -> CharacterClass {
    let category = UnicodeCategory.number(of: scalar)
    if CategorySet.letters.contains(category) { return .letter }
    if CategorySet.numbers.contains(category) { return .number }
    if CategorySet.separators.contains(category) || scalar == 0x85 { return .space }
    return .other
  }

  /// The general category of the character at `index` and its length; invalid bytes are `Cn`.
  @inline(__always) func category(at index: Int) -> (category: UInt8, length: Int) {
    let length = utf8SequenceLength(bytes, at: index)
    if length == 0 { return (0, 1) }
    return (UnicodeCategory.number(of: utf8Scalar(bytes, at: index, length: length)), length)
  }

  /// The end of the run of letters at `index`. Eight ASCII bytes a step.
  @inline(__always) func endOfLetters(from index: Int) -> Int {
    var index = index
    while true {
      while index &+ 8 <= count {
        let rest = TextScanner.nonLetters(loadWord(index))
        if rest != 0 {
          index &+= rest.trailingZeroBitCount &>> 3
          break
        }
        index &+= 8
      }
      if index >= count { return index }
      let (kind, length) = character(at: index)
      if kind != .letter { return index }
      index &+= length
    }
  }

  /// The end of the run of one class at `index`.
  @inline(__always) func end(of kind: CharacterClass, from index: Int) -> Int {
    if kind == .letter { return endOfLetters(from: index) }
    var index = index
    while index < count {
      let (found, length) = character(at: index)
      if found != kind { break }
      index &+= length
    }
    return index
  }

  @inline(__always) func loadWord(_ index: Int) -> UInt64 {
    UInt64(
      littleEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: UInt64.self))
  }

  /// The high bit of each byte that is no ASCII letter.
  @inline(__always) static func nonLetters(_ word: UInt64) -> UInt64 {
    let high: UInt64 = 0x8080_8080_8080_8080
    // In lower case and without the high bit, adding carries into it from 'a' up, and from 'z' + 1.
    let low = (word | 0x2020_2020_2020_2020) & ~high
    let fromA = low &+ 0x1F1F_1F1F_1F1F_1F1F
    let aboveZ = low &+ 0x0505_0505_0505_0505
    return ~(fromA & ~aboveZ & ~word) & high
  }

  /// The end of the contraction at the apostrophe at `index` ('s, 't, 'm, 'd, 're, 've, 'll), or nothing.
  ///
  /// - folds: in any case; ſ (U+017F) then counts as s, as in engines that fold Unicode.
  @inline(__always) func endOfContraction(at index: Int, folds: Bool) -> Int? {
    guard index &+ 1 < count, base[index] == 0x27 else { return nil }
    let mask: UInt8 = folds ? 0x20 : 0
    let second = base[index &+ 1] | mask
    switch second {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return index &+ 2
    default: break
    }
    guard index &+ 2 < count else { return nil }
    let third = base[index &+ 2]
    if folds, base[index &+ 1] == 0xC5, third == 0xBF { return index &+ 3 }
    switch (second, third | mask) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return index &+ 3
    default: return nil
    }
  }

  /// The piece of white space at `index`: all of the run but its last character, which the next
  /// piece takes if it can; the whole run at the end of the record.
  @inline(__always) func endOfSpaces(from index: Int) -> Int {
    var last = index
    var end = index
    while end < count {
      let (kind, length) = character(at: end)
      if kind != .space { break }
      last = end
      end &+= length
    }
    return end == count || last == index ? end : last
  }
}

/// The classes of the characters below U+10000, one byte each; made when the first one is met.
private enum WideClasses {
  private static let table = (UInt32(0)..<0x1_0000).map { TextScanner.kind(wide: $0) }

  @inline(__always) static func kind(_ scalar: Int) -> CharacterClass { table[scalar] }
}
