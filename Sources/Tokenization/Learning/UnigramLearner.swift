// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Learns a Unigram model: from many seed pieces, expectation maximisation and pruning take turns
/// until as many pieces are left as wanted.
///
/// All passes run over distinct words with counts, whose matches with the seeds are found once. The
/// words are dealt to a fixed number of shards and sums are added in shard order, so the model is the
/// same for any number of threads.
///
/// Reference: Kudo 2018, «Subword regularization», section 3.2. Differs: seeds are counted over words
/// weighted by their counts, and whole words are seeds too.
public final class UnigramLearner: @unchecked Sendable {
  /// How to begin and where to stop.
  public struct Options: Sendable {
    public enum Seeds: String, CaseIterable, Sendable {
      /// Characters and frequent substrings, by frequency × length.
      case frequent
      /// Characters and all strict substrings of words, by frequency: for small examples.
      case substrings
    }

    public var seeds = Seeds.frequent
    /// Pieces to end with, characters included.
    public var pieceCount = 8000
    public var seedCount = 1_000_000
    /// Share of pieces that survives a round of pruning.
    public var shrinkingFactor = 0.75
    public var iterationsPerRound = 2
    /// Characters of a piece at most.
    public var maximumCharacterCount = 16
    /// Share of the characters of the text that the model must spell.
    public var coverage = 0.9995
    public var threads = 1

    public init() {}
  }

  /// A piece, its log-probability in nats.
  public struct Piece: Sendable {
    public var bytes: [UInt8]
    public var score: Double
  }

  /// What a round left: pieces, and nats of the best segmentation of all words.
  public struct Round: Sendable {
    public var pieceCount: Int
    public var loss: Double
  }

  let options: Options
  /// Words cut to what the model spells, each at most 512 bytes.
  var words = PieceList()
  var counts: [UInt64] = []
  /// Occurrences of all characters, also those left out, with 1 for each that must stay.
  private(set) var characters: [[UInt8]: UInt64] = [:]
  private(set) var required: Set<[UInt8]> = []
  /// Pieces by number; dead ones have the score −∞.
  var pieces = PieceList()
  var scores: [Double] = []
  /// Occurrences that the seeds began with.
  public private(set) var initialCounts: [UInt64] = []
  var shards: [UnigramShard] = []
  static let shardCount = 8

  /// - Throws: `StreamError` when there are no words, or fewer pieces are wanted than characters.
  public init(_ source: borrowing TrainingWords, options: Options) throws(StreamError) {
    self.options = options
    countCharacters(of: source)
    guard !characters.isEmpty else {
      throw StreamError(.none, "the input has no words", advice: "give some text")
    }
    guard required.count <= options.pieceCount else {
      throw StreamError(
        .none, "\(options.pieceCount) pieces cannot spell \(required.count) characters",
        advice: "raise --vocabulary or lower --coverage")
    }
    cutWords(of: source)
    seed()
    makeShards()
  }

  /// Runs to the end: the pieces, the likeliest first, equals in byte order.
  ///
  /// - report: called after each round of expectation maximisation.
  public func learn(report: (Round) -> Void = { _ in }) -> [Piece] {
    let desired = options.pieceCount * 11 / 10
    while true {
      for _ in 0..<options.iterationsPerRound { maximise() }
      report(Round(pieceCount: aliveCount, loss: loss()))
      if aliveCount <= desired { break }
      let before = aliveCount
      prune(to: max(desired, Int(Double(before) * options.shrinkingFactor)))
      if aliveCount == before { break }
    }
    return finished()
  }

  var aliveCount: Int { scores.count { $0 > -.infinity } }

  /// Nats of the best segmentations of all words, weighted by their counts.
  public func loss() -> Double {
    let sums = mapShards { shard in shard.loss(self.scores, without: -1) }
    return sums.reduce(0, +)
  }

  /// What the loss grows by when one piece goes and all probabilities stay; nothing when some word
  /// could no longer be spelt.
  public func lossIncrease(without piece: Int) -> Double? {
    let without = mapShards { $0.loss(self.scores, without: Int32(piece)) }.reduce(0, +)
    return without < .infinity ? without - loss() : nil
  }

  /// A piece as token text spells it.
  public static func spelling(of piece: [UInt8]) -> String {
    String(decoding: Spelling.spelling(of: piece), as: UTF8.self)
  }

  /// The seed pieces, in order.
  public var seedPieces: [[UInt8]] { (0..<pieces.count).map { Array(pieces[$0]) } }

  func mapShards<Result: Sendable>(
    _ body: @escaping @Sendable (UnigramShard) -> Result
  ) -> [Result] {
    let results = ShardResults<Result>(count: shards.count)
    let shards = shards
    Threads.forEach(count: shards.count, threads: options.threads) { index in
      results.set(index, body(shards[index]))
    }
    return results.values()
  }

  private func countCharacters(of source: borrowing TrainingWords) {
    var total: UInt64 = 0
    for number in 0..<source.count {
      let word = source.word(number)
      UnigramLearner.forEachCharacter(of: word) { character in
        characters[Array(word[character]), default: 0] += source.counts[number]
        total += source.counts[number]
      }
    }
    // The commonest characters, until they make up the share that was asked for.
    let order = characters.sorted {
      $0.value != $1.value ? $0.value > $1.value : $0.key.lexicographicallyPrecedes($1.key)
    }
    var covered: UInt64 = 0
    for (character, count) in order {
      if Double(covered) >= options.coverage * Double(total) { break }
      required.insert(character)
      covered += count
    }
  }

