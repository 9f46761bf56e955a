// SPDX-License-Identifier: Apache-2.0

internal import ExternalSort
public import TokenStreams

/// Learns byte-pair merges: again and again the most frequent pair of neighbours becomes one symbol.
///
/// Reference: Sennrich, Haddow & Birch 2016, algorithm 1; counts are exact and 64 bits wide. Equal counts
/// are broken as `Ties` says, and as in the `tokenizers` library a merge
/// that spells a piece again reuses its id.
///
/// A pair's occurrences are the places of its words, in one run that is born whole with the merge that
/// makes the pair; a place that has lost the pair costs one look. What grows with the text lies in
/// arrays that can do with little memory; counts of distinct pairs stay in memory.
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
  private let memory: LearningMemory
  private var words: PackedWords
  private var pairs: PairCounts
  private var queue: PairQueue
  /// The places of words, list after list.
  private var places: PagedArray<UInt32>
  private var gathering: NeighbourSums

  public init(_ memory: LearningMemory) {
    self.memory = memory
    words = PackedWords(memory)
    pairs = PairCounts(memory)
    gathering = NeighbourSums(memory)
    queue = PairQueue(memory)
    places = PagedArray(allowance: memory.allowance, directory: memory.directory)
  }

  /// Adds a word as its symbols; words of one symbol only count.
  public mutating func add(_ symbols: some Collection<Token>, count: Int) throws {
    tokenCount += symbols.count * count
    if symbols.count > 1, count > 0 { try words.append(symbols, count: count) }
  }

  /// Makes merges until `isEnough`, or until no pair occurs at least `minimumCount` times.
  ///
  /// - spelled: the id of the merged piece: that of a piece with the same bytes, or the next one.
  /// - isForbidden: pairs that are never merged.
  public mutating func learn(
    minimumCount: Int = 1, spelled: (Token, Token) -> Token, isEnough: () -> Bool,
    ties: Ties = .smallerIDs,
    isForbidden: (Token, Token) -> Bool = { _, _ in false }, step: (Step) throws -> Void
  ) throws {
    try countPairs()
    while !isEnough(), let entry = try nextEntry(ties), entry.count >= max(1, minimumCount) {
      let left = entry.left
      let right = entry.right
      // A pair comes about only by the merge that makes one of its sides: it never comes again.
      if isForbidden(left, right) { continue }
      let result = spelled(left, right)
      try apply(left, right, result, entry)
      try settle()
      try step(
        Step(
          merge: BytePairModel.Merge(left: left, right: right, result: result),
          count: Int(entry.count), tokenCount: tokenCount))
    }
  }

  /// Leaves to the arrays what the tables do not take.
  private mutating func settle() throws {
    memory.reserve(pairs.byteCount + queue.byteCount + gathering.byteCount)
    try gathering.settle()
    try queue.settle()
    try places.settle()
    try words.settle()
  }

  /// The entry of the largest true count; stale ones go back with theirs.
  private mutating func nextEntry() throws -> PairQueue.Entry? {
    while var entry = queue.pop() {
      let count = pairs[entry.pair]
      if entry.count == count { return entry }
      entry.count = count
      if count > 0 { try queue.push(entry) }
    }
    return nil
  }

  /// The next entry by these ties.
  private mutating func nextEntry(_ ties: Ties) throws -> PairQueue.Entry? {
    switch ties {
    case .smallerIDs: try nextEntry()
    case .preferred(let prefers):
      try nextEntry { _, a, b in prefers((a.left, a.right), (b.left, b.right)) }
    case .firstPlace: try nextEntry { $0.firstPlace(of: $1) < $0.firstPlace(of: $2) }
    }
  }

  /// Where the pair of an entry stands first: a word's place above, the place within it below.
  private mutating func firstPlace(of entry: PairQueue.Entry) -> UInt64 {
    for position in entry.places {
      places.touch(position)
      let place = places.base[position]
      let word = words.touchWord(at: place)
      for index in 0..<word.length - 1
      where word.symbols[index] == entry.left && word.symbols[index + 1] == entry.right {
        return UInt64(place) << 32 | UInt64(index)
      }
    }
    return .max
  }

  /// Of all entries with the largest true count the one that `precedes` puts first.
  private mutating func nextEntry(
    _ precedes: (inout BytePairLearner, PairQueue.Entry, PairQueue.Entry) -> Bool
  ) throws -> PairQueue.Entry? {
    guard var best = try nextEntry() else { return nil }
    var others: [PairQueue.Entry] = []
    while let entry = try nextEntry() {
      guard entry.count == best.count else {
        others.append(entry)
        break
      }
      if precedes(&self, entry, best) {
        others.append(best)
        best = entry
      } else {
        others.append(entry)
      }
    }
    for entry in others { try queue.push(entry) }
    return best
  }

  /// Counts all pairs and lays out their occurrences.
  private mutating func countPairs() throws {
    var pairs = PairCounts(memory)
    // In how many words each pair stands; then where its list goes on, while it is filled.
    var listed = PairCounts(memory)
    var total = 0
    try words.forEachPair { pair, count, _, isFirstInWord in
      try pairs.add(pair, count)
      if isFirstInWord {
        try listed.add(pair, 1)
        total += 1
      }
    }
    try PackedWords.check(2 * total)
    memory.reserve(pairs.byteCount + listed.byteCount)
    // Lists that do not fit in memory are filled in parts; behind each part a place stays empty.
    let room = memory.allowance.availableByteCount
    let partCount = 4 * total <= room ? total : max(room / 8, 1 << 16)
    var parts = [0]
    var end = 0
    try listed.replaceCounts { pair, count in
      if end - parts.last! > partCount {
        end += 1
        parts.append(end)
      }
      try queue.append(
        PairQueue.Entry(
          count: pairs[pair], pair: pair, start: UInt32(end), length: UInt32(count)))
      defer { end += Int(count) }
      return Int64(end)
    }
    try places.grow(by: end)
    for (index, start) in parts.enumerated() {
      let part = Int64(start)..<Int64(index + 1 < parts.count ? parts[index + 1] - 1 : end)
      try words.forEachPair { pair, _, place, isFirstInWord in
        guard isFirstInWord, part.contains(listed[pair]) else { return }
        let position = Int(listed[pair])
        places.touch(position)
        places.base[position] = place
        try listed.add(pair, 1)
      }
    }
    self.pairs = pairs
    try settle()
    queue.order()
  }

  /// Replaces (left, right) by `result` in the entry's words, and counts what that changes.
  private mutating func apply(
    _ left: Token, _ right: Token, _ result: Token, _ entry: PairQueue.Entry
  ) throws {
    gathering.begin(symbolCount: Int(max(left, right, result)) + 1)
    var removed: Int64 = 0
    let list = entry.places
    for position in list {
      places.touch(position)
      let ahead = position &+ 12
      if ahead < list.upperBound { words.prefetch(places.base[ahead]) }
      let place = places.base[position]
      removed &+= try BytePairLearner.merge(
        left, right, result, in: words.touchWord(at: place), at: place, &gathering)
    }
    tokenCount -= Int(removed)
    try gathering.apply(left, right, result, to: &pairs, &queue, &places)
    places.release(list)
  }

  /// Merges within one word; returns what its tokens became fewer by, weighted.
  @inline(__always) private static func merge(
    _ left: Token, _ right: Token, _ result: Token, in word: PackedWords.Word, at place: UInt32,
    _ sums: inout NeighbourSums
  ) throws -> Int64 {
    let symbols = word.symbols
    let length = word.length
    let count = word.count
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
          try sums.gainLeft(before, count, place, result)
        }
        symbols[write] = result
        write &+= 1
        read &+= 2
        if read < length {
          let after = symbols[read]
          sums.loseRight(after, count)
          try sums.gainRight(after, count, place)
        }
      } else {
        symbols[write] = symbols[read]
        write &+= 1
        read &+= 1
      }
    }
    word.shorten(by: length &- write)
    return count &* Int64(length &- write)
  }
}
