// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Learns WordPiece merges: a word is its first character and then `##c` for each further one, and
/// again and again the best pair of neighbours becomes one piece.
///
///     hug 10, pug 5, pun 12, bun 4, hugs 5   ->   ##g ##s 1/20, h ##u 1/36, hu ##gs 1/15, ...
///
/// Ties: the pair that stands first, reading the words in order as they are cut at that moment.
/// Reference: Schuster & Nakajima 2012, «Japanese and Korean voice search», section 4.
public struct WordPieceLearner: ~Copyable {
  /// What makes a pair the best.
  public enum Score: String, CaseIterable, Sendable {
    /// count(ab) / (count(a) count(b)): the gain in likelihood.
    case likelihood
    /// count(ab), as for byte-pair encoding.
    case count
  }

  /// One merge and the counts at that moment.
  public struct Merge: Sendable {
    public var left: Int
    public var right: Int
    public var merged: Int
    public var pairCount: UInt64
    public var leftCount: UInt64
    public var rightCount: UInt64
    /// False when an earlier merge already spelt the same piece.
    public var isNewPiece: Bool
  }

  private struct Pair {
    var left: Int32
    var right: Int32
    var count: UInt64 = 0
    /// Words that have or had the pair, ascending; `head` is the first that may still have it.
    var words: [Int32] = []
    var head = 0
  }

  /// Pieces in order: characters bytewise, then what merges made.
  public private(set) var pieces: [[UInt8]] = []
  private var numbers: [[UInt8]: Int32] = [:]
  private var pieceCounts: [UInt64] = []
  private var pairsOfPiece: [[Int32]] = []
  private var words: [[Int32]] = []
  private var wordCounts: [UInt64] = []
  private var pairs: [Pair] = []
  private var pairNumbers: [UInt64: Int32] = [:]
  private var tournament: [Int32] = []
  private let score: Score
  private let prefix: [UInt8]

