// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// How n-grams are packed into numbers: each token's rank in byte order of spellings in as few bits as
/// the vocabulary needs, the first token in the highest bits, so that numbers are ordered as lines.
struct NGramKeys: Sendable {
  /// Columns of an n-gram, the position among them if there is one.
  let columnCount: Int
  let bitsPerToken: Int
  let wordCount: Int
  private let isPositional: Bool
  private let padding: Token

  /// - padding: the rank of the token before the first.
  init(rules: CountingRules, vocabularyCount: Int, padding: Token) {
    columnCount = rules.columnCount
    bitsPerToken = max(1, Int.bitWidth - (vocabularyCount - 1).leadingZeroBitCount)
    wordCount = (columnCount * bitsPerToken + 63) / 64
    isPositional = rules.isPositional
    self.padding = padding
  }

  var bitCount: Int { columnCount * bitsPerToken }

  /// Appends the key of each n-gram of a spool block to `keys`, and returns their number.
  ///
  /// - ranks: of tokens, by number; of positions, by position.
  /// - keys: room for one key a token.
  func pack(
    position: Int, context: [Token], tokens: UnsafeBufferPointer<UInt8>,
    ranks: UnsafePointer<Token>, positionRanks: UnsafePointer<Token>,
    into keys: UnsafeMutablePointer<UInt64>
  ) -> Int {
    switch wordCount {
    case 1: pack(position, context, tokens, ranks, positionRanks, keys, wordCount: 1)
    case 2: pack(position, context, tokens, ranks, positionRanks, keys, wordCount: 2)
    default: pack(position, context, tokens, ranks, positionRanks, keys, wordCount: wordCount)
    }
  }

  @inline(__always)
  private func pack(
    _ position: Int, _ context: [Token], _ tokens: UnsafeBufferPointer<UInt8>,
    _ ranks: UnsafePointer<Token>, _ positionRanks: UnsafePointer<Token>,
    _ keys: UnsafeMutablePointer<UInt64>, wordCount: Int
  ) -> Int {
    let historyCount = columnCount - (isPositional ? 1 : 0)
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 3 * wordCount) { space in
      // The last tokens, those of an empty context, and the bits that belong to the history.
      let current = space.baseAddress!
      let empty = current + wordCount
      let mask = empty + wordCount
      space.initialize(repeating: 0)
      for _ in 0..<historyCount { push(padding, empty, wordCount: wordCount) }
      for bit in 0..<historyCount * bitsPerToken { mask[bit / 64] |= 1 << UInt64(bit % 64) }
      current.update(from: empty, count: wordCount)
      for token in context { push(ranks[Int(token)], current, wordCount: wordCount) }
      for word in 0..<wordCount { current[word] &= mask[word] }
      var position = position
      var count = 0
      var next = tokens.baseAddress!
      let end = next + tokens.count
      while next < end {
        var value = Int(next[0])
        next += 1
        if value >= 0x80 {
          value &= 0x7F
          var shift = 7
          while true {
            let byte = Int(next[0])
            next += 1
            value |= (byte & 0x7F) &<< shift
            if byte < 0x80 { break }
            shift &+= 7
          }
        }
        if value == 0 {
          for word in 0..<wordCount { current[word] = empty[word] }
          position = 0
          continue
        }
        push(ranks[value &- 1], current, wordCount: wordCount)
        let key = keys + count &* wordCount
        for word in 0..<wordCount {
          current[word] &= mask[word]
          key[word] = current[word]
        }
        count &+= 1
        if isPositional {
          position &+= 1
          let shift = historyCount &* bitsPerToken
          let rank = UInt64(positionRanks[position])
          key[shift / 64] |= rank &<< UInt64(shift % 64)
          if shift % 64 + bitsPerToken > 64 {
            key[shift / 64 + 1] |= rank &>> UInt64(64 - shift % 64)
          }
        }
      }
      return count
    }
  }

  /// Moves a key up by one token and puts `rank` in its lowest bits.
  @inline(__always)
  private func push(_ rank: Token, _ key: UnsafeMutablePointer<UInt64>, wordCount: Int) {
    let shift = UInt64(truncatingIfNeeded: bitsPerToken)
    var word = wordCount &- 1
    while word > 0 {
      key[word] = key[word] &<< shift | key[word &- 1] &>> (64 &- shift)
      word &-= 1
    }
    key[0] = key[0] &<< shift | UInt64(rank)
  }

  /// Reads a key's ranks, the first column's first.
  @inline(__always)
  func unpack(_ key: UnsafePointer<UInt64>, into ranks: UnsafeMutablePointer<Token>) {
    let mask = (UInt64(1) &<< UInt64(truncatingIfNeeded: bitsPerToken)) &- 1
    var shift = 0
    var column = columnCount
    while column > 0 {
      column &-= 1
      let word = shift &>> 6
      let offset = UInt64(truncatingIfNeeded: shift & 63)
      var value = key[word] &>> offset
      if Int(offset) &+ bitsPerToken > 64 { value |= key[word &+ 1] &<< (64 &- offset) }
      ranks[column] = Token(truncatingIfNeeded: value & mask)
      shift &+= bitsPerToken
    }
  }
}
