// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// All n-grams of orders 1 to n with their counts, and what each ends with, in bounded memory.
///
/// Closed under prefixes and suffixes: with «what do pigs» there are «what do», «do pigs» and «pigs».
/// The unigrams are the vocabulary.
final class NGramLevels: @unchecked Sendable {
  /// Level k - 1 holds the k-grams.
  let levels: [NGramLevel]
  /// For each level but the last, in the order of its n-grams: how many n-grams of the next level end with
  /// it (varint), and their numbers (4 bytes each).
  let links: [BlockStore]

  init(_ levels: [NGramLevel], _ links: [BlockStore]) {
    self.levels = levels
    self.links = links
  }

  var order: Int { levels.count }
}

/// What the making of levels is told.
struct NGramLevelRules: Sendable {
  var order: Int
  var vocabularyCount: Int
  /// Whether lower orders count distinct tokens before an n-gram, except where it begins a record;
  /// else occurrences.
  var countsContinuations: Bool
  var keepsOccurrences: Bool
  /// N-grams of order k with at most the k-th number of occurrences are not written; the last number
  /// holds for the orders above.
  var pruneThresholds: [UInt64]

  func threshold(_ length: Int) -> UInt64? {
    guard length > 1, let last = pruneThresholds.last else { return nil }
    return length <= pruneThresholds.count ? pruneThresholds[length - 1] : last
  }
}

/// Makes all levels from the n-grams of the highest order, in the order of their tokens.
///
/// One level follows from the one above it: its n-grams without their first tokens are sorted, and as
/// many as become equal is what Kneser and Ney count. The place of each in the level above comes along,
/// so that values find their way back up.
struct NGramLevelBuilding {
  private let rules: NGramLevelRules
  private let packing: TokenPacking
  private let resources: CountingResources
  private let allowance: MemoryAllowance
  private let chunkByteCount: Int
  /// [length] The n-grams that begin with `<s>` and are shorter than the rest: tokens and count.
  private var beginnings: [BlockStore] = []
  private let carriesOccurrences: Bool

  /// - chunkByteCount: memory for sorting.
  init(
    _ rules: NGramLevelRules, _ resources: CountingResources, allowance: MemoryAllowance,
    chunkByteCount: Int
  ) {
    self.rules = rules
    self.resources = resources
    self.allowance = allowance
    self.chunkByteCount = chunkByteCount
    packing = TokenPacking(vocabularyCount: rules.vocabularyCount)
    carriesOccurrences = rules.keepsOccurrences || !rules.countsContinuations
  }

  private func makeLevel(_ length: Int) -> NGramLevel {
    NGramLevel(
      length: length, keepsOccurrences: rules.keepsOccurrences, threshold: rules.threshold(length),
      allowance: allowance, directory: resources.directory)
  }

  private func makeStore() -> BlockStore {
    BlockStore(allowance: allowance, directory: resources.directory)
  }

  /// The levels of n-grams and their counts.
  ///
  /// - records: keys of `order` tokens; payloads are counts.
  mutating func levels(from records: SortedRecords) throws -> NGramLevels {
    beginnings = (0...rules.order).map { _ in makeStore() }
    var (level, feed) = try highestLevel(records)
    var levels = [level]
    var links: [BlockStore] = []
    for length in stride(from: rules.order - 1, to: 0, by: -1) {
      let link = makeStore()
      (level, feed) = try lowerLevel(length, below: level, try feed!.sorted(), link)
      levels.insert(level, at: 0)
      links.insert(link, at: 0)
    }
    beginnings = []
    return NGramLevels(levels, links)
  }

  private func makeFeed(_ length: Int, upTo count: Int) -> SortFeed {
    let sorter = ExternalSorter(
      keyBitCount: packing.linkedBitCount(length), hasPayload: carriesOccurrences, equalKeys: .sum,
      allowance: allowance, mergeByteCount: chunkByteCount, directory: resources.directory)
    let threads = resources.threads > 1 ? 1 : 0
    let room = chunkByteCount / (threads + 1) / sorter.chunkByteCountPerRecord
    return SortFeed(sorter, capacity: max(min(room, count, 1 << 22), 1 << 10), threads: threads)
  }

  /// Puts an n-gram on its level, and what it ends with among those to be sorted.
  @inline(__always)
  private func add(
    _ key: UnsafePointer<UInt64>, _ tokens: UnsafePointer<Token>, count: UInt64,
    occurrences: UInt64, bound: UInt64, childCount: Int, to level: NGramLevel, _ feed: SortFeed?
  ) throws {
    if let feed {
      var record = try feed.next()
      if carriesOccurrences {
        record[0] = max(occurrences, 1)
        record += 1
      }
      packing.packSuffix(
        of: key, level.length &- 1,
        link: UInt64(level.count) &<< 1 | (count > 0 ? 1 : 0), into: record)
    }
    try level.append(tokens, count: count, occurrences: bound, childCount: childCount)
  }

