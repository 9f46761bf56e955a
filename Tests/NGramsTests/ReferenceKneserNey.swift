// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The slow twin: interpolated modified Kneser-Ney by direct sums over all n-grams, in Double.
struct ReferenceKneserNey {
  typealias Gram = [String]

  let order: Int
  let words: Set<String>
  /// [length] Adjusted counts, discounts, and the n-grams that pruning removes.
  var counts: [Int: [Gram: Int]] = [:]
  var discounts: [Int: [Double]] = [:]
  var pruned: Set<Gram> = []

  init(_ corpus: String, order: Int, prune thresholds: [Int] = []) {
    self.order = order
    var raw: [Int: [Gram: Int]] = [:]
    var leftNeighbours: [Gram: Set<String>] = [:]
    for line in corpus.split(separator: "\n", omittingEmptySubsequences: false) {
      let padding = Array(repeating: "<s>", count: order - 1)
      let tokens = padding + line.split(separator: " ").map(String.init) + ["</s>"]
      for end in (order - 1)..<tokens.count {
        for length in 1...order {
          let gram = Array(tokens[(end - length + 1)...end])
          if gram.starts(with: ["<s>", "<s>"]) { continue }
          raw[length, default: [:]][gram, default: 0] += 1
          if end >= length { leftNeighbours[gram, default: []].insert(tokens[end - length]) }
        }
      }
    }
    words = Set(raw[1]!.keys.map { $0[0] })
    for length in 1...order {
      counts[length] = raw[length, default: [:]].reduce(into: [:]) { counts, entry in
        let isRaw = length == order || entry.key[0] == "<s>"
        counts[entry.key] = isRaw ? entry.value : leftNeighbours[entry.key]!.count
        if length > 1, !thresholds.isEmpty,
          entry.value <= thresholds[min(length, thresholds.count) - 1]
        {
          pruned.insert(entry.key)
        }
      }
      discounts[length] = ReferenceKneserNey.discounts(Array(counts[length]!.values))
    }
  }

  private static func discounts(_ counts: [Int]) -> [Double] {
    let n = (0...4).map { value in Double(counts.count { $0 == value }) }
    let y = n[1] / (n[1] + 2 * n[2])
    let found = (1...3).map { Double($0) - Double($0 + 1) * y * n[$0 + 1] / n[$0] }
    let isSound =
      n[1...3].allSatisfy { $0 > 0 }
      && (1...3).allSatisfy { found[$0 - 1] >= 0 && found[$0 - 1] <= Double($0) }
    return isSound ? found : [0.5, 1, 1.5]
  }

  /// p(word | context) of at most n-1 tokens.
  func probability(_ word: String, after context: Gram) -> Double {
    let length = context.count + 1
    let lower =
      context.isEmpty
      ? 1 / Double(words.count + 1) : probability(word, after: Array(context.dropFirst()))
    let extensions = counts[length]!.filter { $0.key.starts(with: context) }
    let total = Double(extensions.values.reduce(0, +))
    guard total > 0 else { return lower }
    func discount(_ count: Int) -> Double { discounts[length]![min(count, 3) - 1] }
    var left = 0.0
    for (gram, count) in extensions {
      left += (pruned.contains(gram) ? Double(count) : discount(count)) / total
    }
    let gram = context + [word]
    guard let count = extensions[gram], !pruned.contains(gram) else { return left * lower }
    return (Double(count) - discount(count)) / total + left * lower
  }
}
