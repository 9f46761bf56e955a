// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import Probability
public import TokenStreams

extension BackoffModel {
  /// Draws along the back-off chain: from the tokens that followed the longest context with their whole
  /// probability, else from the shorter context until a token comes that did not.
  public func token(drawnAfter state: State, with numbers: inout StepNumbers) -> Token? {
    draw(state, length: state.count, with: &numbers)
  }

  private func draw(_ state: State, length: Int, with numbers: inout StepNumbers) -> Token? {
    guard length > 0 else { return followers.unigrams.token(at: numbers.uniform()) }
    let level = length - 1
    let context = Int(state.nodes[level])
    let children = trie.levels[level].children(context)
    if children.isEmpty { return draw(state, length: level, with: &numbers) }
    let sums = followers.sums(level: level, context: context)
    let uniform = numbers.uniform()
    if uniform < sums.last! || trie.levels[level].log10Backoff(context) == -.infinity {
      let place = sums.firstIndex(above: min(uniform, sums.last!.nextDown))
      return trie.levels[length].token(children.lowerBound + place)
    }
    // What is left is the shorter context's distribution without the tokens that followed.
    for _ in 0..<64 {
      guard let token = draw(state, length: level, with: &numbers) else { return nil }
      if trie.child(of: context, level: level, by: token) == nil { return token }
    }
    return drawOthers(state, length: level, excluding: children, with: &numbers)
  }

  /// Draws after the last `length` tokens a token that is not one of `children`.
  private func drawOthers(
    _ state: State, length: Int, excluding children: Range<Int>, with numbers: inout StepNumbers
  ) -> Token? {
    var shorter = state
    shorter.count = length
    var row = [Double](repeating: 0, count: vocabulary.count)
    var span = row.mutableSpan
    logProbabilities(after: shorter, into: &span)
    for child in children { row[Int(trie.levels[length + 1].token(child))] = -.infinity }
    let sums = CumulativeSums(row.map { exp($0) })
    return sums.last == 0 ? nil : sums.token(at: numbers.uniform() * sums.last!)
  }
}

/// Running sums of probabilities.
struct CumulativeSums: Sendable {
  private let sums: [Double]

  init(_ values: [Double]) {
    var sum = 0.0
    sums = values.map {
      sum += $0
      return sum
    }
  }

  var last: Double? { sums.last }

  /// The first place whose sum is above `value`.
  func firstIndex(above value: Double) -> Int {
    var (low, high) = (0, sums.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] > value { high = middle } else { low = middle + 1 }
    }
    return low
  }

  func token(at value: Double) -> Token {
    Token(firstIndex(above: min(value, sums.last!.nextDown)))
  }
}

/// Running sums over the tokens that followed a context, kept for the contexts with many.
final class Followers: Sendable {
  private let trie: PackedTrie
  private let kept = Locked<[UInt64: CumulativeSums]>([:])
  private let unigramSums = Locked<CumulativeSums?>(nil)

  init(_ trie: PackedTrie) { self.trie = trie }

  var unigrams: CumulativeSums {
    unigramSums.withLock { sums in
      if let sums { return sums }
      let level = trie.levels[0]
      let found = CumulativeSums((0..<level.count).map { exp10(level.log10Probability($0)) })
      sums = found
      return found
    }
  }

  func sums(level: Int, context: Int) -> CumulativeSums {
    let children = trie.levels[level].children(context)
    func computed() -> CumulativeSums {
      let next = trie.levels[level + 1]
      return CumulativeSums(children.map { exp10(next.log10Probability($0)) })
    }
    guard children.count > 32 else { return computed() }
    let key = UInt64(level) << 32 | UInt64(context)
    if let sums = kept.withLock({ $0[key] }) { return sums }
    let sums = computed()
    kept.withLock { $0[key] = sums }
    return sums
  }

  private func exp10(_ value: Double) -> Double { exp(value * nepersPerDecade) }
}
