// SPDX-License-Identifier: Apache-2.0

extension BackoffTable {
  /// Drops the n-grams for which `isKept` is false, and all that begin or end with them; unigrams stay.
  ///
  /// Values stay as they are: they must fit what is kept already.
  mutating func keepOnly(_ isKept: (_ level: Int, _ node: Int) -> Bool) {
    // The new number of each node of the level above, or the largest number for a dropped one.
    var numbers = Array(0..<UInt32(levels[0].count))
    let dropped = UInt32.max
    for level in 1..<max(order, 1) {
      let old = levels[level]
      var new = NGramTree.Level()
      var newNumbers = [UInt32](repeating: dropped, count: old.count)
      var probabilities: [Double] = []
      var backoffs: [Double] = []
      for node in 0..<old.count {
        let parent = numbers[Int(old.parents[node])]
        let suffix = numbers[Int(old.suffixes[node])]
        guard parent != dropped, suffix != dropped, isKept(level, node) else { continue }
        newNumbers[node] = UInt32(new.tokens.count)
        new.tokens.append(old.tokens[node])
        new.parents.append(parent)
        new.suffixes.append(suffix)
        if !old.counts.isEmpty { new.counts.append(old.counts[node]) }
        probabilities.append(log10Probabilities[level][node])
        if level + 1 < order { backoffs.append(log10Backoffs[level][node]) }
      }
      levels[level - 1].firstChildren = NGramTree.bounds(
        of: new.parents, parentCount: levels[level - 1].count)
      levels[level] = new
      log10Probabilities[level] = probabilities
      log10Backoffs[level] = backoffs
      numbers = newNumbers
    }
  }
}
