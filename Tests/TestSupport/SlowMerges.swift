// SPDX-License-Identifier: Apache-2.0

/// Byte-pair merges by the definition: every pair of every word is counted again for each merge.
///
/// Ties go to the smaller left id, then the smaller right id; ids are the characters in order, then the
/// results in order of their merges.
///
/// - firstSeen: ties go to the pair that stands first in the words.
/// - Returns: the two halves of each merge and the count of the pair.
public func slowMerges(
  of words: [(text: String, count: Int)], limit: Int, firstSeen: Bool = false
)
  -> [(left: String, right: String, count: Int)]
{
  struct Pair: Hashable {
    var left: Int
    var right: Int
  }
  var pieces = Set(words.flatMap { $0.text.map(String.init) }).sorted()
  var split = words.map { word in word.text.map { pieces.firstIndex(of: String($0))! } }
  var merges: [(left: String, right: String, count: Int)] = []
  while merges.count < limit {
    var counts: [Pair: Int] = [:]
    var seen: [Pair] = []
    for (ids, word) in zip(split, words) {
      for (left, right) in zip(ids, ids.dropFirst()) {
        let pair = Pair(left: left, right: right)
        if counts[pair] == nil { seen.append(pair) }
        counts[pair, default: 0] += word.count
      }
    }
    let best = counts.max {
      ($0.value, $1.key.left, $1.key.right) < ($1.value, $0.key.left, $0.key.right)
    }
    guard let (key, count) = best else { break }
    let pair = firstSeen ? seen.first { counts[$0] == count }! : key
    let result = pieces[pair.left] + pieces[pair.right]
    let id = pieces.firstIndex(of: result) ?? pieces.count
    if id == pieces.count { pieces.append(result) }
    merges.append((pieces[pair.left], pieces[pair.right], count))
    for index in split.indices {
      var merged: [Int] = []
      for next in split[index] {
        if next == pair.right, merged.last == pair.left {
          merged[merged.count - 1] = id
        } else {
          merged.append(next)
        }
      }
      split[index] = merged
    }
  }
  return merges
}