  /// Cuts words at characters that are left out, and before 512 bytes.
  private func cutWords(of source: borrowing TrainingWords) {
    for number in 0..<source.count {
      let word = source.word(number)
      var part: [UInt8] = []
      func flush() {
        if !part.isEmpty {
          words.append(part)
          counts.append(source.counts[number])
        }
        part = []
      }
      UnigramLearner.forEachCharacter(of: word) { range in
        if part.count + range.count > 512 { flush() }
        if required.contains(Array(word[range])) { part += word[range] } else { flush() }
      }
      flush()
    }
  }

  /// Characters that a piece can hold: well-formed, and no NUL.
  private static func forEachCharacter(
    of word: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void
  ) {
    var index = 0
    while index < word.count {
      let length = utf8SequenceLength(word, at: index)
      if length > 0, word[index] != 0 { body(index..<index + length) }
      index += max(length, 1)
    }
  }

  private func seed() {
    switch options.seeds {
    case .substrings: seedStrictSubstrings()
    case .frequent: seedFrequentSubstrings()
    }
  }

  private func seedFrequentSubstrings() {
    var weights: [Double] = []
    for character in required.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      pieces.append(character)
      initialCounts.append(characters[character]!)
      weights.append(Double(characters[character]!))
    }
    let seeds = UnigramSeeds(
      words: words, counts: counts, maximumCharacterCount: options.maximumCharacterCount)
    var found = seeds.substrings()
    func weight(_ seed: UnigramSeeds.Seed) -> Double {
      Double(seed.frequency) * Double(seed.characterCount)
    }
    let limit = max(0, options.seedCount - pieces.count)
    if found.count > limit {
      // Stable by construction: equals stay in byte order.
      let order = found.indices.sorted {
        let (a, b) = (weight(found[$0]), weight(found[$1]))
        return a != b ? a > b : $0 < $1
      }
      found = order.prefix(limit).sorted().map { found[$0] }
    }
    for seed in found {
      pieces.append(seeds.text[seed.start..<seed.start + seed.count])
      initialCounts.append(seed.frequency)
      weights.append(weight(seed))
    }
    setScores(weights)
  }

  private func seedStrictSubstrings() {
    var numbers: [[UInt8]: Int] = [:]
    func add(_ piece: [UInt8], _ count: UInt64, isNewAllowed: Bool) {
      if let number = numbers[piece] {
        initialCounts[number] += count
      } else if isNewAllowed {
        numbers[piece] = pieces.count
        pieces.append(piece)
        initialCounts.append(count)
      }
    }
    func forEachSubstring(_ body: (ArraySlice<UInt8>, Int, Bool) -> Void) {
      for index in 0..<words.count {
        let word = Array(words[index])
        let bounds = word.indices.filter { word[$0] & 0xC0 != 0x80 } + [word.count]
        for start in 0..<bounds.count - 1 {
          for end in start + 1..<min(bounds.count, start + 1 + options.maximumCharacterCount) {
            let isStrict = end - start < bounds.count - 1 || bounds.count == 2
            body(word[bounds[start]..<bounds[end]], index, isStrict)
          }
        }
      }
    }
    // First which substrings are strict somewhere, then every occurrence of those.
    forEachSubstring { piece, index, isStrict in
      if isStrict { add(Array(piece), 0, isNewAllowed: true) }
    }
    forEachSubstring { piece, index, _ in add(Array(piece), counts[index], isNewAllowed: false) }
    setScores(initialCounts.map(Double.init))
  }

  private func setScores(_ weights: [Double]) {
    let total = weights.reduce(0, +)
    scores = weights.map { $0 > 0 ? log($0 / total) : -.infinity }
  }

  private func makeShards() {
    let trie = PieceTrie(capacity: pieces.bytes.count / 2)
    for number in 0..<pieces.count { trie.insert(pieces[number], value: number) }
    let (words, counts) = (words, counts)
    let results = ShardResults<UnigramShard>(count: UnigramLearner.shardCount)
    Threads.forEach(count: UnigramLearner.shardCount, threads: options.threads) { index in
      results.set(
        index,
        UnigramShard(words, counts, from: index, by: UnigramLearner.shardCount, matching: trie))
    }
    shards = results.values()
  }

  /// Keeps the required characters and the likeliest other pieces.
  private func finished() -> [Piece] {
    var kept: [Piece] = []
    var rest: [Piece] = []
    var missing = required
    var minimum = 0.0
    for number in 0..<pieces.count where scores[number] > -.infinity {
      let piece = Piece(bytes: Array(pieces[number]), score: scores[number])
      minimum = min(minimum, piece.score)
      if missing.remove(piece.bytes) != nil { kept.append(piece) } else { rest.append(piece) }
    }
    // A character that training gave up still has to be spelt, below all others.
    for character in missing.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      minimum -= 1e-4
      kept.append(Piece(bytes: character, score: minimum))
    }
    func precedes(_ a: Piece, _ b: Piece) -> Bool {
      a.score != b.score ? a.score > b.score : a.bytes.lexicographicallyPrecedes(b.bytes)
    }
    kept += rest.sorted(by: precedes).prefix(max(0, options.pieceCount - kept.count))
    return kept.sorted(by: precedes)
  }
}

/// Results by index, written by several threads, each its own.
final class ShardResults<Value: Sendable>: @unchecked Sendable {
  private let slots: UnsafeMutablePointer<Value?>
  private let count: Int

  init(count: Int) {
    self.count = count
    slots = .allocate(capacity: count)
    slots.initialize(repeating: nil, count: count)
  }

  deinit {
    slots.deinitialize(count: count)
    slots.deallocate()
  }

  func set(_ index: Int, _ value: Value) { slots[index] = value }

  /// All results, once every index has been set.
  func values() -> [Value] { (0..<count).map { slots[$0]! } }
}
