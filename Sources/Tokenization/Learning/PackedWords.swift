// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CSystem
internal import ExternalSort
internal import TokenStreams

/// Counted words as symbols, one behind the other; a word is known by its place.
///
/// A word is one number, its length and above it its count, and then its symbols. Where these do not fit
/// the number is zero, and the length and the two halves of the count stand behind it.
///
/// Unsafe in one place: the first number of a word says how many follow.
struct PackedWords: ~Copyable {
  private var numbers: PagedArray<UInt32>

  init(_ memory: LearningMemory) {
    numbers = PagedArray(allowance: memory.allowance, directory: memory.directory)
  }

  /// One word, valid until words are added or settle.
  struct Word {
    private let head: UnsafeMutablePointer<UInt32>
    let symbols: UnsafeMutablePointer<UInt32>
    let length: Int
    let count: Int64

    @inline(__always) init(_ head: UnsafeMutablePointer<UInt32>) {
      self.head = head
      if head[0] != 0 {
        length = Int(head[0] & 0xFF)
        count = Int64(head[0] &>> 8)
        symbols = head + 1
      } else {
        length = Int(head[1])
        count = Int64(head[2]) | Int64(head[3]) &<< 32
        symbols = head + 4
      }
    }

    /// Leaves out its last symbols; their room stays empty.
    @inline(__always) func shorten(by removedCount: Int) {
      head[symbols - head == 1 ? 0 : 1] &-= UInt32(truncatingIfNeeded: removedCount)
    }
  }

  /// Adds a word of at least two symbols.
  mutating func append(_ symbols: some Collection<Token>, count: Int) throws {
    let isShort = symbols.count < 1 << 8 && count < 1 << 24
    let place = numbers.count
    let headCount = isShort ? 1 : 4
    try numbers.grow(by: headCount + symbols.count)
    try PackedWords.check(numbers.count)
    numbers.touch(place, count: headCount + symbols.count)
    let word = numbers.base + place
    if isShort {
      word[0] = UInt32(symbols.count | count << 8)
    } else {
      word[0] = 0
      word[1] = UInt32(symbols.count)
      word[2] = UInt32(truncatingIfNeeded: count)
      word[3] = UInt32(truncatingIfNeeded: count >> 32)
    }
    for (index, symbol) in symbols.enumerated() { word[headCount + index] = symbol }
  }

  /// Numbers of words and of their places have 32 bits.
  static func check(_ count: Int) throws(StreamError) {
    if count > Int(UInt32.max) {
      throw StreamError(.none, "distinct words have more than 2^32 symbols or pairs")
    }
  }

  /// The word at a place, which is about to be used.
  @inline(__always) mutating func touchWord(at place: UInt32) -> Word {
    let head = numbers.base + Int(place)
    let word = Word(head)
    numbers.touch(Int(place), count: word.symbols - head + word.length)
    return word
  }

  /// Says that a word is asked for soon.
  @inline(__always) func prefetch(_ place: UInt32) { prefetch_for_read(numbers.base + Int(place)) }

  mutating func settle() throws { try numbers.settle() }

  /// Calls `body` with each pair of neighbours, while no word has been merged: pair, count of its word,
  /// the word's place, and whether the pair has not stood in the word before.
  mutating func forEachPair(_ body: (UInt64, Int64, UInt32, Bool) throws -> Void) rethrows {
    var place = 0
    while place < numbers.count {
      let word = touchWord(at: UInt32(place))
      let symbols = word.symbols
      for index in 0..<word.length &- 1 {
        let pair = UInt64(symbols[index]) << 32 | UInt64(symbols[index &+ 1])
        var earlier = 0
        while symbols[earlier] != symbols[index] || symbols[earlier &+ 1] != symbols[index &+ 1] {
          earlier &+= 1
        }
        try body(pair, word.count, UInt32(place), earlier == index)
      }
      place = symbols - numbers.base + word.length
    }
  }
}
