// SPDX-License-Identifier: Apache-2.0

internal import LanguageModel
public import TokenStreams

extension BackoffModel {
  /// Scores the records of a block side by side: while one record's n-gram comes from memory, the
  /// others' are looked for.
  public func logProbabilities(
    ofRecordsIn block: TokenBlock, into scores: inout MutableSpan<Double>
  ) {
    precondition(scores.count == block.tokens.count + block.recordEnds.count)
    let lanes = ScoringLanes(trie)
    let end = ending == .predicted ? vocabulary.end : nil
    scores.withUnsafeMutableBufferPointer { scores in
      block.tokens.withUnsafeBufferPointer { tokens in
        lanes.score(tokens, recordEnds: block.recordEnds, end: end, into: scores)
      }
    }
  }
}

/// Several records being scored at once, each in its lane.
///
/// Unsafe: all pointers are to arrays of [contexts, lanes] or [lanes], allocated and freed here; lane
/// numbers are below `width` and context lengths below the order.
private final class ScoringLanes {
  private static let width = 16

  private let trie: PackedTrie
  private let contextCount: Int
  /// [contexts, lanes] The children of each lane's contexts, and what backing off from them costs; the
  /// next step's beside this one's.
  private var firsts: UnsafeMutablePointer<Int>
  private var counts: UnsafeMutablePointer<Int>
  private var backoffs: UnsafeMutablePointer<Double>
  private var nextFirsts: UnsafeMutablePointer<Int>
  private var nextCounts: UnsafeMutablePointer<Int>
  private var nextBackoffs: UnsafeMutablePointer<Double>
  /// [lanes]
  private let lengths: UnsafeMutablePointer<Int>
  private let matched: UnsafeMutablePointer<Int>
  private let tokens: UnsafeMutablePointer<Token>
  private let values: UnsafeMutablePointer<Double>
  private let places: UnsafeMutablePointer<Int>
  private let ends: UnsafeMutablePointer<Int>
  private let records: UnsafeMutablePointer<Int>
  /// [lanes] The search under way.
  private let lows: UnsafeMutablePointer<Int>
  private let rests: UnsafeMutablePointer<Int>
  private let searching: UnsafeMutablePointer<Int>

  init(_ trie: PackedTrie) {
    self.trie = trie
    contextCount = max(trie.order - 1, 1)
    let width = ScoringLanes.width
    func integers(_ count: Int) -> UnsafeMutablePointer<Int> {
      let pointer = UnsafeMutablePointer<Int>.allocate(capacity: count)
      pointer.initialize(repeating: 0, count: count)
      return pointer
    }
    func doubles(_ count: Int) -> UnsafeMutablePointer<Double> {
      let pointer = UnsafeMutablePointer<Double>.allocate(capacity: count)
      pointer.initialize(repeating: 0, count: count)
      return pointer
    }
    firsts = integers(contextCount * width)
    counts = integers(contextCount * width)
    backoffs = doubles(contextCount * width)
    nextFirsts = integers(contextCount * width)
    nextCounts = integers(contextCount * width)
    nextBackoffs = doubles(contextCount * width)
    lengths = integers(width)
    matched = integers(width)
    tokens = .allocate(capacity: width)
    tokens.initialize(repeating: 0, count: width)
    values = doubles(width)
    places = integers(width)
    ends = integers(width)
    records = integers(width)
    lows = integers(width)
    rests = integers(width)
    searching = integers(width)
  }

  deinit {
    for pointer in [
      firsts, counts, nextFirsts, nextCounts, lengths, matched, places, ends, records, lows, rests,
      searching,
    ] {
      pointer.deallocate()
    }
    for pointer in [backoffs, nextBackoffs, values] { pointer.deallocate() }
    tokens.deallocate()
  }

