// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Some of the words with all their matches: where expectation and search run.
///
/// The lattice of a word is a run of edges, ordered by start, so that one walk forwards and one
/// backwards visit them in an order in which sums are complete.
struct UnigramShard: Sendable {
  struct Edge {
    var piece: Int32
    var start: UInt16
    var end: UInt16
  }

  private var edges: [Edge] = []
  /// The edges of word w are edges[bounds[w]..<bounds[w + 1]].
  private var bounds: [Int] = [0]
  private var lengths: [UInt16] = []
  private var weights: [Double] = []

  /// Takes every `stride`-th word from `first` on.
  init(
    _ words: PieceList, _ counts: [UInt64], from first: Int, by stride: Int,
    matching trie: PieceTrie
  ) {
    for index in Swift.stride(from: first, to: words.count, by: stride) {
      words.withPiece(at: index) { word in
        for start in word.indices where word[start] & 0xC0 != 0x80 {
          var node = 0
          var end = start
          while end < word.count {
            node = trie.child(of: node, word[end])
            if node < 0 { break }
            end += 1
            let piece = trie.value(at: node)
            if piece >= 0 {
              edges.append(Edge(piece: Int32(piece), start: UInt16(start), end: UInt16(end)))
            }
          }
        }
        lengths.append(UInt16(word.count))
      }
      bounds.append(edges.count)
      weights.append(Double(counts[index]))
    }
  }

  /// Drops the edges of dead pieces.
  mutating func compact(_ scores: [Double]) {
    var kept: [Edge] = []
    var start = 0
    for word in lengths.indices {
      for edge in edges[start..<bounds[word + 1]] where scores[Int(edge.piece)] > -.infinity {
        kept.append(edge)
      }
      start = bounds[word + 1]
      bounds[word + 1] = kept.count
    }
    edges = kept
  }

  /// Calls `body` with each word: its edges, bytes and weight.
  private func forEachWord(
    _ body: (UnsafeBufferPointer<Edge>, Int, Double) -> Void
  ) {
    edges.withUnsafeBufferPointer { edges in
      for word in lengths.indices {
        body(
          UnsafeBufferPointer(rebasing: edges[bounds[word]..<bounds[word + 1]]),
          Int(lengths[word]), weights[word])
      }
    }
  }

  /// Adds each piece's expected occurrences to `expected`; returns −Σ weight × ln p(word).
  ///
  /// Path probabilities are kept relative to the best path to the same place, which keeps them in
  /// range for words of any length: forwards at least 1, backwards at most the number of paths.
  func expect(_ scores: [Double], into expected: inout [Double]) -> Double {
    var best = [Double](repeating: 0, count: 513)
    var forward = best
    var backward = best
    var shares: [Double] = []
    var total = 0.0
    expected.withUnsafeMutableBufferPointer { expected in
      scores.withUnsafeBufferPointer { scores in
        forEachWord { edges, length, weight in
          UnigramShard.search(edges, length, scores, without: -1, &best)
          guard best[length] > -.infinity else { return }
          for place in 0...length {
            forward[place] = 0
            backward[place] = 0
          }
          forward[0] = 1
          if shares.count < edges.count {
            shares = [Double](repeating: 0, count: 2 * edges.count)
          }
          for (index, edge) in edges.enumerated() {
            let start = Int(edge.start)
            let end = Int(edge.end)
            let share = exp(scores[Int(edge.piece)] + best[start] - best[end])
            shares[index] = share
            forward[end] += forward[start] * share
          }
          backward[length] = 1
          for index in edges.indices.reversed() {
            let start = Int(edges[index].start)
            backward[start] += shares[index] * backward[Int(edges[index].end)]
          }
          let scale = weight / forward[length]
          for (index, edge) in edges.enumerated() {
            expected[Int(edge.piece)] +=
              forward[Int(edge.start)] * shares[index] * backward[Int(edge.end)] * scale
          }
          total -= weight * (log(forward[length]) + best[length])
        }
      }
    }
    return total
  }

  /// −Σ weight × ln p(best segmentation), as if `piece` did not exist; ∞ when a word has none.
  func loss(_ scores: [Double], without piece: Int32) -> Double {
    var best = [Double](repeating: 0, count: 513)
    var total = 0.0
    scores.withUnsafeBufferPointer { scores in
      forEachWord { edges, length, weight in
        UnigramShard.search(edges, length, scores, without: piece, &best)
        total -= weight * best[length]
      }
    }
    return total
  }

  /// For each piece: its occurrences in best segmentations, and the weight of the words that have it.
  func bestOccurrences(_ scores: [Double]) -> (occurrences: [Double], wordWeights: [Double]) {
    var occurrences = [Double](repeating: 0, count: scores.count)
    var wordWeights = occurrences
    var best = [Double](repeating: 0, count: 513)
    var last = [Int32](repeating: -1, count: 513)
    scores.withUnsafeBufferPointer { scores in
      forEachWord { edges, length, weight in
        for place in 0...length { best[place] = -.infinity }
        best[0] = 0
        for (index, edge) in edges.enumerated() {
          let score = best[Int(edge.start)] + scores[Int(edge.piece)]
          if score > best[Int(edge.end)] {
            best[Int(edge.end)] = score
            last[Int(edge.end)] = Int32(index)
          }
        }
        guard best[length] > -.infinity else { return }
        var seen: [Int32] = []
        var place = length
        while place > 0 {
          let edge = edges[Int(last[place])]
          occurrences[Int(edge.piece)] += weight
          if !seen.contains(edge.piece) {
            seen.append(edge.piece)
            wordWeights[Int(edge.piece)] += weight
          }
          place = Int(edge.start)
        }
      }
    }
    return (occurrences, wordWeights)
  }

  /// The best score of a path to each place.
  @inline(__always)
  private static func search(
    _ edges: UnsafeBufferPointer<Edge>, _ length: Int, _ scores: UnsafeBufferPointer<Double>,
    without piece: Int32, _ best: inout [Double]
  ) {
    best.withUnsafeMutableBufferPointer { best in
      for place in 0...length { best[place] = -.infinity }
      best[0] = 0
      for edge in edges where edge.piece != piece {
        let score = best[Int(edge.start)] + scores[Int(edge.piece)]
        if score > best[Int(edge.end)] { best[Int(edge.end)] = score }
      }
    }
  }
}
