// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import Probability
internal import TokenStreams

/// A Unigram model's lattice of a word: the likeliest path through it, or one drawn by its probability.
///
/// Reference: Kudo 2018, «Subword regularization», section 3; drawing by forward filtering and backward
/// sampling.
final class UnigramChain: ChainModel, @unchecked Sendable {
  private let trie: PieceTrie
  private let scores: [Double]
  private let unknownScore: Double
  /// SentencePiece sums in single precision, which decides near ties.
  private let roundsToFloat: Bool

  override init(_ file: TokenizerFile) throws(StreamError) {
    let model = file.model
    let types = model.sentencePieceTypes
    let trie = PieceTrie(capacity: max(model.pieces.bytes.count / 2, 256))
    var scores = model.scores
    let counted = scores.indices.filter { types.isEmpty || types[$0] == .normal }
    let minimum = counted.map { scores[$0] }.min() ?? 0
    for index in 0..<model.pieces.count {
      if !types.isEmpty {
        guard types[index] == .normal || types[index] == .userDefined else { continue }
        // Better than any other piece, whatever the file says.
        if types[index] == .userDefined { scores[index] = 0 }
      }
      trie.insert(model.pieces[index], value: index)
    }
    self.trie = trie
    self.scores = scores
    roundsToFloat = !types.isEmpty
    unknownScore = roundsToFloat ? Double(Float(minimum) - 10) : minimum - 10
    try super.init(file)
  }

  private struct Edge {
    var start: Int
    /// -1 for a character that no piece spells.
    var piece: Int
    var score: Double
  }

  override func encode(
    _ word: UnsafeBufferPointer<UInt8>, _ sampling: SegmentationSampling,
    _ random: inout StepNumbers, into output: inout PieceRun
  ) {
    let path =
      sampling.exponent.map { drawnPath(word, $0, &random) } ?? bestPath(word)
    var unknownStart: Int?
    func endUnknown(at end: Int) {
      if let start = unknownStart, let unknown { output.append(unknown, start..<end) }
      unknownStart = nil
    }
    var start = 0
    for (end, piece) in path {
      let token = piece >= 0 ? Token(model.ids[piece]) : nil
      if let token, token != unknown {
        endUnknown(at: start)
        output.append(token, start..<end)
      } else if !appendBytes(word, start..<end, to: &output) {
        unknownStart = unknownStart ?? start
      }
      start = end
    }
    endUnknown(at: word.count)
  }

  /// Calls `body` with each edge, by start, then by length.
  private func forEachEdge(
    of word: UnsafeBufferPointer<UInt8>, _ body: (_ end: Int, Edge) -> Void
  ) {
    var start = 0
    while start < word.count {
      let length = scalar(of: word, at: start).length
      var node = 0
      var end = start
      var hasCharacter = false
      while end < word.count {
        node = trie.child(of: node, word[end])
        if node < 0 { break }
        end += 1
        let piece = trie.value(at: node)
        guard piece >= 0 else { continue }
        body(end, Edge(start: start, piece: piece, score: scores[piece]))
        if end - start == length { hasCharacter = true }
      }
      if !hasCharacter { body(start + length, Edge(start: start, piece: -1, score: unknownScore)) }
      start += length
    }
  }

  private func bestPath(_ word: UnsafeBufferPointer<UInt8>) -> [(end: Int, piece: Int)] {
    var best = [Double](repeating: 0, count: word.count + 1)
    var edges = [Edge?](repeating: nil, count: word.count + 1)
    forEachEdge(of: word) { end, edge in
      let exact = edge.score + best[edge.start]
      let score = roundsToFloat ? Double(Float(exact)) : exact
      if edges[end] == nil || score > best[end] {
        best[end] = score
        edges[end] = edge
      }
    }
    var path: [(end: Int, piece: Int)] = []
    var end = word.count
    while end > 0, let edge = edges[end] {
      path.append((end, edge.piece))
      end = edge.start
    }
    return path.reversed()
  }

  /// A path drawn with probability in proportion to its own, to the power of `exponent`.
  private func drawnPath(
    _ word: UnsafeBufferPointer<UInt8>, _ exponent: Double, _ random: inout StepNumbers
  ) -> [(end: Int, piece: Int)] {
    var edges = [[Edge]](repeating: [], count: word.count + 1)
    /// Logarithm of the sum over all paths to a byte.
    var sums = [Double](repeating: -.infinity, count: word.count + 1)
    sums[0] = 0
    forEachEdge(of: word) { end, edge in
      guard sums[edge.start] > -.infinity else { return }
      edges[end].append(edge)
      let term = sums[edge.start] + exponent * edge.score
      let high = max(sums[end], term)
      let low = min(sums[end], term)
      sums[end] = low == -.infinity ? high : high + log1p(exp(low - high))
    }
    var path: [(end: Int, piece: Int)] = []
    var end = word.count
    while end > 0 {
      var rest = random.uniform()
      var chosen = edges[end].count - 1
      for (index, edge) in edges[end].enumerated() {
        rest -= exp(sums[edge.start] + exponent * edge.score - sums[end])
        if rest < 0 {
          chosen = index
          break
        }
      }
      guard chosen >= 0 else { break }
      let edge = edges[end][chosen]
      path.append((end, edge.piece))
      end = edge.start
    }
    return path.reversed()
  }
}
