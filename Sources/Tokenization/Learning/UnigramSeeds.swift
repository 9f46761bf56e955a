// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// The pieces that learning a Unigram model starts from: frequent substrings of words.
///
/// All suffixes of the words are sorted; substrings that several suffixes begin with are runs of that
/// order, so one pass with a stack finds each substring that cannot be made longer without losing an
/// occurrence, and how often it occurs. Memory is linear in the bytes of the distinct words.
///
/// Reference: Abouelhoda, Kurtz & Ohlebusch 2004, «Replacing suffix trees with enhanced suffix
/// arrays», section 3 (lcp-intervals).
struct UnigramSeeds: ~Copyable {
  /// A substring: a place in `text`, its bytes, and its occurrences weighted by the words' counts.
  struct Seed {
    var start: Int
    var count: Int
    var frequency: UInt64
    var characterCount: Int
  }

  /// The words one after the other, each ended by a NUL.
  let text: [UInt8]
  private let wordOf: [UInt32]
  private let wordCounts: [UInt64]
  private let maximumCharacterCount: Int

  /// - words: cut at characters that the model leaves out; they hold no NUL.
  /// - maximumCharacterCount: of a piece.
  init(words: PieceList, counts: [UInt64], maximumCharacterCount: Int) {
    var text: [UInt8] = []
    var wordOf: [UInt32] = []
    text.reserveCapacity(words.bytes.count + words.count)
    for index in 0..<words.count {
      text += words[index]
      text.append(0)
      while wordOf.count < text.count { wordOf.append(UInt32(index)) }
    }
    self.text = text
    self.wordOf = wordOf
    wordCounts = counts
    self.maximumCharacterCount = maximumCharacterCount
  }

  /// Substrings of at least two characters that occur twice or more, in byte order.
  func substrings() -> [Seed] {
    let order = sortedSuffixes()
    var seeds: [Seed] = []
    // Open intervals, the longer above: their length and the sum of counts so far.
    var stack: [(length: Int, frequency: UInt64, start: Int)] = []
    var previous = 0
    for (rank, suffix) in order.enumerated() {
      let shared = rank == 0 ? 0 : commonLength(previous, suffix)
      var carried: UInt64 = 0
      while let top = stack.last, top.length > shared {
        stack.removeLast()
        let frequency = top.frequency + carried
        appendSeed(
          top.start, top.length, frequency, floor: max(shared, stack.last?.length ?? 0), &seeds)
        carried = frequency
      }
      if let top = stack.last, top.length == shared {
        stack[stack.count - 1].frequency += carried
      } else if shared > 0 {
        stack.append((shared, carried, previous))
      }
      // The suffix itself, up to the end of its word.
      stack.append((suffixLength(suffix), wordCounts[Int(wordOf[suffix])], suffix))
      previous = suffix
    }
    var carried: UInt64 = 0
    while let top = stack.popLast() {
      let frequency = top.frequency + carried
      appendSeed(top.start, top.length, frequency, floor: stack.last?.length ?? 0, &seeds)
      carried = frequency
    }
    return seeds
  }

  /// An interval's longest substring of whole characters, if it is longer than its parent's.
  private func appendSeed(
    _ start: Int, _ length: Int, _ frequency: UInt64, floor: Int, _ seeds: inout [Seed]
  ) {
    guard frequency >= 2 else { return }
    var end = start
    var characterCount = 0
    while end < start + length, characterCount < maximumCharacterCount {
      let next = end + characterLength(text[end])
      if next > start + length { break }
      end = next
      characterCount += 1
    }
    guard characterCount >= 2, end - start > floor else { return }
    seeds.append(
      Seed(start: start, count: end - start, frequency: frequency, characterCount: characterCount))
  }

  /// Starts of characters in the order of what follows them in their word.
  private func sortedSuffixes() -> [Int] {
    var keyed: [(key: UInt64, start: UInt32)] = []
    keyed.reserveCapacity(text.count)
    for start in text.indices where text[start] != 0 && text[start] & 0xC0 != 0x80 {
      var key: UInt64 = 0
      var isInside = true
      for offset in 0..<8 {
        let byte = isInside && start + offset < text.count ? text[start + offset] : 0
        if byte == 0 { isInside = false }
        key = key << 8 | UInt64(byte)
      }
      keyed.append((key, UInt32(start)))
    }
    text.withUnsafeBufferPointer { text in
      keyed.sort { a, b in
        if a.key != b.key { return a.key < b.key }
        if a.key & 0xFF != 0 {
          var x = Int(a.start) + 8
          var y = Int(b.start) + 8
          // Compare on within both words; the NUL that ends the shorter is the least byte.
          while text[x] == text[y], text[x] != 0, x - Int(a.start) < 64 {
            x += 1
            y += 1
          }
          if text[x] != text[y] { return text[x] < text[y] }
        }
        // Equal as far as pieces reach: keep the order of the words.
        return a.start < b.start
      }
    }
    return keyed.map { Int($0.start) }
  }

  private func suffixLength(_ start: Int) -> Int {
    var end = start
    while text[end] != 0, end - start < 64 { end += 1 }
    return end - start
  }

  private func commonLength(_ a: Int, _ b: Int) -> Int {
    var length = 0
    while text[a + length] == text[b + length], text[a + length] != 0, length < 64 { length += 1 }
    return length
  }
}
