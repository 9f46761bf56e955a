// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

extension BackoffTable {
  /// Builds the tree of n-grams in any order, giving those that another one begins or ends with, and that
  /// are not there, the value that they have by backing off.
  ///
  /// - sections: of orders 1, 2, ...; emptied.
  /// - mergingEqual: whether an n-gram may come more than once, for the first to stay.
  /// - Throws: `StreamError` without a place for an n-gram that comes twice.
  init(
    sections: inout [ARPASection], _ vocabulary: Vocabulary, mergingEqual: Bool = false
  ) throws(StreamError) {
    var rows = sections.map { SortedNGrams($0, mergingEqual: mergingEqual) }
    sections = []
    try rows[0].makeUnigrams(vocabulary)
    var levels: [NGramTree.Level] = []
    while true {
      var missing: [[Token]] = []
      levels = []
      for index in rows.indices {
        levels.append(try rows[index].level(after: &levels, rows, missing: &missing))
      }
      if missing.isEmpty { break }
      for tokens in Set(missing) { rows[tokens.count - 1].append(missing: tokens) }
    }
    self.vocabulary = vocabulary
    self.levels = levels
    log10Probabilities = rows.map { $0.probabilities }
    log10Backoffs = rows.map { $0.backoffs }
    for level in 1..<max(order, 1) {
      for node in 0..<levels[level].count where log10Probabilities[level][node].isNaN {
        log10Probabilities[level][node] =
          log10Backoffs[level - 1][Int(levels[level].parents[node])]
          + log10Probabilities[level - 1][Int(levels[level].suffixes[node])]
      }
    }
  }
}

/// The n-grams of one order in the order of their tokens.
struct SortedNGrams {
  let length: Int
  /// [count, length], row-major.
  var tokens: [Token]
  var probabilities: [Double]
  var backoffs: [Double]
  private let hasBackoffs: Bool
  private let mergesEqual: Bool
  private var isSorted = false

  var count: Int { probabilities.count }

  init(_ section: ARPASection, mergingEqual: Bool) {
    mergesEqual = mergingEqual
    length = section.length
    tokens = section.tokens
    probabilities = section.log10Probabilities
    backoffs = section.log10Backoffs
    hasBackoffs = !section.isLast
  }

  /// Gives each token of the vocabulary its unigram, at its place; `<s>` is never predicted.
  mutating func makeUnigrams(_ vocabulary: Vocabulary) throws(StreamError) {
    var all = [Double](repeating: .nan, count: vocabulary.count)
    var allBackoffs = [Double](repeating: 0, count: hasBackoffs ? vocabulary.count : 0)
    for (row, token) in tokens.enumerated() {
      guard all[Int(token)].isNaN else {
        throw StreamError(
          .none,
          "'\(String(decoding: vocabulary.spelling(of: token), as: UTF8.self))' stands twice among "
            + "the unigrams")
      }
      all[Int(token)] = probabilities[row]
      if hasBackoffs { allBackoffs[Int(token)] = backoffs[row] }
    }
    tokens = (0..<Token(vocabulary.count)).map { $0 }
    probabilities = all.map { $0.isNaN ? -.infinity : $0 }
    probabilities[Int(vocabulary.beginning!)] = -.infinity
    backoffs = allBackoffs
  }

  mutating func append(missing tokens: [Token]) {
    self.tokens += tokens
    probabilities.append(.nan)
    if hasBackoffs { backoffs.append(0) }
    isSorted = false
  }

  /// Sorts, and links each n-gram to the ones that it begins and ends with on the level above.
  mutating func level(
    after levels: inout [NGramTree.Level], _ rows: [SortedNGrams], missing: inout [[Token]]
  ) throws(StreamError) -> NGramTree.Level {
    var level = NGramTree.Level()
    if length == 1 {
      level.tokens = tokens
      return level
    }
    try sort()
    level.tokens = (0..<count).map { tokens[$0 * length + length - 1] }
    let links = NGramLinking(self, rows[length - 2], levels)
    (level.parents, level.suffixes) = links.linked(missing: &missing)
    levels[length - 2].firstChildren = NGramTree.bounds(
      of: level.parents, parentCount: rows[length - 2].count)
    return level
  }

  /// Compares a row with the first tokens of another's.
  func compare(_ row: Int, _ other: SortedNGrams, _ otherRow: Int) -> Int {
    for position in 0..<length {
      let (a, b) = (
        tokens[row * length + position], other.tokens[otherRow * other.length + position]
      )
      if a != b { return a < b ? -1 : 1 }
    }
    return 0
  }

  private mutating func sort() throws(StreamError) {
    if isSorted { return }
    isSorted = true
    var hasDisorder = false
    for row in 1..<max(count, 1) where !hasDisorder {
      hasDisorder = compare(row - 1, self, row) >= 0
    }
    guard hasDisorder else { return }
    var order = (0..<UInt32(count)).map { $0 }
    let largest = tokens.max() ?? 0
    for position in (0..<length).reversed() {
      // A stable counting sort by each token, the last first.
      var places = [Int](repeating: 0, count: Int(largest) + 2)
      for row in 0..<count { places[Int(tokens[row * length + position]) + 1] += 1 }
      for index in 1..<places.count { places[index] += places[index - 1] }
      var sorted = order
      for row in order {
        let token = Int(tokens[Int(row) * length + position])
        sorted[places[token]] = row
        places[token] += 1
      }
      order = sorted
    }
    keep(order)
    if mergesEqual { return mergeEqual() }
    for row in 1..<max(count, 1) where compare(row - 1, self, row) == 0 {
      throw StreamError(.none, "a \(length)-gram stands twice")
    }
  }

  private mutating func mergeEqual() {
    keep((0..<UInt32(count)).filter { $0 == 0 || compare(Int($0) - 1, self, Int($0)) != 0 })
  }

  /// Keeps these rows in this order.
  private mutating func keep(_ rows: [UInt32]) {
    let old = self
    tokens = []
    tokens.reserveCapacity(rows.count * length)
    for row in rows { tokens += old.tokens[Int(row) * length..<(Int(row) + 1) * length] }
    probabilities = rows.map { old.probabilities[Int($0)] }
    if hasBackoffs { backoffs = rows.map { old.backoffs[Int($0)] } }
  }
}
