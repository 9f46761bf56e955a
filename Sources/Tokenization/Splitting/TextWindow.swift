// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CTextClasses

/// The next 64 bytes of a text from the beginning of a piece on, as one bit a byte for each class: so
/// many pieces are found with a few operations on words.
///
/// Only ASCII without line ends is looked at so; from the first other byte on nothing is known.
package struct TextWindow {
  package var letters: UInt64
  var capitals: UInt64
  var digits: UInt64
  var white: UInt64
  var blanks: UInt64
  var apostrophes: UInt64
  /// Characters of no other class.
  var others: UInt64
  /// Bytes that are known.
  package private(set) var count: Int
  /// Whether the text ends after the known bytes.
  package private(set) var isAtEnd: Bool

  /// - rest: bytes of text from `start` on.
  @inline(__always) package init(_ start: UnsafePointer<UInt8>, rest: Int) {
    var classes = text_classes()
    if rest >= 64 {
      classify_text(start, &classes)
    } else {
      // Nothing behind the text may be read.
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 8) { words in
        words.initialize(repeating: 0)
        let bytes = UnsafeMutableRawPointer(words.baseAddress!)
        bytes.copyMemory(from: start, byteCount: rest)
        classify_text(bytes.assumingMemoryBound(to: UInt8.self), &classes)
      }
    }
    letters = classes.letters
    capitals = classes.capitals
    digits = classes.digits
    white = classes.white
    blanks = classes.blanks
    apostrophes = classes.apostrophes
    count = min(rest, 64)
    isAtEnd = rest <= 64
    let unknown = (classes.wide | classes.breaks).trailingZeroBitCount
    if unknown < count {
      count = unknown
      isAtEnd = false
    }
    let known = TextWindow.bits(below: count)
    others = ~(letters | digits | white) & known
    letters &= known
    digits &= known
    white &= known
    blanks &= known
    apostrophes &= known
  }

  /// The bits of the places below `count`.
  @inline(__always) static func bits(below count: Int) -> UInt64 {
    count >= 64 ? .max : (1 &<< UInt64(truncatingIfNeeded: count)) &- 1
  }

  /// Where pieces of white space begin: at the first of a run, and at its last unless the text ends.
  ///
  /// The rule for the last is that of `\s+(?!\S)`: it is left to what follows.
  @inline(__always) var whiteStarts: UInt64 {
    let firsts = white & ~(white &<< 1)
    var lasts = white & ~(white &>> 1)
    if isAtEnd, count > 0 { lasts &= ~(1 &<< UInt64(truncatingIfNeeded: count &- 1)) }
    return firsts | lasts
  }

  /// Where digits begin in groups of at most three.
  @inline(__always) var digitStarts: UInt64 {
    var starts = digits & ~(digits &<< 1)
    let fourth = digits & (digits &<< 1) & (digits &<< 2) & (digits &<< 3)
    guard fourth != 0 else { return starts }
    var added = starts
    while true {
      added = (added &<< 3) & fourth
      if added == 0 { return starts }
      starts |= added
    }
  }

  /// Bytes of a contraction ('s, 't, 'm, 'd, 're, 've, 'll) at the apostrophe at `place`, or 0.
  @inline(__always) func contraction(
    _ start: UnsafePointer<UInt8>, _ place: Int, folds: Bool
  ) -> Int {
    guard place &+ 1 < count else { return 0 }
    let mask: UInt8 = folds ? 0x20 : 0
    let second = start[place &+ 1] | mask
    switch second {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"): break
    default: return 0
    }
    guard place &+ 2 < count else { return 0 }
    let third = start[place &+ 2] | mask
    let wanted = second == UInt8(ascii: "l") ? UInt8(ascii: "l") : UInt8(ascii: "e")
    return third == wanted ? 3 : 0
  }
}

/// A scanner that finds the pieces of plain text in windows.
protocol WindowScanner: SplitScanner {
  /// The places of the window where pieces begin; the first of the window is one.
  ///
  /// A bit may depend on the two places behind it.
  static func starts(_ window: TextWindow, _ start: UnsafePointer<UInt8>) -> UInt64
}

