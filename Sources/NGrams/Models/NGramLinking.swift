// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Finds the n-grams of the level above that those of one level begin and end with: both stand in the
/// order of their tokens.
struct NGramLinking: Sendable {
  private let rows: SortedNGrams
  private let above: SortedNGrams
  /// The tokens of the level above and what its n-grams end with, and the runs of children on the level
  /// above that, where there is one.
  private let tokensAbove: [Token]
  private let suffixesAbove: [UInt32]
  private let firstChildren: [UInt32]

  /// - above: the n-grams that are a token shorter.
  /// - levels: the finished ones.
  init(_ rows: SortedNGrams, _ above: SortedNGrams, _ levels: [NGramTree.Level]) {
    self.rows = rows
    self.above = above
    tokensAbove = levels[rows.length - 2].tokens
    suffixesAbove = levels[rows.length - 2].suffixes
    firstChildren = rows.length > 2 ? levels[rows.length - 3].firstChildren : []
  }

  /// The places on the level above of what each n-gram begins and ends with, found on all cores.
  ///
  /// - missing: gains the n-grams that are not there; their places mean nothing.
  func linked(missing: inout [[Token]]) -> (parents: [UInt32], suffixes: [UInt32]) {
    let starts = runStarts
    var parents = [UInt32](repeating: 0, count: rows.count)
    var suffixes = parents
    var found = [[[Token]]](repeating: [], count: starts.count)
    parents.withUnsafeMutableBufferPointer { parents in
      suffixes.withUnsafeMutableBufferPointer { suffixes in
        found.withUnsafeMutableBufferPointer { found in
          // Each run writes places of its own.
          nonisolated(unsafe) let (parents, suffixes, found) = (parents, suffixes, found)
          Threads.forEach(
            count: starts.count, threads: starts.count > 1 ? Machine.availableCores : 1
          ) { run in
            let end = run + 1 < starts.count ? starts[run + 1] : rows.count
            link(starts[run]..<end, parents, suffixes, &found[run])
          }
        }
      }
    }
    for missed in found { missing += missed }
    return (parents, suffixes)
  }

  /// Rows at which the work is cut: each begins with other tokens than the one before.
  private var runStarts: [Int] {
    var starts = [0]
    let runLength = 1 << 15
    while starts.last! + 2 * runLength < rows.count {
      var start = starts.last! + runLength
      while start < rows.count, hasSamePrefix(start - 1, start) { start += 1 }
      if start == rows.count { break }
      starts.append(start)
    }
    return starts
  }

  private func hasSamePrefix(_ a: Int, _ b: Int) -> Bool {
    let length = rows.length
    for position in (0..<length - 1).reversed()
    where rows.tokens[a * length + position] != rows.tokens[b * length + position] {
      return false
    }
    return true
  }

  private func link(
    _ run: Range<Int>, _ parents: UnsafeMutableBufferPointer<UInt32>,
    _ suffixes: UnsafeMutableBufferPointer<UInt32>, _ missing: inout [[Token]]
  ) {
    let length = rows.length
    guard !run.isEmpty else { return }
    var parent = firstParent(of: run.lowerBound)
    var hasParent = false
    // What the context's suffix was followed by, from the place on that the last token led to.
    var followers = 0..<0
    for row in run {
      if row == run.lowerBound || !hasSamePrefix(row - 1, row) {
        while parent < above.count, above.compare(parent, rows, row) < 0 { parent += 1 }
        hasParent = parent < above.count && above.compare(parent, rows, row) == 0
        if !hasParent { missing.append(Array(rows.tokens[row * length..<(row + 1) * length - 1])) }
        if hasParent, length > 2 {
          let suffix = Int(suffixesAbove[parent])
          followers = Int(firstChildren[suffix])..<Int(firstChildren[suffix + 1])
        }
      }
      parents[row] = UInt32(min(parent, max(above.count - 1, 0)))
      // What the n-gram ends with follows what its context ends with.
      let token = rows.tokens[row * length + length - 1]
      if length == 2 {
        suffixes[row] = token
      } else if hasParent {
        let suffix = place(of: token, in: followers)
        followers = suffix..<followers.upperBound
        if followers.isEmpty || tokensAbove[suffix] != token {
          missing.append(Array(rows.tokens[row * length + 1..<(row + 1) * length]))
        } else {
          suffixes[row] = UInt32(suffix)
        }
      }
    }
  }

  /// The first n-gram of the level above that is not below what a row begins with.
  private func firstParent(of row: Int) -> Int {
    var (low, high) = (0, above.count)
    while low < high {
      let middle = (low + high) / 2
      if above.compare(middle, rows, row) < 0 { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The first place of a run in the order of its tokens that is not below `token`: near its beginning,
  /// most often.
  private func place(of token: Token, in run: Range<Int>) -> Int {
    var low = run.lowerBound
    var step = 1
    while low + step <= run.upperBound, tokensAbove[low + step - 1] < token {
      low += step
      step *= 2
    }
    var high = min(low + step - 1, run.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if tokensAbove[middle] < token { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
