// SPDX-License-Identifier: Apache-2.0

package import TokenStreams

/// A vocabulary of merges as a graph: each piece with the two that it was merged from.
///
/// Pieces that a text can be merged into are numbered: first the symbols that text is cut into, then
/// the others in the order in which they are merged. So the number of a piece is its rank. A piece that
/// its own text does not merge into has no number; nor does it ever stand in a result.
///
/// Pieces whose merges come last and are all of one rank, as SentencePiece's runs of spaces are, stand
/// apart: they merge in a second pass, from left to right.
///
/// Numbers are ranks only where no merge has to wait for one of its parts: where `b c` stands before
/// `a b` and `ab c` before both, `abc` merges last though it is listed first. Lists that were learnt
/// never have such a merge; others have no graph.
///
/// Unsafe in one place: `nodes` has room for all pieces, and `filter` a bit for each value of
/// `filterBits` bits.
package final class MergeGraph: @unchecked Sendable {
  package typealias Number = Int32

  struct Node {
    var byteCount: Int32
    /// The longest piece that is a proper prefix of this one, or -1.
    var prefix: Number
    /// What it was merged from; a symbol is both itself.
    var left: Number
    var right: Number
  }

  /// What is known of a piece before the graph is made.
  struct Rule {
    var piece: UnsafeBufferPointer<UInt8>
    var token: Token
    /// Where to cut the piece, where a list says; otherwise every cut into two pieces is tried.
    var middle: Int? = nil
  }

  let nodes: UnsafeMutablePointer<Node>
  private(set) var count = 0
  /// The token of each number.
  package private(set) var tokens: [Token] = []
  private(set) var trie: CompactTrie
  private let pairs: NumberPairs
  /// What two neighbours merge into when all other merges are done.
  private let lastPairs: NumberPairs
  private(set) var hasLast = false
  private let filter: UnsafeMutablePointer<UInt64>
  private static let filterBits = 18

  /// - symbols: what text is cut into.
  /// - rules: the merged pieces, in the order of merging.
  /// - last: pieces whose merges come after all others, all of one rank.
  /// - Returns: nothing when a merge among `rules` can be reached only after a later one, or two tokens
  ///   have the same bytes.
  init?(symbols: [Rule], rules: [Rule], last: [Rule] = []) {
    let capacity = symbols.count + rules.count + last.count
    nodes = .allocate(capacity: max(capacity, 1))
    var builder = GraphBuilder(PieceTrie(capacity: 3 * capacity))
    pairs = NumberPairs(capacity: rules.count)
    lastPairs = NumberPairs(capacity: 32 * last.count)
    filter = .allocate(capacity: 1 << (MergeGraph.filterBits - 6))
    filter.initialize(repeating: 0, count: 1 << (MergeGraph.filterBits - 6))
    tokens.reserveCapacity(capacity)
    trie = CompactTrie(PieceTrie())
    for symbol in symbols where builder.number(of: symbol.piece) == nil {
      let number = add(symbol, &builder)
      nodes[count - 1].left = number
      nodes[count - 1].right = number
    }
    /// Rules that make nothing, each with how many pieces came before it.
    var unmade: [(rule: Rule, place: Number)] = []
    for rule in rules {
      if let number = builder.number(of: rule.piece) {
        if tokens[Int(number)] != rule.token { return nil }
      } else if !addMerged(rule, &builder) {
        unmade.append((rule, Number(count)))
      }
    }
    let isLate = unmade.contains { rule, place in
      builder.halves(of: rule.piece, at: rule.middle).contains { left, right in
        max(left, right) >= place && isValid(left, right, below: max(left, right) + 1)
      }
    }
    if isLate { return nil }
    for rule in symbols + rules { linkPrefix(of: rule.piece, builder) }
    trie = CompactTrie(builder.trie)
    if last.isEmpty { return }
    // Numbers behind all others, and in the builder's trie only: no text is cut into them at first.
    for rule in last { _ = add(rule, &builder) }
    let firstLast = Number(count - last.count)
    for (index, rule) in last.enumerated() {
      for (left, right) in builder.halves(of: rule.piece) {
        lastPairs.insert(left, right, firstLast + Number(index))
      }
    }
    hasLast = true
    let isMadeOfLast = unmade.contains { rule, _ in
      builder.halves(of: rule.piece).contains { $0 >= firstLast || $1 >= firstLast }
    }
    if isMadeOfLast { return nil }
  }

  deinit {
    nodes.deallocate()
    filter.deallocate()
  }

  private func add(_ rule: Rule, _ builder: inout GraphBuilder) -> Number {
    builder.trie.insert(rule.piece, value: count)
    nodes[count] = Node(byteCount: Int32(rule.piece.count), prefix: -1, left: -1, right: -1)
    tokens.append(rule.token)
    count += 1
    return Number(count - 1)
  }

  /// Numbers a piece if a cut of it is one that the merges before it leave; returns whether it is.
  private func addMerged(_ rule: Rule, _ builder: inout GraphBuilder) -> Bool {
    for (left, right) in builder.halves(of: rule.piece, at: rule.middle)
    where isValid(left, right) {
      let number = add(rule, &builder)
      nodes[Int(number)].left = left
      nodes[Int(number)].right = right
      pairs.insert(left, right, number)
      let bit = MergeGraph.filterBit(left, right)
      filter[bit >> 6] |= 1 << UInt64(bit & 63)
      return true
    }
    return false
  }

  private func linkPrefix(of piece: UnsafeBufferPointer<UInt8>, _ builder: GraphBuilder) {
    var node = 0
    var prefix = Number(-1)
    for byte in piece.dropLast() {
      node = builder.trie.child(of: node, byte)
      if node < 0 { return }
      let value = builder.trie.value(at: node)
      if value >= 0 { prefix = Number(value) }
    }
    if let number = builder.number(of: piece) { nodes[Int(number)].prefix = prefix }
  }

  /// What two neighbours merge into when all other merges are done, or a number above all.
  @inline(__always) func lastJoined(_ left: Number, _ right: Number) -> Number {
    lastPairs.find(left, right)
  }

  @inline(__always) private static func filterBit(_ left: Number, _ right: Number) -> Int {
    let key = UInt64(UInt32(bitPattern: left)) &<< 32 | UInt64(UInt32(bitPattern: right))
    return Int(
      truncatingIfNeeded: ((key ^ key &>> 29) &* 0x9E37_79B9_7F4A_7C15)
        &>> UInt64(64 - filterBits))
  }

  /// The piece that two neighbours merge into, or a number above all.
  @inline(__always) private func joined(_ left: Number, _ right: Number) -> Number {
    let bit = MergeGraph.filterBit(left, right)
    if filter[bit &>> 6] &>> UInt64(bit & 63) & 1 == 0 { return .max }
    return pairs.find(left, right)
  }

  /// Whether two pieces can be neighbours in a result: merging their text together leaves them.
  ///
  /// Undoes the merges at the border from the last to the first; at each step the two that then meet must
  /// not have merged before what was undone last was made.
  ///
  /// - below: the merges that are done so far, those of lower numbers.
  func isValid(_ left: Number, _ right: Number, below: Number = .max) -> Bool {
    var (left, right) = (left, right)
    var limit = below
    while true {
      if joined(left, right) < limit { return false }
      // A symbol cannot be undone: of two equal numbers both are one.
      if left > right {
        limit = left
        left = nodes[Int(left)].right
        if left == limit {
          limit = right &+ 1
          right = nodes[Int(right)].left
          if right &+ 1 == limit { return true }
        }
      } else {
        limit = right &+ 1
        right = nodes[Int(right)].left
        if right &+ 1 == limit {
          limit = left
          left = nodes[Int(left)].right
          if left == limit { return true }
        }
      }
    }
  }

  /// The longest piece at `start`, or -1.
  @inline(__always)
  func longest(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Number {
    let units = trie.units
    var index = start
    var node = CompactTrie.root
    var found = Int32(-1)
    while index < count {
      let target = Int(units[node].base) ^ Int(text[index])
      if Int(units[target].check) != node { break }
      node = target
      index &+= 1
      let value = units[node].value
      if value >= 0 { found = value }
    }
    return found
  }
}

/// The pieces that have a number already.
private struct GraphBuilder {
  let trie: PieceTrie

  init(_ trie: PieceTrie) { self.trie = trie }

  func number(of piece: UnsafeBufferPointer<UInt8>) -> MergeGraph.Number? {
    let node = trie.node(of: piece)
    return node >= 0 && trie.value(at: node) >= 0 ? MergeGraph.Number(trie.value(at: node)) : nil
  }

  /// The ways to cut a piece into two that have numbers; only that at `middle`, if it is given.
  func halves(
    of piece: UnsafeBufferPointer<UInt8>, at middle: Int? = nil
  ) -> [(MergeGraph.Number, MergeGraph.Number)] {
    var halves: [(MergeGraph.Number, MergeGraph.Number)] = []
    var node = 0
    for (index, byte) in piece.dropLast().enumerated() {
      node = trie.child(of: node, byte)
      if node < 0 { break }
      guard trie.value(at: node) >= 0, middle == nil || middle == index + 1,
        let right = number(of: UnsafeBufferPointer(rebasing: piece[(index + 1)...]))
      else { continue }
      halves.append((MergeGraph.Number(trie.value(at: node)), right))
    }
    return halves
  }
}

/// Pairs of numbers, each with what it merges into.
private struct NumberPairs: ~Copyable {
  private let slots: UnsafeMutablePointer<(key: UInt64, value: Int32)>
  private let mask: Int
  private static let empty = UInt64.max

  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    mask = size - 1
    slots = .allocate(capacity: size)
    slots.initialize(repeating: (NumberPairs.empty, 0), count: size)
  }

  deinit { slots.deallocate() }

  @inline(__always) private func slot(_ key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (key ^ key &>> 29) &* 0x9E37_79B9_7F4A_7C15 &>> 24) & mask
    while slots[slot].key != key, slots[slot].key != NumberPairs.empty { slot = (slot &+ 1) & mask }
    return slot
  }

  @inline(__always) private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) &<< 32 | UInt64(UInt32(bitPattern: right))
  }

  func insert(_ left: Int32, _ right: Int32, _ value: Int32) {
    let key = NumberPairs.key(left, right)
    slots[slot(key)] = (key, value)
  }

  @inline(__always) func find(_ left: Int32, _ right: Int32) -> Int32 {
    let found = slots[slot(NumberPairs.key(left, right))]
    return found.key == NumberPairs.empty ? .max : found.value
  }
}
