// SPDX-License-Identifier: Apache-2.0

internal import CSystem
public import TokenStreams

/// Learns byte-pair merges: again and again the most frequent pair of neighbours becomes one symbol.
///
/// Reference: Sennrich, Haddow & Birch 2016, algorithm 1; counts are exact and 64 bits wide. Equal counts
/// are broken as `Ties` says, and as in the `tokenizers` library a merge
/// that spells a piece again reuses its id.
///
/// Words lie in one run of memory, each as length, count (two words) and symbols. A pair's occurrences
/// are the places of its words, in one run that is born whole with the merge that makes the pair; a
/// place that has lost the pair costs one look.
public struct BytePairLearner: ~Copyable {
  /// One merge, as it is made.
  public struct Step {
    public var merge: BytePairModel.Merge
    /// Occurrences of the pair, weighted by the words' counts.
    public var count: Int
    /// Symbols in the weighted corpus after the merge.
    public var tokenCount: Int
  }

  /// Which of the pairs with the largest count is merged.
  public enum Ties {
    /// The smaller left id, then the smaller right id.
    case smallerIDs
    /// The one that stands first in the words, in the order in which they were added.
    case firstPlace
    /// What a rule says: whether its first pair goes before its second.
    case preferred(((Token, Token), (Token, Token)) -> Bool)
  }

  /// Symbols in the weighted corpus now.
  public private(set) var tokenCount = 0
  private var words: [UInt32] = []
  private var pairs = PairCounts()
  private var queue = PairQueue()
  /// The places of words, list after list.
  private var places: [UInt32] = []
  private var gathering = NeighbourSums()

  private static let headerCount = 3

  public init() {}

  /// Adds a word as its symbols; words of one symbol only count.
  public mutating func add(_ symbols: some Collection<Token>, count: Int) {
    tokenCount += symbols.count * count
    guard symbols.count > 1, count > 0 else { return }
    words.append(UInt32(symbols.count))
    words.append(UInt32(truncatingIfNeeded: count))
    words.append(UInt32(truncatingIfNeeded: count >> 32))
    words.append(contentsOf: symbols)
  }

  /// Makes merges until `isEnough`, or until no pair occurs at least `minimumCount` times.
  ///
  /// - spelled: the id of the merged piece: that of a piece with the same bytes, or the next one.
  /// - isForbidden: pairs that are never merged.
  public mutating func learn(
    minimumCount: Int = 1, spelled: (Token, Token) -> Token, isEnough: () -> Bool,
    ties: Ties = .smallerIDs,
    isForbidden: (Token, Token) -> Bool = { _, _ in false }, step: (Step) throws -> Void
  ) rethrows {
    precondition(words.count < Int(UInt32.max), "fewer than 2^32 symbols in distinct words")
    countPairs()
    while !isEnough(), let entry = nextEntry(ties), entry.count >= max(1, minimumCount) {
      let left = entry.left
      let right = entry.right
      // A pair comes about only by the merge that makes one of its sides: it never comes again.
      if isForbidden(left, right) { continue }
      let result = spelled(left, right)
      apply(left, right, result, entry)
      try step(
        Step(
          merge: BytePairModel.Merge(left: left, right: right, result: result),
          count: Int(entry.count), tokenCount: tokenCount))
    }
  }

  /// The entry of the largest true count; stale ones go back with theirs.
  private mutating func nextEntry() -> PairQueue.Entry? {
    while var entry = queue.pop() {
      let count = pairs[entry.pair]
      if entry.count == count { return entry }
      entry.count = count
      if count > 0 { queue.push(entry) }
    }
    return nil
  }

  /// The next entry by these ties.
  private mutating func nextEntry(_ ties: Ties) -> PairQueue.Entry? {
    switch ties {
    case .smallerIDs: nextEntry()
    case .preferred(let prefers):
      nextEntry { _, a, b in prefers((a.left, a.right), (b.left, b.right)) }
    case .firstPlace: nextEntry { $0.firstPlace(of: $1) < $0.firstPlace(of: $2) }
    }
  }

  /// Where the pair of an entry stands first: a word's place above, the place within it below.
  private func firstPlace(of entry: PairQueue.Entry) -> UInt64 {
    for place in places[Int(entry.start)..<Int(entry.start) + Int(entry.length)] {
      let first = Int(place) + BytePairLearner.headerCount
      for index in first..<first + Int(words[Int(place)]) - 1
      where words[index] == entry.left && words[index + 1] == entry.right {
        return UInt64(place) << 32 | UInt64(index - first)
      }
    }
    return .max
  }

