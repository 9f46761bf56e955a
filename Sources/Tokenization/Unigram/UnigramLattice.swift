// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import Probability
internal import TokenStreams

/// The pieces of a Unigram model with their scores, and the search for the best segmentation.
///
/// Reference: Kudo 2018, «Subword regularization», section 3.
final class UnigramModel: @unchecked Sendable {
  /// Pieces that text is cut into, as bytes with 0x20 for `▁`.
  let trie: PieceTrie
  /// Log-probability by id, nats.
  let scores: [Double]
  let unknown: Token
  /// What a character costs that no piece spells.
  let unknownScore: Double
  /// The tokens of the 256 bytes, for characters that no piece spells; empty without byte fallback.
  let byteTokens: [Token]
  /// Sums are rounded to Float after each addition, as `sentencepiece` does: it decides near ties.
  let roundsToFloat: Bool

  init(
    trie: PieceTrie, scores: [Double], unknown: Token, unknownScore: Double, byteTokens: [Token],
    roundsToFloat: Bool
  ) {
    self.trie = trie
    self.scores = scores
    self.unknown = unknown
    self.unknownScore = unknownScore
    self.byteTokens = byteTokens
    self.roundsToFloat = roundsToFloat
  }

  /// Appends the tokens of one character that no piece spells.
  func appendUnknown(_ character: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    guard !byteTokens.isEmpty else { return tokens.append(unknown) }
    tokens.append(character, byteTokens: byteTokens)
  }
}

extension TokenList {
  /// Appends the tokens of the bytes of prepared text, in which a 0x20 stands for the three of `▁`.
  mutating func append(_ text: UnsafeBufferPointer<UInt8>, byteTokens: [Token]) {
    for byte in text {
      if byte == 0x20 {
        for byte in SentencePieceRules.mark { append(byteTokens[Int(byte)]) }
      } else {
        append(byteTokens[Int(byte)])
      }
    }
  }
}

/// The best segmentation of a chunk, by Viterbi's algorithm over its bytes.
///
/// `sentencepiece` adds up scores in single precision from the start of a sentence, so what stands before a
/// word decides near ties within it. Sums are carried from chunk to chunk here; and where the best
/// segmentation is better than the next by more than the rounding, the chunk says how far on in a record
/// that is so (`steadyLimit`), and needs no second look till there.
///
/// Unsafe in one place: the arrays have room for `capacity` positions.
struct UnigramLattice: ~Copyable, ChunkEncoder {
  private struct Node {
    /// Score of the best path that ends here, and of the best of those that lost to it.
    var best = 0.0
    var second = -Double.infinity
    /// Where the best path's last piece starts, or -1 if none ends here; and that piece, or -1.
    var start: Int32 = -1
    var piece: Int32 = -1
  }

  static var hasContext: Bool { true }

  private let model: UnigramModel
  private var capacity = 0
  private var nodes: UnsafeMutablePointer<Node>
  /// The tokens of the record that are in the sum, and those in front of the record.
  private var summedCount = 0
  private(set) var recordStart = 0
  private var sum = 0.0
  private(set) var steadyLimit: UInt16 = 0
  private let largestScore: Double

  init(_ model: UnigramModel) {
    self.model = model
    nodes = .allocate(capacity: 0)
    largestScore = model.scores.reduce(abs(model.unknownScore)) { max($0, abs($1)) }
  }

  deinit { nodes.deallocate() }

  mutating func begin(at tokenCount: Int) {
    recordStart = tokenCount
    summedCount = tokenCount
    sum = 0
  }

