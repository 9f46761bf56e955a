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
    // A 0x20 here stands for the three bytes of ▁.
    for byte in character {
      if byte == 0x20 {
        for byte in [0xE2, 0x96, 0x81] { tokens.append(byteTokens[byte]) }
      } else {
        tokens.append(byteTokens[Int(byte)])
      }
    }
  }
}

/// The best segmentation of a chunk, by Viterbi's algorithm over its bytes.
///
/// Unsafe in one place: the three arrays have room for `capacity` positions.
struct UnigramLattice: ~Copyable, ChunkEncoder {
  private let model: UnigramModel
  private var capacity = 0
  /// Score of the best path that ends at a byte, where its last piece starts, and that piece.
  private var best: UnsafeMutablePointer<Double>
  private var starts: UnsafeMutablePointer<Int32>
  private var pieces: UnsafeMutablePointer<Int32>

  init(_ model: UnigramModel) {
    self.model = model
    best = .allocate(capacity: 0)
    starts = .allocate(capacity: 0)
    pieces = .allocate(capacity: 0)
  }

  deinit {
    best.deallocate()
    starts.deallocate()
    pieces.deallocate()
  }

  /// Appends the tokens of the likeliest segmentation; of equals the one found first wins: pieces are
  /// tried from left to right by start, then by length.
  ///
  /// - Complexity: O(bytes × longest piece).
  mutating func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    guard chunk.count > 0 else { return }
    reserve(chunk.count + 1)
    model.roundsToFloat ? search(chunk) { Double(Float($0)) } : search(chunk) { $0 }
    emit(chunk, into: &tokens)
  }

  @inline(__always)
  private mutating func search(_ chunk: UnsafeBufferPointer<UInt8>, rounded: (Double) -> Double) {
    let count = chunk.count
    starts.update(repeating: -1, count: count + 1)
    best[0] = 0
    let trie = model.trie
    model.scores.withUnsafeBufferPointer { scores in
      var start = 0
      while start < count {
        let length = min(characterLength(chunk[start]), count &- start)
        let before = best[start]
        var node = 0
        var end = start
        var hasCharacter = false
        while end < count {
          node = trie.child(of: node, chunk[end])
          if node < 0 { break }
          end &+= 1
          let piece = trie.value(at: node)
          if piece < 0 { continue }
          let score = scores[piece] + before
          if starts[end] < 0 || score > best[end] {
            best[end] = rounded(score)
            starts[end] = Int32(truncatingIfNeeded: start)
            pieces[end] = Int32(truncatingIfNeeded: piece)
          }
          if end &- start == length { hasCharacter = true }
        }
        if !hasCharacter {
          let end = start &+ length
          let score = rounded(model.unknownScore + before)
          if starts[end] < 0 || score > best[end] {
            best[end] = score
            starts[end] = Int32(truncatingIfNeeded: start)
            pieces[end] = -1
          }
        }
        start &+= length
      }
    }
  }

  /// Walks back from the end; the path is then reversed in place, bytes of unknown characters included.
  private mutating func emit(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    // Link the path forwards: `starts` becomes the end of the piece that begins at a byte.
    var end = chunk.count
    var next = Int32(-1)
    while end > 0 {
      let start = starts[end]
      starts[end] = next
      next = Int32(truncatingIfNeeded: end)
      end = Int(start)
    }
    var start = 0
    var wasUnknown = false
    while start < chunk.count {
      let end = Int(next)
      if pieces[end] >= 0 {
        tokens.append(Token(truncatingIfNeeded: pieces[end]))
        wasUnknown = false
      } else {
        // A run of unknown characters is one unknown token, or the bytes of all.
        if !wasUnknown || !model.byteTokens.isEmpty {
          model.appendUnknown(UnsafeBufferPointer(rebasing: chunk[start..<end]), into: &tokens)
        }
        wasUnknown = true
      }
      next = starts[end]
      start = end
    }
  }

  private mutating func reserve(_ count: Int) {
    guard count > capacity else { return }
    capacity = max(count, 2 * capacity)
    best.deallocate()
    starts.deallocate()
    pieces.deallocate()
    best = .allocate(capacity: capacity)
    starts = .allocate(capacity: capacity)
    pieces = .allocate(capacity: capacity)
  }
}

/// The bytes of a character by its first byte, as far as that tells.
@inline(__always)
func characterLength(_ first: UInt8) -> Int {
  first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
}
