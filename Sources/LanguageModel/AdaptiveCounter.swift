// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// Counts of symbols after their last 0 to n symbols, learnt while coding, and the distribution of the
/// next symbol that they give, interpolated:
///
///     p_k(w|h) = (c(hw) + T(h) p_{k-1}(w|h')) / (c(h) + T(h))
///
/// T(h) is the number of different symbols seen after h. Reference: Witten & Bell 1991, method C;
/// interpolated as in Chen & Goodman 1998, eq. 16. `LearntWeights` may stand in for their weights.
///
/// Only the four basic operations of Double are used, in a fixed order: frequencies are the same on
/// every machine.
struct AdaptiveCounter {
  /// A context of the next symbol that was seen before.
  private struct Active {
    var context: Int
    var length: Int
    /// Of one occurrence in it.
    var weight: Double
  }

  private let order: Int
  /// Occurrences of each symbol without context, as a tree of partial sums.
  private var unigrams = PartialSums()
  private var contexts: [AdaptiveContext] = []
  /// Contexts by a hash of their symbols; two that meet in it cost bits, not correctness.
  private var index: [UInt64: Int] = [:]
  private var history: [UInt32] = []
  /// The keys of the contexts of the next symbol, of lengths 1 to n as far as there is history.
  private var keys: [UInt64] = []
  /// The contexts of the next symbol that were seen, shortest first.
  private var active: [Active] = []
  private var learntWeights: LearntWeights?
  private var unigramWeight = 0.0

  /// - symbolCount: symbols that there are from the beginning, each counted once.
  init(order: Int, symbolCount: Int, learnsWeights: Bool) {
    self.order = order
    learntWeights = learnsWeights ? LearntWeights(order: order) : nil
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
    for place in active {
      mass += place.weight * Double(contexts[place.context].count(below: symbol))
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
    learnWeights(from: symbol)
    unigrams.add(1, at: Int(symbol))
    var seen = active[...]
    for (place, key) in keys.enumerated() {
      if let first = seen.first, first.length == place + 1 {
        contexts[first.context].add(symbol)
        seen.removeFirst()
      } else {
        index[key] = contexts.count
        contexts.append(AdaptiveContext())
        contexts[contexts.count - 1].add(symbol)
      }
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

  /// Finds the contexts of the next symbol and their weights.
  private mutating func prepare() {
    keys.removeAll(keepingCapacity: true)
    active.removeAll(keepingCapacity: true)
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    for symbol in history.reversed() {
      hash = (hash ^ UInt64(symbol) &+ 1) &* 0xD6E8_FEB8_6659_FD93
      hash ^= hash >> 32
      keys.append(hash)
      if let context = index[hash] {
        active.append(Active(context: context, length: keys.count, weight: 0))
      }
    }
    var rest = 1.0
    for place in active.indices.reversed() {
      let context = contexts[active[place].context]
      let (seen, types) = (Double(context.total), Double(context.typeCount))
      let weight =
        learntWeights?[LearntWeights.bucket(context, active[place].length)] ?? seen / (seen + types)
      active[place].weight = rest * weight / seen
      rest *= 1 - weight
    }
    unigramWeight = rest / Double(max(unigrams.total, 1))
  }

  /// One step of expectation and maximisation: which context did the symbol come from?
  private mutating func learnWeights(from symbol: UInt32) {
    guard learntWeights != nil else { return }
    // The probability of the symbol by contexts up to each length, and what the longest adds to it.
    var probability = Double(unigrams.value(Int(symbol))) / Double(max(unigrams.total, 1))
    var steps: [(bucket: Int, own: Double, probability: Double)] = []
    for place in active {
      let context = contexts[place.context]
      let bucket = LearntWeights.bucket(context, place.length)
      let weight = learntWeights![bucket]
      let own = weight * Double(context.count(of: symbol)) / Double(context.total)
      probability = own + (1 - weight) * probability
      steps.append((bucket, own, probability))
    }
    var share = 1.0
    for step in steps.reversed() where share > 1e-9 {
      // A symbol that is new here came from none of them.
      let posterior = step.probability > 0 ? step.own / step.probability : 0
      learntWeights!.add(step.bucket, share: share, posterior: posterior)
      share *= 1 - posterior
    }
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
