// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import LanguageModel
internal import Probability
public import TokenStreams

/// An n-gram model in back-off form: estimated, read from ARPA, or mapped from a binary file.
///
/// A state holds the node of each context that is in the model, from the last token alone to the last
/// n-1. The n-grams that a token may complete are their children: the longest there gives its
/// probability, and the contexts longer than that their back-offs.
public struct BackoffModel: LanguageModel {
  let trie: PackedTrie
  private let unigramRow: UnigramRow
  let followers: Followers

  init(_ trie: PackedTrie) {
    self.trie = trie
    unigramRow = UnigramRow(trie)
    followers = Followers(trie)
  }

  /// The model of a table.
  package init(_ table: BackoffTable) { self.init(PackedTrie(table)) }

  public var vocabulary: Vocabulary { trie.vocabulary }

  /// Tokens of the longest n-grams.
  public var order: Int { trie.order }

  /// How many n-grams of an order the model holds.
  public func nGramCount(order: Int) -> Int { trie.levels[order - 1].count }

  /// Bytes of the model in memory, and of its binary file.
  public var byteCount: Int { trie.bytes.count }

  /// Records end in `</s>` unless it has no probability.
  public var ending: RecordEnding {
    let end = Int(vocabulary.end!)
    return trie.levels[0].log10Probability(end) > -.infinity ? .predicted : .never
  }

  public struct State: Sendable, Hashable {
    /// The nodes of the contexts of 1, 2, ... tokens, on levels 0, 1, ...
    var nodes: [15 of UInt32] = .init(repeating: 0)
    var count = 0

    public static func == (a: State, b: State) -> Bool {
      a.count == b.count && (0..<a.count).allSatisfy { a.nodes[$0] == b.nodes[$0] }
    }

    public func hash(into hasher: inout Hasher) {
      for index in 0..<count { hasher.combine(nodes[index]) }
    }
  }

  public var start: State {
    var state = State()
    if order > 1 {
      state.nodes[0] = vocabulary.beginning!
      state.count = 1
    }
    return state
  }

  public func advance(_ state: inout State, with token: Token) {
    _ = log10Probability(of: token, advancing: &state)
  }

  public func logProbability(of token: Token, after state: State) -> Double {
    var state = state
    return log10Probability(of: token, advancing: &state) * nepersPerDecade
  }

  public func logProbability(of token: Token, advancing state: inout State) -> Double {
    log10Probability(of: token, advancing: &state) * nepersPerDecade
  }

  func log10Probability(of token: Token, advancing state: inout State) -> Double {
    let levels = trie.levels
    let longest = levels.count &- 1
    var result = levels[0].log10Probability(Int(token))
    // Replaced from the shortest context up: each is used before it is overwritten by its successor.
    var matched = 0
    var successor = UInt32(token)
    while matched < state.count {
      let context = Int(state.nodes[matched])
      guard let child = trie.child(of: context, level: matched, by: token) else { break }
      state.nodes[matched] = successor
      successor = UInt32(truncatingIfNeeded: child)
      matched &+= 1
      result = levels[matched].log10Probability(child)
    }
    for index in matched..<state.count {
      result += levels[index].log10Backoff(Int(state.nodes[index]))
    }
    if matched < longest {
      state.nodes[matched] = successor
      state.count = matched &+ 1
    } else {
      state.count = longest
    }
    return result
  }

  public func logProbabilities(after state: State, into row: inout MutableSpan<Double>) {
    let levels = trie.levels
    row.withUnsafeMutableBufferPointer { row in
      var backoff = 0.0
      for index in 0..<state.count {
        backoff += levels[index].log10Backoff(Int(state.nodes[index]))
      }
      unigramRow.fill(row, adding: backoff * nepersPerDecade)
      for index in 0..<state.count {
        let context = Int(state.nodes[index])
        backoff = 0
        for longer in (index + 1)..<max(index + 1, state.count) {
          backoff += levels[longer].log10Backoff(Int(state.nodes[longer]))
        }
        let next = levels[index + 1]
        for child in levels[index].children(context) {
          let token = Int(next.token(child))
          if token < row.count {
            row[token] = (next.log10Probability(child) + backoff) * nepersPerDecade
          }
        }
      }
    }
  }
}

/// ln 10: the model's values are base 10, the protocol's are nats.
let nepersPerDecade = 2.302_585_092_994_046

/// The distribution without a context, in nats, computed when first asked for.
private final class UnigramRow: Sendable {
  private let values = Locked<[Double]>([])
  private let trie: PackedTrie

  init(_ trie: PackedTrie) { self.trie = trie }

  func fill(_ row: UnsafeMutableBufferPointer<Double>, adding backoff: Double) {
    let values = values.withLock { values in
      if values.isEmpty {
        let level = trie.levels[0]
        values = (0..<level.count).map { level.log10Probability($0) * nepersPerDecade }
      }
      return values
    }
    precondition(row.count == values.count)
    for index in row.indices { row[index] = values[index] + backoff }
  }
}
