// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

/// Greedy longest match of one word, in time linear in its length.
///
/// Pieces that begin a word and pieces that continue one lie in one trie, the latter below a node of
/// their own. Where the walk cannot go on, the failure link of its node says which tokens the bytes
/// since the last cut are, and from which node to go on.
///
///     un ##believ ##able  <-  unbelievable
///
/// Reference: Song, Salcianu, Song, Dopson & Zhou 2021, «Fast WordPiece Tokenization», algorithms 1
/// and 2; failure links and pops are the paper's f and F.
public struct WordPieceMatcher: Sendable {
  private let trie: PieceTrie
  /// The root of pieces within a word.
  private let inner: Int
  /// The failure link of each node, -1 for none.
  private let failures: [Int32]
  /// The pops of node v are poppedTokens[pops[v]].
  private let pops: [Range<Int>]
  private let poppedTokens: [Token]
  private let unknown: Token
  private let maximumCharacterCount: Int

  /// - pieces: piece and token; a piece within a word has `prefix` in front.
  /// - unknown: what a word becomes that cannot be spelt whole, or has too many characters.
  public init(
    pieces: PieceList, ids: [Int], prefix: [UInt8], unknown: Token,
    maximumCharacterCount: Int = 100
  ) {
    let trie = PieceTrie(capacity: pieces.bytes.count / 2)
    // No UTF-8 text has this byte, so nothing walks to the inner root.
    trie.insert([innerMark], value: -1)
    inner = trie.node(of: [innerMark])
    for index in 0..<pieces.count {
      let piece = pieces[index]
      if piece.count > prefix.count, piece.starts(with: prefix) {
        trie.insert([innerMark] + piece.dropFirst(prefix.count), value: ids[index])
      }
      if !piece.isEmpty { trie.insert(piece, value: ids[index]) }
    }
    self.trie = trie
    self.unknown = unknown
    self.maximumCharacterCount = maximumCharacterCount
    (failures, pops, poppedTokens) = WordPieceMatcher.links(trie, inner: inner)
  }

  /// Algorithm 2 of the paper: breadth first, parents before children.
  private static func links(
    _ trie: PieceTrie, inner: Int
  ) -> (failures: [Int32], pops: [Range<Int>], poppedTokens: [Token]) {
    var failures = [Int32](repeating: -1, count: trie.nodeCount)
    var pops = [Range<Int>](repeating: 0..<0, count: trie.nodeCount)
    var tokens: [Token] = []
    var queue = [0, Int32(inner)]
    queue.reserveCapacity(trie.nodeCount)
    let (bounds, children) = trie.childLists()
    var next = 0
    while next < queue.count {
      let node = Int(queue[next])
      next += 1
      for place in Int(bounds[node])..<Int(bounds[node + 1]) {
        let byte = children[place].byte
        let child = Int(children[place].node)
        if child == inner { continue }
        queue.append(Int32(child))
        let start = tokens.count
        let value = trie.value(at: child)
        if value >= 0 {
          failures[child] = Int32(inner)
          tokens.append(Token(value))
        } else {
          var link = Int(failures[node])
          for place in pops[node] { tokens.append(tokens[place]) }
          while link >= 0, trie.child(of: link, byte) < 0 {
            for place in pops[link] { tokens.append(tokens[place]) }
            link = Int(failures[link])
          }
          if link >= 0 {
            failures[child] = Int32(trie.child(of: link, byte))
          } else {
            tokens.removeLast(tokens.count - start)
          }
        }
        pops[child] = start..<tokens.count
      }
    }
    return (failures, pops, tokens)
  }

  /// Appends the tokens of one word.
  ///
  /// - Complexity: O(bytes of the word).
  public func match(_ word: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    let start = tokens.count
    var characterCount = 0
    var node = 0
    for byte in word {
      if byte & 0xC0 != 0x80 { characterCount &+= 1 }
      var child = byte == innerMark ? -1 : trie.child(of: node, byte)
      while child < 0 {
        guard pop(&node, into: &tokens) else { return giveUp(start, &tokens) }
        child = trie.child(of: node, byte)
      }
      node = child
    }
    guard characterCount <= maximumCharacterCount else { return giveUp(start, &tokens) }
    while node != inner || tokens.count == start {
      guard pop(&node, into: &tokens) else { return giveUp(start, &tokens) }
    }
  }

  /// Cuts at `node`: appends its pops and follows its failure link.
  private func pop(_ node: inout Int, into tokens: inout TokenList) -> Bool {
    let link = Int(failures[node])
    guard link >= 0 else { return false }
    for index in pops[node] { tokens.append(poppedTokens[index]) }
    node = link
    return true
  }

  private func giveUp(_ start: Int, _ tokens: inout TokenList) {
    tokens.count = start
    tokens.append(unknown)
  }
}

/// Stands for the continuation prefix in the trie.
private let innerMark: UInt8 = 0xFF