  func score(
    _ all: UnsafeBufferPointer<Token>, recordEnds: [Int], end: Token?,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    var nextRecord = 0
    var laneCount = 0
    // Puts the next record into a lane; false when there is none.
    func begin(_ lane: Int) -> Bool {
      guard nextRecord < recordEnds.count else { return false }
      records[lane] = nextRecord
      places[lane] = nextRecord == 0 ? 0 : recordEnds[nextRecord - 1]
      ends[lane] = recordEnds[nextRecord]
      nextRecord += 1
      lengths[lane] = 0
      if trie.order > 1 {
        note(Int(trie.vocabulary.beginning!), level: 0, lane, firsts, counts, backoffs)
        lengths[lane] = 1
      }
      return true
    }
    while laneCount < ScoringLanes.width, begin(laneCount) { laneCount += 1 }
    while laneCount > 0 {
      // A record without a token or an end to score gives its lane away.
      var lane = 0
      while lane < laneCount {
        if places[lane] < ends[lane] {
          tokens[lane] = all[places[lane]]
        } else if let end, places[lane] == ends[lane] {
          tokens[lane] = end
        } else {
          if end == nil { scores[ends[lane] + records[lane]] = 0 }
          if !begin(lane) {
            laneCount -= 1
            move(laneCount, to: lane)
          }
          continue
        }
        lane += 1
      }
      if laneCount == 0 { return }
      step(laneCount)
      for lane in 0..<laneCount {
        scores[places[lane] + records[lane]] = values[lane] * nepersPerDecade
        places[lane] += 1
      }
    }
  }

  private func move(_ source: Int, to lane: Int) {
    guard source != lane else { return }
    let width = ScoringLanes.width
    for context in 0..<lengths[source] {
      firsts[context * width + lane] = firsts[context * width + source]
      counts[context * width + lane] = counts[context * width + source]
      backoffs[context * width + lane] = backoffs[context * width + source]
    }
    lengths[lane] = lengths[source]
    places[lane] = places[source]
    ends[lane] = ends[source]
    records[lane] = records[source]
  }

  /// Notes what a node means as a context.
  @inline(__always) private func note(
    _ node: Int, level: Int, _ lane: Int, _ firsts: UnsafeMutablePointer<Int>,
    _ counts: UnsafeMutablePointer<Int>, _ backoffs: UnsafeMutablePointer<Double>
  ) {
    let slot = level &* ScoringLanes.width &+ lane
    let children = trie.levels[level].children(node)
    firsts[slot] = children.lowerBound
    counts[slot] = children.upperBound &- children.lowerBound
    backoffs[slot] = trie.levels[level].log10Backoff(node)
  }

  /// Scores one token in each lane and moves on by it.
  private func step(_ laneCount: Int) {
    let levels = trie.levels
    let width = ScoringLanes.width
    let longest = levels.count &- 1
    for lane in 0..<laneCount {
      let token = Int(tokens[lane])
      values[lane] = levels[0].log10Probability(token)
      matched[lane] = 0
      if longest > 0 { note(token, level: 0, lane, nextFirsts, nextCounts, nextBackoffs) }
    }
    var context = 0
    while context < longest {
      // The lanes that have a context of this length and matched all shorter ones.
      var active = 0
      var largest = 0
      for lane in 0..<laneCount where matched[lane] == context && lengths[lane] > context {
        searching[active] = lane
        lows[active] = firsts[context &* width &+ lane]
        rests[active] = counts[context &* width &+ lane]
        largest = max(largest, rests[active])
        active &+= 1
      }
      if active == 0 { break }
      let next = levels[context &+ 1]
      // Halve all the runs in turn: their loads do not wait for each other.
      while largest > 1 {
        for index in 0..<active {
          let half = rests[index] &>> 1
          let middle = lows[index] &+ half
          lows[index] = next.token(middle) <= tokens[searching[index]] ? middle : lows[index]
          rests[index] &-= half
        }
        largest &-= largest &>> 1
      }
      for index in 0..<active {
        let lane = searching[index]
        let node = lows[index]
        guard rests[index] == 1, next.token(node) == tokens[lane] else { continue }
        values[lane] = next.log10Probability(node)
        matched[lane] = context &+ 1
        if context &+ 1 < longest {
          note(node, level: context &+ 1, lane, nextFirsts, nextCounts, nextBackoffs)
        }
      }
      context &+= 1
    }
    for lane in 0..<laneCount {
      var index = matched[lane]
      while index < lengths[lane] {
        values[lane] += backoffs[index &* width &+ lane]
        index &+= 1
      }
      lengths[lane] = min(matched[lane] &+ 1, longest)
    }
    swap(&firsts, &nextFirsts)
    swap(&counts, &nextCounts)
    swap(&backoffs, &nextBackoffs)
  }
}