extension WindowScanner {
  @inline(__always) static func forEachPiece(in text: TextScanner, _ body: (Int, Int) -> Void) {
    let count = text.count
    var index = 0
    while index < count {
      let start = text.base + index
      // A window is worth its price where some plain text lies ahead.
      if start[0] < 0x80, count &- index < 3 || start[1] | start[2] < 0x80 {
        let window = TextWindow(start, rest: count &- index)
        var starts = Self.starts(window, start) & ~1
        if !window.isAtEnd {
          starts = window.count < 3 ? 0 : starts & TextWindow.bits(below: window.count &- 2)
        }
        if starts != 0 || window.isAtEnd {
          var piece = 0
          while starts != 0 {
            let next = starts.trailingZeroBitCount
            body(index &+ piece, index &+ next)
            piece = next
            starts &= starts &- 1
          }
          index &+= piece
          if window.isAtEnd {
            body(index, count)
            return
          }
          continue
        }
      }
      let end = end(in: text, from: index)
      body(index, end)
      index = end
    }
  }

  /// Moves the bounds of pieces for contractions that are pieces by themselves.
  @inline(__always) static func cutContractions(
    _ starts: inout UInt64, _ window: TextWindow, _ start: UnsafePointer<UInt8>, folds: Bool
  ) {
    var places = window.apostrophes & (starts | 1)
    while places != 0 {
      let place = places.trailingZeroBitCount
      places &= places &- 1
      let length = window.contraction(start, place, folds: folds)
      if length == 0 { continue }
      let inner = TextWindow.bits(below: length &- 1) &<< UInt64(truncatingIfNeeded: place &+ 1)
      starts &= ~inner
      if place &+ length < window.count {
        starts |= 1 &<< UInt64(truncatingIfNeeded: place &+ length)
      }
    }
  }

  /// The bounds of cl100k and its kin but for letters within a run, digits and contractions: letters take
  /// the character before them, signs the blank before them.
  @inline(__always) static func laterStarts(_ window: TextWindow) -> UInt64 {
    let others = window.others
    let letters = window.letters
    let signs = others & ~(others &<< 1)
    // A sign that begins a piece and stands alone goes with the letters behind it.
    let loneSigns = signs & ~(window.blanks &<< 1)
    let taken = (window.white | loneSigns) &<< 1
    return window.whiteStarts
      | letters & ~(letters &<< 1) & ~taken
      | loneSigns
  }
}

extension GPT2Scanner: WindowScanner {
  @inline(__always) static func starts(
    _ window: TextWindow, _ start: UnsafePointer<UInt8>
  ) -> UInt64 {
    let letters = window.letters
    let digits = window.digits
    let others = window.others
    let firsts =
      letters & ~(letters &<< 1) | digits & ~(digits &<< 1) | others & ~(others &<< 1)
    var starts = window.whiteStarts | firsts & ~(window.blanks &<< 1)
    if window.apostrophes & (starts | 1) != 0 {
      cutContractions(&starts, window, start, folds: false)
    }
    return starts
  }
}

extension CL100KScanner: WindowScanner {
  @inline(__always) static func starts(
    _ window: TextWindow, _ start: UnsafePointer<UInt8>
  ) -> UInt64 {
    var starts = laterStarts(window)
    starts |= Rules.digitCount == 1 ? window.digits : window.digitStarts
    if window.apostrophes & (starts | 1) != 0 {
      cutContractions(&starts, window, start, folds: true)
    }
    return starts
  }
}

extension O200KScanner: WindowScanner {
  @inline(__always) static func starts(
    _ window: TextWindow, _ start: UnsafePointer<UInt8>
  ) -> UInt64 {
    let smalls = window.letters & ~window.capitals
    var starts =
      laterStarts(window) | window.digitStarts | window.capitals & window.letters & (smalls &<< 1)
    // A contraction belongs to the word before it; its letters are no word that has one.
    var places = window.apostrophes & (window.letters &<< 1)
    var contractionEnd = 0
    while places != 0 {
      let place = places.trailingZeroBitCount
      places &= places &- 1
      if place == contractionEnd { continue }
      let length = window.contraction(start, place, folds: true)
      if length == 0 { continue }
      contractionEnd = place &+ length
      let inner = TextWindow.bits(below: length) &<< UInt64(truncatingIfNeeded: place)
      starts &= ~inner
      if contractionEnd < window.count {
        starts |= 1 &<< UInt64(truncatingIfNeeded: contractionEnd)
      }
    }
    return starts
  }
}