  /// - words: valid UTF-8 is cut into characters, other bytes stand alone.
  public init(
    _ words: borrowing TrainingWords, score: Score = .likelihood, prefix: [UInt8] = Array("##".utf8)
  ) {
    self.score = score
    self.prefix = prefix
    var symbols: [[[UInt8]]] = []
    for number in 0..<words.count {
      symbols.append(WordPieceLearner.characters(of: words.word(number), prefix: prefix))
      wordCounts.append(words.counts[number])
    }
    for character in Set(symbols.joined()).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      _ = number(of: character)
    }
    for (index, word) in symbols.enumerated() {
      self.words.append(word.map { numbers[$0]! })
      for piece in self.words[index] { pieceCounts[Int(piece)] += wordCounts[index] }
      addPairs(of: index)
    }
    rebuildTournament()
  }

  /// Makes merges until there are enough, or no pair is left that occurs `minimumCount` times.
  ///
  /// - mergeCount: merges at most.
  /// - pieceCount: pieces at most, those included that every vocabulary has.
  /// - trace: called with the description of each merge as it is made.
  /// - Throws: `StreamError` when there is no word, or the characters alone are too many pieces.
  public mutating func learn(
    mergeCount: Int, pieceCount: Int, minimumCount: UInt64, trace: ((String) -> Void)? = nil
  ) throws(StreamError) {
    guard !words.isEmpty else {
      throw StreamError(.none, "the input has no words", advice: "give some text")
    }
    let special = LearnedWordPiece.specials.count
    guard pieces.count + special <= pieceCount else {
      throw StreamError(
        .none,
        "\(pieceCount) pieces are fewer than \(special) special ones and \(pieces.count) characters",
        advice: "raise --vocabulary")
    }
    var count = 0
    while count < mergeCount, pieces.count + special < pieceCount,
      let merge = next(minimumCount: minimumCount)
    {
      count += 1
      trace?(description(of: merge))
    }
  }

  /// Makes the best merge; nothing when no pair is left that occurs `minimumCount` times.
  public mutating func next(minimumCount: UInt64 = 1) -> Merge? {
    guard tournament.count > 1, tournament[1] >= 0 else { return nil }
    let best = Int(tournament[1])
    let pair = pairs[best]
    guard pair.count >= max(minimumCount, 1) else { return nil }
    let left = Int(pair.left)
    let right = Int(pair.right)
    let spelling = pieces[left] + pieces[right].dropFirst(prefix.count)
    let pieceCountBefore = pieces.count
    var merge = Merge(
      left: left, right: right, merged: Int(number(of: spelling)), pairCount: pair.count,
      leftCount: pieceCounts[left], rightCount: pieceCounts[right], isNewPiece: false)
    merge.isNewPiece = pieces.count > pieceCountBefore
    apply(merge, to: pair.words[pair.head...])
    return merge
  }

  /// Rewrites the words that have the pair, and brings counts and the tournament up to date.
  private mutating func apply(_ merge: Merge, to candidates: ArraySlice<Int32>) {
    var touched: Set<Int32> = []
    let pairCountBefore = pairs.count
    for word in candidates.map({ Int($0) }) {
      let old = words[word]
      var new: [Int32] = []
      var index = 0
      while index < old.count {
        if index + 1 < old.count, Int(old[index]) == merge.left, Int(old[index + 1]) == merge.right
        {
          new.append(Int32(merge.merged))
          pieceCounts[merge.left] -= wordCounts[word]
          pieceCounts[merge.right] -= wordCounts[word]
          pieceCounts[merge.merged] += wordCounts[word]
          index += 2
        } else {
          new.append(old[index])
          index += 1
        }
      }
      guard new.count < old.count else { continue }
      for (a, b) in zip(old, old.dropFirst()) {
        let number = pairNumbers[WordPieceLearner.key(a, b)]!
        pairs[Int(number)].count -= wordCounts[word]
        touched.insert(number)
      }
      words[word] = new
      touched.formUnion(addPairs(of: word))
    }
    if score == .likelihood {
      // The counts of these pieces have changed, and with them the scores of all their pairs.
      for piece in [merge.left, merge.right, merge.merged] {
        touched.formUnion(pairsOfPiece[piece])
      }
    }
    for number in touched { advanceHead(Int(number)) }
    if pairs.count > pairCountBefore, pairs.count > tournament.count / 2 {
      rebuildTournament()
    } else {
      // Any order gives the same winners.
      for number in touched { replay(Int(number)) }
    }
  }

  /// Counts the pairs of a word as it is cut now; returns them.
  @discardableResult
  private mutating func addPairs(of word: Int) -> [Int32] {
    var found: [Int32] = []
    for (a, b) in zip(words[word], words[word].dropFirst()) {
      let key = WordPieceLearner.key(a, b)
      let number: Int32
      if let known = pairNumbers[key] {
        number = known
      } else {
        number = Int32(pairs.count)
        pairNumbers[key] = number
        pairs.append(Pair(left: a, right: b))
        pairsOfPiece[Int(a)].append(number)
        if a != b { pairsOfPiece[Int(b)].append(number) }
      }
      pairs[Int(number)].count += wordCounts[word]
      insert(word, into: Int(number))
      found.append(number)
    }
    return found
  }

  private mutating func insert(_ word: Int, into number: Int) {
    let word = Int32(word)
    guard let last = pairs[number].words.last, last >= word else {
      pairs[number].words.append(word)
      return
    }
    var low = 0
    var high = pairs[number].words.count
    while low < high {
      let middle = (low + high) / 2
      if pairs[number].words[middle] < word { low = middle + 1 } else { high = middle }
    }
    if pairs[number].words[low] != word { pairs[number].words.insert(word, at: low) }
    pairs[number].head = min(pairs[number].head, low)
  }

  /// Moves a pair's head to the first word that has it.
  private mutating func advanceHead(_ number: Int) {
    guard pairs[number].count > 0 else { return }
    while place(of: number, in: Int(pairs[number].words[pairs[number].head])) == nil {
      pairs[number].head += 1
    }
  }

  private func place(of number: Int, in word: Int) -> Int? {
    let symbols = words[word]
    let pair = pairs[number]
    var index = 0
    while index + 1 < symbols.count {
      if symbols[index] == pair.left, symbols[index + 1] == pair.right { return index }
      index += 1
    }
    return nil
  }

  /// Whether pair `a` is to be merged before pair `b`.
  private func beats(_ a: Int32, _ b: Int32) -> Bool {
    guard a >= 0 else { return false }
    guard b >= 0 else { return true }
    let (first, second) = (pairs[Int(a)], pairs[Int(b)])
    guard first.count > 0, second.count > 0 else { return first.count > second.count }
    switch score {
    case .count:
      if first.count != second.count { return first.count > second.count }
    case .likelihood:
      // Fractions are compared exactly: n1 / d1 > n2 / d2 as n1 d2 > n2 d1.
      let (high1, low1) = UInt128(first.count).multipliedFullWidth(by: denominator(second))
      let (high2, low2) = UInt128(second.count).multipliedFullWidth(by: denominator(first))
      if (high1, low1) != (high2, low2) { return (high1, low1) > (high2, low2) }
    }
    let firstWord = first.words[first.head]
    let secondWord = second.words[second.head]
    if firstWord != secondWord { return firstWord < secondWord }
    return place(of: Int(a), in: Int(firstWord))! < place(of: Int(b), in: Int(firstWord))!
  }

  private func denominator(_ pair: Pair) -> UInt128 {
    UInt128(pieceCounts[Int(pair.left)]) * UInt128(pieceCounts[Int(pair.right)])
  }

  /// A binary tree of winners: leaves are pairs, node i plays its children 2i and 2i + 1.
  private mutating func rebuildTournament() {
    var leafCount = 1024
    while leafCount < 2 * pairs.count { leafCount *= 2 }
    tournament = [Int32](repeating: -1, count: 2 * leafCount)
    for number in pairs.indices { tournament[leafCount + number] = Int32(number) }
    for node in (1..<leafCount).reversed() {
      let (a, b) = (tournament[2 * node], tournament[2 * node + 1])
      tournament[node] = beats(b, a) ? b : a
    }
  }

  private mutating func replay(_ number: Int) {
    let leafCount = tournament.count / 2
    tournament[leafCount + number] = Int32(number)
    var node = (leafCount + number) / 2
    while node > 0 {
      let (a, b) = (tournament[2 * node], tournament[2 * node + 1])
      tournament[node] = beats(b, a) ? b : a
      node /= 2
    }
  }

  private mutating func number(of piece: [UInt8]) -> Int32 {
    if let known = numbers[piece] { return known }
    let number = Int32(pieces.count)
    numbers[piece] = number
    pieces.append(piece)
    pieceCounts.append(0)
    pairsOfPiece.append([])
    return number
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(left) << 32 | UInt64(right)
  }

  private static func characters(
    of word: UnsafeBufferPointer<UInt8>, prefix: [UInt8]
  ) -> [[UInt8]] {
    var characters: [[UInt8]] = []
    var index = 0
    while index < word.count {
      let length = max(utf8SequenceLength(word, at: index), 1)
      characters.append((index == 0 ? [] : prefix) + word[index..<index + length])
      index += length
    }
    return characters
  }
}

extension WordPieceLearner {
  /// A merge as `left right score`: the count, or the reduced fraction of the likelihood score.
  public func description(of merge: Merge) -> String {
    let names = [merge.left, merge.right].map {
      String(decoding: Spelling.spelling(of: pieces[$0]), as: UTF8.self)
    }
    var value = "\(merge.pairCount)"
    if score == .likelihood {
      let denominator = UInt128(merge.leftCount) * UInt128(merge.rightCount)
      var (a, b) = (denominator, UInt128(merge.pairCount))
      while b != 0 { (a, b) = (b, a % b) }
      value = "\(UInt128(merge.pairCount) / a)/\(denominator / a)"
    }
    return "\(names[0]) \(names[1]) \(value)"
  }
}