  private mutating func highestLevel(_ records: SortedRecords) throws -> (NGramLevel, SortFeed?) {
    let order = rules.order
    let level = makeLevel(order)
    let feed = order > 1 ? makeFeed(order - 1, upTo: Int.max) : nil
    let width = packing.wordCount(order)
    let tokens = UnsafeMutablePointer<Token>.allocate(capacity: order + 1)
    defer { tokens.deallocate() }
    var next: Token = 0
    var total: UInt64 = 0
    let short = beginnings.map { BeginningWriter($0) }
    while let batch = try records.next(capacity: NGramLevel.blockCount) {
      for index in 0..<batch.count {
        let key = batch.keys + index &* width
        let count = batch.payloads[index]
        let (sum, overflows) = total.addingReportingOverflow(count)
        guard !overflows else {
          throw StreamError(.none, "the counts add up to more than \(UInt64.max)")
        }
        total = sum
        packing.unpack(key, order, into: tokens)
        for position in 0..<order where tokens[position] == 1 {
          guard position &+ 1 < order, position == 0 || tokens[position &- 1] == 1 else {
            throw misplacedBeginning
          }
        }
        if order > 1, tokens[0] == 1, tokens[1] == 1 {
          // Of a padding only one <s> counts.
          var start = 1
          while start < order &- 1, tokens[start &+ 1] == 1 { start &+= 1 }
          let length = order &- start
          try short[length].append(tokens + start, length, count: count)
          continue
        }
        if order == 1 { try addUnigrams(before: tokens[0], &next, level) }
        try add(
          key, tokens, count: count, occurrences: count, bound: count, childCount: 0, to: level,
          feed)
      }
    }
    if order == 1 { try addUnigrams(before: Token(rules.vocabularyCount), &next, level) }
    for writer in short { try writer.finish() }
    try level.finish()
    return (level, feed)
  }

  /// Puts the tokens before one on the level of the unigrams, which has them all, when it is alone.
  private func addUnigrams(before token: Token, _ next: inout Token, _ level: NGramLevel) throws {
    while next < token {
      try level.append(&next, count: 0, occurrences: 0, childCount: 0)
      next += 1
    }
    next += 1
  }

  /// Merges what the level above ends with, what it begins with, and the short n-grams of the length.
  private func lowerLevel(
    _ length: Int, below above: NGramLevel, _ records: SortedRecords, _ links: BlockStore
  ) throws -> (NGramLevel, SortFeed?) {
    let level = makeLevel(length)
    let feed = length > 1 ? makeFeed(length - 1, upTo: above.count) : nil
    let width = packing.wordCount(length)
    let endings = try EndingReader(records, packing, length: length)
    let contexts = try ContextReader(above, packing)
    let starts = try BeginningReader(beginnings[length], packing, length: length)
    let every = EveryToken(count: length == 1 ? rules.vocabularyCount : 0)
    let tokens = UnsafeMutablePointer<Token>.allocate(capacity: length)
    let key = UnsafeMutablePointer<UInt64>.allocate(capacity: width)
    defer {
      tokens.deallocate()
      key.deallocate()
    }
    var link = ByteBuffer(capacity: 1 << 16)
    while true {
      // The least of what the sources stand at, and which of them stand there.
      var least: UnsafePointer<UInt64>?
      var here: (ending: Bool, context: Bool, start: Bool, token: Bool) = (
        false, false, false, false
      )
      func meet(_ source: UnsafePointer<UInt64>?) -> Bool {
        guard let source else { return false }
        let order = least.map { TokenPacking.compare(source, $0, wordCount: width) } ?? -1
        if order < 0 {
          least = source
          here = (false, false, false, false)
        }
        return order <= 0
      }
      here.ending = meet(endings.key)
      here.context = meet(contexts.key)
      here.start = meet(starts.key)
      here.token = meet(every.key)
      guard let least else { break }
      key.update(from: least, count: width)
      var (count, occurrences, bound) = (UInt64(0), UInt64(0), UInt64(0))
      var childCount = 0
      if here.ending {
        let (different, sum) = try endings.take(into: &link)
        occurrences = sum
        count = rules.countsContinuations ? different : occurrences
      } else {
        link.append(0)
      }
      if here.start {
        occurrences += try starts.take()
        count = occurrences
      }
      if here.context { (childCount, bound) = try contexts.take() }
      if here.token { every.take() }
      packing.unpack(key, length, into: tokens)
      // An n-gram occurred at least as often as any that begins with it; <s> alone never does.
      if length == 1 { bound = 0 }
      try add(
        key, tokens, count: count, occurrences: occurrences, bound: max(occurrences, bound),
        childCount: childCount, to: level, feed)
      if link.count >= 1 << 15 {
        try links.append(link)
        link.removeAll()
      }
    }
    if !link.isEmpty { try links.append(link) }
    links.finish()
    try level.finish()
    return (level, feed)
  }
}

private let misplacedBeginning = StreamError(
  .none, "the counts hold an n-gram that ends in <s>, or has it after another token",
  advice: "<s> pads contexts and is never predicted")