  /// Of all entries with the largest true count the one that `precedes` puts first.
  private mutating func nextEntry(
    _ precedes: (borrowing BytePairLearner, PairQueue.Entry, PairQueue.Entry) -> Bool
  ) -> PairQueue.Entry? {
    guard var best = nextEntry() else { return nil }
    var others: [PairQueue.Entry] = []
    while let entry = nextEntry() {
      guard entry.count == best.count else {
        others.append(entry)
        break
      }
      if precedes(self, entry, best) {
        others.append(best)
        best = entry
      } else {
        others.append(entry)
      }
    }
    for entry in others { queue.push(entry) }
    return best
  }

  /// Counts all pairs and lays out their occurrences.
  private mutating func countPairs() {
    var listed = PairCounts()
    BytePairLearner.forEachPair(in: words) { pair, count, _, isFirstInWord in
      pairs.add(pair, count)
      if isFirstInWord { listed.add(pair, 1) }
    }
    // Where the list of each pair begins; then, while it is filled, where it goes on.
    var total = 0
    var starts = PairCounts()
    listed.forEachPair { pair, count in
      starts.add(pair, Int64(total))
      queue.append(
        PairQueue.Entry(
          count: pairs[pair], pair: pair, start: UInt32(total), length: UInt32(count)))
      total += Int(count)
    }
    places = Array(repeating: 0, count: total)
    BytePairLearner.forEachPair(in: words) { pair, _, place, isFirstInWord in
      guard isFirstInWord else { return }
      places[Int(starts[pair])] = UInt32(place)
      starts.add(pair, 1)
    }
    queue.order()
  }

  /// Calls `body` with each pair of neighbours: pair, count of its word, the word's place, and whether
  /// the pair has not stood in the word before.
  private static func forEachPair(
    in words: [UInt32], _ body: (UInt64, Int64, Int, Bool) -> Void
  ) {
    words.withUnsafeBufferPointer { words in
      var place = 0
      while place < words.count {
        let length = Int(words[place])
        let count = Int64(words[place + 1]) | Int64(words[place + 2]) << 32
        let first = place + BytePairLearner.headerCount
        for index in first..<first + length - 1 {
          let pair = UInt64(words[index]) << 32 | UInt64(words[index + 1])
          var isNew = true
          var earlier = first
          while earlier < index {
            if words[earlier] == words[index], words[earlier + 1] == words[index + 1] {
              isNew = false
              break
            }
            earlier &+= 1
          }
          body(pair, count, place, isNew)
        }
        place = first + length
      }
    }
  }

  /// Replaces (left, right) by `result` in the entry's words, and counts what that changes.
  private mutating func apply(
    _ left: Token, _ right: Token, _ result: Token, _ entry: PairQueue.Entry
  ) {
    gathering.begin(symbolCount: Int(max(left, right, result)) + 1)
    var removed: Int64 = 0
    words.withUnsafeMutableBufferPointer { words in
      let list = Int(entry.start)..<Int(entry.start) + Int(entry.length)
      places.withUnsafeBufferPointer { places in
        for position in list {
          let ahead = position &+ 12
          if ahead < list.upperBound {
            prefetch_for_read(words.baseAddress! + Int(places[ahead]))
          }
          removed &+= BytePairLearner.merge(
            left, right, result, in: words.baseAddress!, at: places[position], &gathering)
        }
      }
    }
    tokenCount -= Int(removed)
    gathering.apply(left, right, result, to: &pairs, &queue, &places)
  }

  /// Merges within one word; returns what its tokens became fewer by, weighted.
  @inline(__always) private static func merge(
    _ left: Token, _ right: Token, _ result: Token, in words: UnsafeMutablePointer<UInt32>,
    at place: UInt32, _ sums: inout NeighbourSums
  ) -> Int64 {
    let word = words + Int(place)
    let symbols = word + headerCount
    let length = Int(word[0])
    let count = Int64(word[1]) | Int64(word[2]) &<< 32
    // Nothing is written until the first match: most stale places end here.
    var read = 0
    while read &+ 1 < length, symbols[read] != left || symbols[read &+ 1] != right { read &+= 1 }
    if read &+ 1 >= length { return 0 }
    var write = read
    while read < length {
      if read &+ 1 < length, symbols[read] == left, symbols[read &+ 1] == right {
        if write > 0 {
          let before = symbols[write &- 1]
          sums.loseLeft(before, count)
          sums.gainLeft(before, count, place, result)
        }
        symbols[write] = result
        write &+= 1
        read &+= 2
        if read < length {
          let after = symbols[read]
          sums.loseRight(after, count)
          sums.gainRight(after, count, place)
        }
      } else {
        symbols[write] = symbols[read]
        write &+= 1
        read &+= 1
      }
    }
    // The rest of the word's room becomes a word that is never listed: only its length is unread.
    word[0] = UInt32(truncatingIfNeeded: write)
    return count &* Int64(length &- write)
  }
}
