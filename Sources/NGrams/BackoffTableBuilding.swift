// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

extension BackoffTable {
  /// Builds the tree of n-grams in any order, giving those that another one begins or ends with, and that
  /// are not there, the value that they have by backing off.
  ///
  /// - sections: of orders 1, 2, ...; emptied.
  /// - numbers: the vocabulary's token for each of the sections'.
  /// - mergingEqual: whether an n-gram may come more than once, for the first to stay.
  /// - Throws: `StreamError` without a place for an n-gram that comes twice.
  init(
    sections: inout [ARPASection], _ numbers: [Token], _ vocabulary: Vocabulary,
    mergingEqual: Bool = false
  ) throws(StreamError) {
    var rows = sections.map { SortedNGrams($0, numbers, mergingEqual: mergingEqual) }
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
private struct SortedNGrams {
  var columns: [[Token]]
  var probabilities: [Double]
  var backoffs: [Double]
  private let hasBackoffs: Bool
  private let mergesEqual: Bool
  private var isSorted = false

  var length: Int { columns.count }
  var count: Int { probabilities.count }

  init(_ section: ARPASection, _ numbers: [Token], mergingEqual: Bool) {
    mergesEqual = mergingEqual
    columns = section.columns.map { $0.map { numbers[Int($0)] } }
    probabilities = section.log10Probabilities
    backoffs = section.log10Backoffs
    hasBackoffs = !section.isLast
  }

  /// Gives each token of the vocabulary its unigram, at its place; `<s>` is never predicted.
  mutating func makeUnigrams(_ vocabulary: Vocabulary) throws(StreamError) {
    var all = [Double](repeating: .nan, count: vocabulary.count)
    var allBackoffs = [Double](repeating: 0, count: hasBackoffs ? vocabulary.count : 0)
    for (row, token) in columns[0].enumerated() {
      guard all[Int(token)].isNaN else {
        throw StreamError(
          .none,
          "'\(String(decoding: vocabulary.spelling(of: token), as: UTF8.self))' stands twice among "
            + "the unigrams")
      }
      all[Int(token)] = probabilities[row]
      if hasBackoffs { allBackoffs[Int(token)] = backoffs[row] }
    }
    columns = [(0..<Token(vocabulary.count)).map { $0 }]
    probabilities = all.map { $0.isNaN ? -.infinity : $0 }
    probabilities[Int(vocabulary.beginning!)] = -.infinity
    backoffs = allBackoffs
  }

  mutating func append(missing tokens: [Token]) {
    for position in columns.indices { columns[position].append(tokens[position]) }
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
      level.tokens = columns[0]
      return level
    }
    try sort()
    let above = rows[length - 2]
    level.tokens = columns[length - 1]
    level.parents = [UInt32](repeating: 0, count: count)
    level.suffixes = level.parents
    var parent = 0
    for row in 0..<count {
      // Both stand in the order of their tokens: go on from the last parent.
      while parent < above.count, above.compare(parent, self, row, offset: 0) < 0 { parent += 1 }
      let isThere = parent < above.count && above.compare(parent, self, row, offset: 0) == 0
      if !isThere { missing.append((0..<length - 1).map { columns[$0][row] }) }
      level.parents[row] = UInt32(min(parent, max(above.count - 1, 0)))
      // What the n-gram ends with follows what its context ends with.
      var suffix: Int? = Int(level.tokens[row])
      if length > 2 {
        suffix = nil
        if isThere {
          let context = Int(levels[length - 2].suffixes[parent])
          suffix = child(of: context, by: level.tokens[row], levels)
        }
        if suffix == nil, isThere { missing.append((1..<length).map { columns[$0][row] }) }
      }
      level.suffixes[row] = UInt32(suffix ?? 0)
    }
    levels[length - 2].firstChildren = NGramTree.bounds(
      of: level.parents, parentCount: above.count)
    return level
  }

  /// The child on the level above of a node of the level above that.
  private func child(of context: Int, by token: Token, _ levels: [NGramTree.Level]) -> Int? {
    let range = levels[length - 3].children(of: context)
    var (low, high) = (range.lowerBound, range.upperBound)
    let tokens = levels[length - 2].tokens
    while low < high {
      let middle = (low + high) / 2
      if tokens[middle] < token { low = middle + 1 } else { high = middle }
    }
    return low < range.upperBound && tokens[low] == token ? low : nil
  }

  /// Compares a row with the tokens of another's from `offset` on.
  private func compare(_ row: Int, _ other: SortedNGrams, _ otherRow: Int, offset: Int) -> Int {
    for position in 0..<length {
      let (a, b) = (columns[position][row], other.columns[position + offset][otherRow])
      if a != b { return a < b ? -1 : 1 }
    }
    return 0
  }

  private mutating func sort() throws(StreamError) {
    if isSorted { return }
    isSorted = true
    var hasDisorder = false
    for row in 1..<max(count, 1) where !hasDisorder {
      hasDisorder = compare(row - 1, self, row, offset: 0) >= 0
    }
    guard hasDisorder else { return }
    var order = (0..<UInt32(count)).map { $0 }
    let largest = columns.map { $0.max() ?? 0 }.max() ?? 0
    for position in columns.indices.reversed() {
      // A stable counting sort by each token, the last first.
      var places = [Int](repeating: 0, count: Int(largest) + 2)
      for token in columns[position] { places[Int(token) + 1] += 1 }
      for index in 1..<places.count { places[index] += places[index - 1] }
      var sorted = order
      for row in order {
        let token = Int(columns[position][Int(row)])
        sorted[places[token]] = row
        places[token] += 1
      }
      order = sorted
    }
    for position in columns.indices {
      let column = columns[position]
      columns[position] = order.map { column[Int($0)] }
    }
    let (oldProbabilities, oldBackoffs) = (probabilities, backoffs)
    probabilities = order.map { oldProbabilities[Int($0)] }
    if hasBackoffs { backoffs = order.map { oldBackoffs[Int($0)] } }
    if mergesEqual { return mergeEqual() }
    for row in 1..<max(count, 1) where compare(row - 1, self, row, offset: 0) == 0 {
      throw StreamError(.none, "a \(length)-gram stands twice")
    }
  }

  private mutating func mergeEqual() {
    let kept = (0..<count).filter { $0 == 0 || compare($0 - 1, self, $0, offset: 0) != 0 }
    for position in columns.indices {
      let column = columns[position]
      columns[position] = kept.map { column[$0] }
    }
    let (oldProbabilities, oldBackoffs) = (probabilities, backoffs)
    probabilities = kept.map { oldProbabilities[$0] }
    if hasBackoffs { backoffs = kept.map { oldBackoffs[$0] } }
  }
}
