// SPDX-License-Identifier: Apache-2.0

package import TokenStreams

/// All n-grams of orders 1 to n as a tree: the children of a context are the tokens that followed it.
///
/// The nodes of a level stand in the order of their tuples of tokens, so the children of a node are a
/// run of the next level, sorted by token. The tree is closed under suffixes: with «what do pigs» it
/// holds «do pigs» and «pigs», and the suffix link of each node leads there.
package struct NGramTree: Sendable {
  package struct Level: Sendable {
    /// The last token of each n-gram.
    package var tokens: [Token] = []
    /// The first child of each node on the next level, and one bound more; empty on the last level.
    package var firstChildren: [UInt32] = []
    /// The node on the level above of the n-gram without its last token; empty on the first.
    package var parents: [UInt32] = []
    /// The node on the level above of the n-gram without its first token; empty on the first.
    package var suffixes: [UInt32] = []
    /// How often the n-gram was predicted; 0 for one that only serves as a context.
    package var counts: [UInt64] = []

    package var count: Int { tokens.count }

    package func children(of node: Int) -> Range<Int> {
      Int(firstChildren[node])..<Int(firstChildren[node + 1])
    }
  }

  /// Level k - 1 holds the k-grams. The nodes of level 0 are the vocabulary: node = token.
  package private(set) var levels: [Level]

  package var order: Int { levels.count }

  /// Builds the tree by sorting the rows token by token, last token first: after k stable counting
  /// sorts they stand in the order of their last k tokens, which is one level.
  ///
  /// - Complexity: O(order · (rows + vocabulary)) time, 16 bytes a row besides the levels.
  package init(_ rows: NGramRows) {
    var rows = rows
    while true {
      var orphans: [[Token]] = []
      levels = NGramTree.levels(of: rows, orphanContexts: &orphans)
      if orphans.isEmpty { return }
      // A context that was itself never predicted, as in filtered counts: give it a node.
      for tokens in orphans {
        for length in 1...tokens.count { rows.append(contextOnly: Array(tokens.prefix(length))) }
      }
    }
  }

  private static func levels(of rows: NGramRows, orphanContexts: inout [[Token]]) -> [Level] {
    let vocabularyCount = rows.vocabulary.count
    // The rows in the order of their last k tokens, and the node of the last k - 1 of each.
    var order = (0..<UInt32(rows.count)).map { $0 }
    var suffixes = [UInt32](repeating: 0, count: rows.count)
    var firstTokens = (0..<Token(vocabularyCount)).map { $0 }
    var levels: [Level] = []
    for length in 1...rows.order {
      sort(&order, &suffixes, by: rows.columns[rows.order - length], length, rows)
      var level = Level()
      let column = rows.columns[rows.order - length]
      if length == 1 {
        level.tokens = (0..<Token(vocabularyCount)).map { $0 }
        level.counts = Array(repeating: 0, count: vocabularyCount)
        for index in order.indices {
          let token = column[Int(order[index])]
          level.counts[Int(token)] += rows.counts[Int(order[index])]
          suffixes[index] = token
        }
        levels.append(level)
        continue
      }
      let above = levels[length - 2]
      var newFirstTokens: [Token] = []
      var previous = UInt64.max
      var parent = 0
      for index in order.indices {
        let row = Int(order[index])
        let first = column[row]
        let suffix = suffixes[index]
        let key = UInt64(first) << 32 | UInt64(suffix)
        if key != previous {
          previous = key
          newFirstTokens.append(first)
          level.tokens.append(above.tokens[Int(suffix)])
          level.suffixes.append(suffix)
          level.counts.append(0)
          // Contexts stand in the same order as the n-grams that they begin: go on from the last.
          if length == 2 {
            parent = Int(first)
          } else {
            let suffixOfParent = above.parents[Int(suffix)]
            func precedesParent(_ node: Int) -> Bool {
              firstTokens[node] != first
                ? firstTokens[node] < first : above.suffixes[node] < suffixOfParent
            }
            while parent < above.count, precedesParent(parent) { parent += 1 }
            if parent == above.count || firstTokens[parent] != first
              || above.suffixes[parent] != suffixOfParent
            {
              let start = rows.order - length
              orphanContexts.append((start..<rows.order - 1).map { rows.columns[$0][row] })
            }
          }
          level.parents.append(UInt32(parent))
        }
        level.counts[level.counts.count - 1] += rows.counts[row]
        suffixes[index] = UInt32(level.count - 1)
      }
      levels[length - 2].firstChildren = bounds(of: level.parents, parentCount: above.count)
      levels.append(level)
      firstTokens = newFirstTokens
      if !orphanContexts.isEmpty { break }
    }
    return levels
  }

  /// Brings the rows of at least `length` tokens into the order of their `length`-th last token, and
  /// drops the others.
  private static func sort(
    _ order: inout [UInt32], _ suffixes: inout [UInt32], by column: [Token], _ length: Int,
    _ rows: NGramRows
  ) {
    var places = [Int](repeating: 0, count: rows.vocabulary.count + 1)
    for row in order where Int(rows.lengths[Int(row)]) >= length {
      places[Int(column[Int(row)]) + 1] += 1
    }
    for token in 1..<places.count { places[token] += places[token - 1] }
    let count = places[places.count - 1]
    var sortedOrder = [UInt32](repeating: 0, count: count)
    var sortedSuffixes = sortedOrder
    for index in order.indices {
      let row = order[index]
      guard Int(rows.lengths[Int(row)]) >= length else { continue }
      let token = Int(column[Int(row)])
      let place = places[token]
      places[token] = place + 1
      sortedOrder[place] = row
      sortedSuffixes[place] = suffixes[index]
    }
    order = sortedOrder
    suffixes = sortedSuffixes
  }

  /// Where the run of each parent's children begins.
  static func bounds(of parents: [UInt32], parentCount: Int) -> [UInt32] {
    var bounds = [UInt32](repeating: 0, count: parentCount + 1)
    for parent in parents where Int(parent) < parentCount { bounds[Int(parent) + 1] += 1 }
    for index in 1..<bounds.count { bounds[index] += bounds[index - 1] }
    return bounds
  }

  /// The child of `node` of level `level` by `token`.
  package func child(of node: Int, level: Int, by token: Token) -> Int? {
    let next = level + 1
    guard next < levels.count else { return nil }
    let range = levels[level].children(of: node)
    return levels[next].tokens.withUnsafeBufferPointer { tokens in
      var (low, high) = (range.lowerBound, range.upperBound)
      while low < high {
        let middle = (low + high) / 2
        if tokens[middle] < token { low = middle + 1 } else { high = middle }
      }
      return low < range.upperBound && tokens[low] == token ? low : nil
    }
  }
}
