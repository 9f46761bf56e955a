// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// Counts of symbols after their last 0 to n symbols, learnt while coding, and the interpolated
/// Witten-Bell distribution of the next symbol that they give.
///
///     p_k(w|h) = (c(hw) + T(h) p_{k-1}(w|h')) / (c(h) + T(h))
///
/// T(h) is the number of different symbols seen after h. Reference: Witten & Bell 1991, method C;
/// interpolated as in Chen & Goodman 1998, eq. 16.
///
/// Only the four basic operations of Double are used, in a fixed order: frequencies are the same on
/// every machine.
struct AdaptiveCounter {
  private struct Context {
    /// The symbols seen here, in order, and how often.
    var symbols: [UInt32] = []
    var counts: [UInt32] = []
    var total = 0

    /// Occurrences of symbols below `symbol`.
    func count(below symbol: UInt32) -> Int {
      var sum = 0
      for index in symbols.indices {
        if symbols[index] >= symbol { break }
        sum += Int(counts[index])
      }
      return sum
    }

    mutating func add(_ symbol: UInt32) {
      total += 1
      let place = symbols.partitioningIndex { $0 >= symbol }
      if place < symbols.count, symbols[place] == symbol {
        counts[place] += 1
      } else {
        symbols.insert(symbol, at: place)
        counts.insert(1, at: place)
      }
    }
  }

  private let order: Int
  /// Occurrences of each symbol without context, as a tree of partial sums.
  private var unigrams = PartialSums()
  private var contexts: [Context] = []
  /// Contexts by a hash of their symbols; two that meet in it cost bits, not correctness.
  private var index: [UInt64: Int] = [:]
  private var history: [UInt32] = []
  /// The contexts of the next symbol, shortest first, those that were seen; and their weights.
  private var active: [(context: Int, weight: Double)] = []
  private var unigramWeight = 0.0

  /// - symbolCount: symbols that there are from the beginning, each counted once.
  init(order: Int, symbolCount: Int) {
    self.order = order
    for _ in 0..<symbolCount { unigrams.append(1) }
    prepare()
  }

  /// Number of symbols: they are `0..<count`.
  var symbolCount: Int { unigrams.count }

  /// Adds a symbol that has not occurred yet, and whose first occurrence is counted now.
  mutating func appendSymbol() { unigrams.append(0) }

  /// Sets how often symbol 0 counts as seen: for an escape, the number of different symbols.
  mutating func setEscape(_ count: Int) { unigrams.add(count - unigrams.value(0), at: 0) }

  /// The sum of the frequencies of all symbols below `symbol`; never the same for two symbols.
  func cumulated(below symbol: UInt32) -> UInt64 {
    // Each term grows with the symbol and rounding keeps order, so the sum grows too.
    var mass = unigramWeight * Double(unigrams.sum(below: Int(symbol)))
    for (context, weight) in active {
      mass += weight * Double(contexts[context].count(below: symbol))
    }
    return UInt64(mass * Double(largestFrequencyTotal / 2)) + UInt64(symbol)
  }

  var total: UInt64 { cumulated(below: UInt32(symbolCount)) }

  /// The symbol whose interval holds a cumulated frequency.
  func symbol(holding target: UInt64) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (0, UInt32(symbolCount))
    while low + 1 < high {
      let middle = (low + high) / 2
      if cumulated(below: middle) <= target { low = middle } else { high = middle }
    }
    return low
  }

  /// Counts a symbol in all its contexts and moves on by it.
  mutating func add(_ symbol: UInt32) {
    unigrams.add(1, at: Int(symbol))
    for key in keys {
      let context = index[key] ?? contexts.count
      if context == contexts.count {
        contexts.append(Context())
        index[key] = context
      }
      contexts[context].add(symbol)
    }
    history.append(symbol)
    if history.count > order { history.removeFirst() }
    prepare()
  }

  /// Forgets the last symbols, not the counts.
  mutating func restart() {
    history.removeAll()
    prepare()
  }

  /// The keys of the contexts of the next symbol, of lengths 1 to n as far as there is history.
  private var keys: [UInt64] {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    return history.reversed().map { symbol in
      hash = (hash ^ UInt64(symbol) &+ 1) &* 0xD6E8_FEB8_6659_FD93
      hash ^= hash >> 32
      return hash
    }
  }

  /// Finds the contexts of the next symbol and their weights.
  private mutating func prepare() {
    active = keys.compactMap { key in index[key].map { ($0, 0) } }
    var rest = 1.0
    for place in active.indices.reversed() {
      let context = contexts[active[place].context]
      let (seen, types) = (Double(context.total), Double(context.symbols.count))
      active[place].weight = rest / (seen + types)
      rest *= types / (seen + types)
    }
    unigramWeight = rest / Double(max(unigrams.total, 1))
  }
}

/// Counts with sums over prefixes, both in logarithmic time. Reference: Fenwick 1994.
private struct PartialSums {
  private var tree: [Int] = [0]
  private(set) var total = 0
  var count: Int { tree.count - 1 }

  mutating func append(_ value: Int) {
    let position = tree.count
    // A node holds the sum of the last `position & -position` values.
    tree.append(sum(below: position - 1) - sum(below: position - (position & -position)) + value)
    total += value
  }

  mutating func add(_ amount: Int, at index: Int) {
    var position = index + 1
    while position < tree.count {
      tree[position] += amount
      position += position & -position
    }
    total += amount
  }

  func sum(below index: Int) -> Int {
    var sum = 0
    var position = index
    while position > 0 {
      sum += tree[position]
      position &= position - 1
    }
    return sum
  }

  func value(_ index: Int) -> Int { sum(below: index + 1) - sum(below: index) }
}

extension [UInt32] {
  /// The first index whose element satisfies a condition that no element before and all after satisfy.
  fileprivate func partitioningIndex(where isAfter: (UInt32) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
