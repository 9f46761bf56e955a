// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

// The two halves of a round of learning.
extension UnigramLearner {
  /// One step of expectation maximisation. Pieces expected less than half a time die.
  ///
  /// Differs from plain maximum likelihood: exp(ψ(count)) in place of the count, which shrinks rare
  /// pieces. Reference: Liang, Jordan & Klein 2009, «Probabilistic grammars and hierarchical Dirichlet
  /// processes», section 3.3.
  func maximise() {
    let scores = scores
    let parts = mapShards { shard in
      var expected = [Double](repeating: 0, count: scores.count)
      _ = shard.expect(scores, into: &expected)
      return expected
    }
    // Sum in shard order: the same bits for every number of threads.
    var expected = parts[0]
    for part in parts.dropFirst() {
      for number in expected.indices { expected[number] += part[number] }
    }
    // A piece that alone spells some word stays, however rare.
    let total = expected.reduce(0) { $1 >= 0.5 ? $0 + $1 : $0 }
    let scale = digamma(total)
    for number in expected.indices {
      self.scores[number] =
        expected[number] >= 0.5
        ? digamma(expected[number]) - scale
        : isRequired(number) && scores[number] > -.infinity
          ? digamma(0.5) - scale : -.infinity
    }
  }

  private func isRequired(_ number: Int) -> Bool {
    pieces[number].count <= 4 && required.contains(Array(pieces[number]))
  }

  /// Drops the pieces whose loss costs least, until `target` are left.
  ///
  /// The cost of a piece is the fall in likelihood when its occurrences go over to the next best
  /// segmentation of itself. Pieces without another segmentation stay.
  func prune(to target: Int) {
    let scores = scores
    let parts = mapShards { $0.bestOccurrences(scores) }
    var occurrences = parts[0].occurrences
    var wordWeights = parts[0].wordWeights
    for part in parts.dropFirst() {
      for number in occurrences.indices {
        occurrences[number] += part.occurrences[number]
        wordWeights[number] += part.wordWeights[number]
      }
    }
    let alternatives = alternatives(scores)
    let sum = occurrences.reduce(0, +)
    let logSum = log(sum)
    let weight = Double(counts.reduce(0, +))
    var keptCount = 0
    var candidates: [(number: Int, cost: Double)] = []
    for number in scores.indices where scores[number] > -.infinity {
      let count = occurrences[number]
      guard let alternative = alternatives[number] else {
        keptCount += 1
        continue
      }
      if count == 0 {
        // No best segmentation has it.
        self.scores[number] = -.infinity
        continue
      }
      let newLogSum = log(sum + count * Double(alternative.count - 1))
      let replaced = alternative.reduce(0.0) {
        $0 + log(occurrences[Int($1)] + count) - newLogSum
      }
      candidates.append((number, wordWeights[number] / weight * (log(count) - logSum - replaced)))
    }
    candidates.sort { $0.cost != $1.cost ? $0.cost > $1.cost : $0.number < $1.number }
    for (number, _) in candidates.dropFirst(max(0, target - keptCount)) {
      self.scores[number] = -.infinity
    }
    let pruned = self.scores
    let shards = shards
    let results = ShardResults<UnigramShard>(count: shards.count)
    Threads.forEach(count: shards.count, threads: options.threads) { index in
      var shard = shards[index]
      shard.compact(pruned)
      results.set(index, shard)
    }
    self.shards = results.values()
  }

  /// For each piece its best segmentation into other pieces; nothing where there is none.
  private func alternatives(_ scores: [Double]) -> [[Int32]?] {
    let trie = PieceTrie(capacity: pieces.bytes.count / 4)
    for number in 0..<pieces.count where scores[number] > -.infinity {
      trie.insert(pieces[number], value: number)
    }
    let pieces = pieces
    let partCount = UnigramLearner.shardCount
    let results = ShardResults<[[Int32]?]>(count: partCount)
    let partSize = (pieces.count + partCount - 1) / partCount
    Threads.forEach(count: partCount, threads: options.threads) { part in
      let range = min(part * partSize, pieces.count)..<min((part + 1) * partSize, pieces.count)
      results.set(
        part,
        range.map { number in
          guard scores[number] > -.infinity else { return nil }
          return pieces.withPiece(at: number) {
            UnigramLearner.bestSegmentation(of: $0, without: number, trie, scores)
          }
        })
    }
    return Array(results.values().joined())
  }

  private static func bestSegmentation(
    of text: UnsafeBufferPointer<UInt8>, without excluded: Int, _ trie: PieceTrie,
    _ scores: [Double]
  ) -> [Int32]? {
    var best = [Double](repeating: -.infinity, count: text.count + 1)
    var last = [(start: Int, piece: Int32)](repeating: (0, -1), count: text.count + 1)
    best[0] = 0
    for start in text.indices where best[start] > -.infinity {
      var node = 0
      for end in start + 1...text.count {
        node = trie.child(of: node, text[end - 1])
        if node < 0 { break }
        let piece = trie.value(at: node)
        guard piece >= 0, piece != excluded, best[start] + scores[piece] > best[end] else {
          continue
        }
        best[end] = best[start] + scores[piece]
        last[end] = (start, Int32(piece))
      }
    }
    guard best[text.count] > -.infinity else { return nil }
    var path: [Int32] = []
    var place = text.count
    while place > 0 {
      path.append(last[place].piece)
      place = last[place].start
    }
    return path.reversed()
  }
}

/// ψ(x), the derivative of ln Γ, for x > 0.
///
/// Reference: Bernardo 1976, «Algorithm AS 103»: the recurrence up to 7, then the asymptotic series.
func digamma(_ x: Double) -> Double {
  var x = x
  var result = 0.0
  while x < 7 {
    result -= 1 / x
    x += 1
  }
  let square = 1 / (x * x)
  let series =
    square * (1.0 / 12 - square * (1.0 / 120 - square * (1.0 / 252 - square * (1.0 / 240))))
  return result + log(x) - 0.5 / x - series
}