  /// Appends the tokens of the likeliest segmentation; of equals the one found first wins: pieces are
  /// tried from left to right by start, then by length.
  ///
  /// - tokens: those of the record so far stand at its end.
  /// - Complexity: O(bytes × longest piece).
  mutating func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    guard chunk.count > 0 else { return }
    reserve(chunk.count + 1)
    if model.roundsToFloat {
      // Chunks that were not looked at again stand for one piece a token.
      for index in summedCount..<tokens.count {
        sum = Double(Float(model.scores[Int(tokens.tokens[index])] + sum))
      }
      search(chunk) { Double(Float($0)) }
    } else {
      search(chunk) { $0 }
    }
    let (margin, isKnown) = link(chunk.count)
    steadyLimit = isKnown ? limit(margin, byteCount: chunk.count) : 0
    emit(chunk, into: &tokens)
    summedCount = tokens.count
    sum = model.roundsToFloat ? nodes[chunk.count].best : 0
  }

  /// How many tokens may stand in a record up to the end of a chunk for its best segmentation to win.
  ///
  /// A path has at most `byteCount` additions, each of which errs by half a unit in the last place of a
  /// sum; both paths err, here and there.
  private func limit(_ margin: Double, byteCount: Int) -> UInt16 {
    if !model.roundsToFloat || margin == .infinity { return .max }
    let precision = 0x1p-23
    let here = (abs(nodes[byteCount].best) + Double(byteCount) * largestScore) * precision
    let there = margin / Double(byteCount) - here
    // Twice the bytes of the chunk are taken off where the limit is used.
    return UInt16(max(0, min(there / (precision * largestScore), 0xFFFE)))
  }

  @inline(__always)
  private mutating func search(_ chunk: UnsafeBufferPointer<UInt8>, rounded: (Double) -> Double) {
    let count = chunk.count
    let nodes = nodes
    nodes.update(repeating: Node(), count: count + 1)
    nodes[0].best = sum
    let trie = model.trie
    @inline(__always) func offer(_ exact: Double, _ start: Int, _ piece: Int, at end: Int) {
      let score = rounded(exact)
      if nodes[end].start < 0 || score > nodes[end].best {
        if nodes[end].start >= 0 { nodes[end].second = max(nodes[end].second, nodes[end].best) }
        nodes[end].best = score
        nodes[end].start = Int32(truncatingIfNeeded: start)
        nodes[end].piece = Int32(truncatingIfNeeded: piece)
      } else if score > nodes[end].second {
        nodes[end].second = score
      }
    }
    model.scores.withUnsafeBufferPointer { scores in
      var start = 0
      while start < count {
        let length = min(characterLength(chunk[start]), count &- start)
        let before = nodes[start].best
        var node = 0
        var end = start
        var hasCharacter = false
        while end < count {
          node = trie.child(of: node, chunk[end])
          if node < 0 { break }
          end &+= 1
          let piece = trie.value(at: node)
          if piece < 0 { continue }
          offer(scores[piece] + before, start, piece, at: end)
          if end &- start == length { hasCharacter = true }
        }
        if !hasCharacter { offer(model.unknownScore + before, start, -1, at: start &+ length) }
        start &+= length
      }
    }
  }

  /// Walks back from the end and turns the path's links round: `start` becomes the end of the next piece.
  ///
  /// - Returns: by how much the path is better than any other, and whether it consists of pieces only.
  private mutating func link(_ count: Int) -> (margin: Double, isKnown: Bool) {
    var margin = Double.infinity
    var isKnown = true
    var end = count
    var next = Int32(-1)
    while end > 0 {
      margin = min(margin, nodes[end].best - nodes[end].second)
      if nodes[end].piece < 0 { isKnown = false }
      let start = nodes[end].start
      nodes[end].start = next
      next = Int32(truncatingIfNeeded: end)
      end = Int(start)
    }
    nodes[0].start = next
    return (margin, isKnown)
  }

  private func emit(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    var start = 0
    var wasUnknown = false
    while start < chunk.count {
      let end = Int(nodes[start].start)
      let piece = nodes[end].piece
      if piece >= 0 {
        tokens.append(Token(truncatingIfNeeded: piece))
        wasUnknown = false
      } else {
        // A run of unknown characters is one unknown token, or the bytes of all.
        if !wasUnknown || !model.byteTokens.isEmpty {
          model.appendUnknown(UnsafeBufferPointer(rebasing: chunk[start..<end]), into: &tokens)
        }
        wasUnknown = true
      }
      start = end
    }
  }

  private mutating func reserve(_ count: Int) {
    guard count > capacity else { return }
    capacity = max(count, 2 * capacity)
    nodes.deallocate()
    nodes = .allocate(capacity: capacity)
  }
}

/// The bytes of a character by its first byte, as far as that tells.
@inline(__always)
func characterLength(_ first: UInt8) -> Int {
  first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
}
