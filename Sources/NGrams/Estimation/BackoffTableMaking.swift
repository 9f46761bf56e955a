// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

extension BackoffEstimation {
  /// The whole model in memory, pruned and quantised: for what needs all of it at once.
  ///
  /// - rounded: false keeps the double precision that values are computed in.
  package func table(rounded: Bool = true) throws -> BackoffTable {
    var table = try tree()
    if let limit = options.entropyLimit { table.prune(limit) }
    if rounded, isSingle { table.roundToSingle() }
    if let bitCount = options.quantizationBitCount { table.quantize(bitCount: bitCount) }
    return table
  }

  private func tree() throws -> BackoffTable {
    var table = BackoffTable(
      vocabulary: vocabulary, levels: [], log10Probabilities: [], log10Backoffs: [])
    for level in 0..<order {
      var nodes = NGramTree.Level()
      var (probabilities, backoffs): ([Double], [Double]) = ([], [])
      // The node on each level whose n-gram begins the current one.
      var path = [Int](repeating: 0, count: level + 1)
      while let block = try nextBlock() {
        block.forEachKept { tokens, index, shared in
          for upper in shared..<level {
            path[upper] =
              upper == 0
              ? Int(tokens[0])
              : table.child(of: path[upper - 1], level: upper - 1, by: tokens[upper])!
          }
          nodes.tokens.append(tokens[level])
          if level > 0 {
            let parent = path[level - 1]
            nodes.parents.append(UInt32(parent))
            // What the n-gram ends with follows what its context ends with.
            let suffix =
              level == 1
              ? Int(tokens[1])
              : table.child(
                of: Int(table.levels[level - 1].suffixes[parent]), level: level - 2,
                by: tokens[level])!
            nodes.suffixes.append(UInt32(suffix))
          }
          if !block.occurrences.isEmpty { nodes.counts.append(block.occurrences[index]) }
          // Of Kneser and Ney's methods none is above one but by rounding.
          let limit = isSingle ? 0 : Double.infinity
          probabilities.append(min(log10(block.probabilities[index]), limit))
          if level + 1 < order { backoffs.append(min(log10(block.backoffs[index]), limit)) }
        }
      }
      if level > 0 {
        table.levels[level - 1].firstChildren = NGramTree.bounds(
          of: nodes.parents, parentCount: table.levels[level - 1].count)
      }
      table.levels.append(nodes)
      table.log10Probabilities.append(probabilities)
      table.log10Backoffs.append(backoffs)
    }
    return table
  }
}

extension BackoffTable {
  /// The child of a node by a token.
  func child(of node: Int, level: Int, by token: Token) -> Int? {
    let range = levels[level].children(of: node)
    return levels[level + 1].tokens.withUnsafeBufferPointer { tokens in
      var (low, high) = (range.lowerBound, range.upperBound)
      while low < high {
        let middle = (low + high) / 2
        if tokens[middle] < token { low = middle + 1 } else { high = middle }
      }
      return low < range.upperBound && tokens[low] == token ? low : nil
    }
  }
}
