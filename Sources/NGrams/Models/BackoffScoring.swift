// SPDX-License-Identifier: Apache-2.0

internal import LanguageModel
public import TokenStreams

extension BackoffModel {
  /// Scores several records of a block in turn, a token of each: while one record's n-grams come from
  /// memory, the others' are looked at.
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
/// Unsafe: `contexts` is [lanes, order - 1] (one at least) and `lanes` is [lanes], allocated and freed
/// here; lane numbers are below `width`, lengths of contexts below the order, and tokens below the
/// vocabulary's count. Where children are, the trie has bounded.
private final class ScoringLanes {
  /// Enough for the other lanes' work to last as long as a cache line takes to come.
  private static let width = 16

  /// What a context says about the token after it.
  private struct Context {
    /// Its children, on the level below.
    var first: UInt32
    var count: UInt32
    /// Its own node.
    var node: UInt32
    /// The child, among many, that is by the next token if any is, or -1.
    var candidate: Int
  }

  private struct Lane {
    var record: Int
    /// The next token, and where the record's tokens end.
    var place: Int
    var end: Int
    /// How many of the lane's contexts are in the model: of 1, 2, ... tokens.
    var length: Int
    /// The token to be scored next.
    var token: Token
    /// Whether the contexts' candidates are for it.
    var hasCandidates: Bool
  }

  private let trie: PackedTrie
  private let contextCount: Int
  private let contexts: UnsafeMutablePointer<Context>
  private let lanes: UnsafeMutablePointer<Lane>

  init(_ trie: PackedTrie) {
    self.trie = trie
    contextCount = max(trie.order - 1, 1)
    contexts = .allocate(capacity: contextCount * ScoringLanes.width)
    contexts.initialize(
      repeating: Context(first: 0, count: 0, node: 0, candidate: -1),
      count: contextCount * ScoringLanes.width)
    lanes = .allocate(capacity: ScoringLanes.width)
    lanes.initialize(
      repeating: Lane(
        record: 0, place: 0, end: 0, length: 0, token: 0, hasCandidates: false),
      count: ScoringLanes.width)
  }

  deinit {
    contexts.deallocate()
    lanes.deallocate()
  }

  /// - end: `</s>`, if the model predicts it.
  /// - scores: [all.count + recordEnds.count]
  func score(
    _ all: UnsafeBufferPointer<Token>, recordEnds: [Int], end: Token?,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    var nextRecord = 0
    /// Puts the next record that has something to score into a lane; false when there is none.
    func begin(_ lane: Int) -> Bool {
      while nextRecord < recordEnds.count {
        let record = nextRecord
        nextRecord += 1
        let start = record == 0 ? 0 : recordEnds[record - 1]
        if end == nil {
          scores[recordEnds[record] + record] = 0
          if start == recordEnds[record] { continue }
        }
        lanes[lane] = Lane(
          record: record, place: start, end: recordEnds[record], length: 0,
          token: start == recordEnds[record] ? end! : all[start], hasCandidates: false)
        if trie.order > 1 {
          contexts[lane * contextCount] = context(Int(trie.vocabulary.beginning!), level: 0)
          lanes[lane].length = 1
        }
        return true
      }
      return false
    }
    var laneCount = 0
    while laneCount < ScoringLanes.width, begin(laneCount) { laneCount += 1 }
    while laneCount > 0 {
      var index = 0
      while index < laneCount {
        let lane = lanes + index
        let place = lane.pointee.place
        scores[place &+ lane.pointee.record] =
          score(lane, contexts + index &* contextCount) * nepersPerDecade
        lane.pointee.place = place &+ 1
        if place &+ 1 < lane.pointee.end {
          lane.pointee.token = all[place &+ 1]
        } else if let end, place < lane.pointee.end {
          lane.pointee.token = end
        } else if !begin(index) {
          laneCount -= 1
          move(laneCount, to: index)
          continue
        }
        prefetch(lane, contexts + index &* contextCount)
        // Half way round, what this lane asks for now has come, and what it leads to is asked for.
        var other = index &+ ScoringLanes.width / 2
        if other >= laneCount {
          other = laneCount <= ScoringLanes.width / 2 ? index : other &- laneCount
        }
        findCandidates(lanes + other, contexts + other &* contextCount)
        index &+= 1
      }
    }
  }

  private func move(_ source: Int, to lane: Int) {
    guard source != lane else { return }
    lanes[lane] = lanes[source]
    (contexts + lane * contextCount).update(
      from: contexts + source * contextCount, count: lanes[source].length)
  }

  @inline(__always) private func context(_ node: Int, level: Int) -> Context {
    let children = trie.levels[level].children(node)
    return Context(
      first: UInt32(truncatingIfNeeded: children.lowerBound),
      count: UInt32(truncatingIfNeeded: children.upperBound &- children.lowerBound),
      node: UInt32(truncatingIfNeeded: node), candidate: -1)
  }

  /// The log10-probability of a lane's token after its contexts, which then move on by it.
  @inline(__always) private func score(
    _ lane: UnsafeMutablePointer<Lane>, _ contexts: UnsafeMutablePointer<Context>
  ) -> Double {
    let levels = trie.levels
    let longest = levels.count &- 1
    let token = lane.pointee.token
    if longest == 0 { return levels[0].log10Probability(Int(token)) }
    // Replaced from the shortest context up: each is used before its successor overwrites it.
    var node = Int(token)
    var successor = context(node, level: 0)
    let count = lane.pointee.length
    let hasCandidates = lane.pointee.hasCandidates
    var matched = 0
    while matched < count {
      let next = levels.baseAddress! + (matched &+ 1)
      let run = contexts + matched
      let (first, runLength) = (Int(run.pointee.first), Int(run.pointee.count))
      let child =
        hasCandidates && PackedTrie.hasSlots(runLength)
        ? next.pointee.index(
          of: token, from: first, count: runLength, candidate: run.pointee.candidate)
        : next.pointee.index(of: token, from: first, count: runLength)
      if child < 0 { break }
      run.pointee = successor
      matched &+= 1
      node = child
      if matched < longest { successor = context(child, level: matched) }
    }
    var result = levels[matched].log10Probability(node)
    var index = matched
    while index < count {
      result += levels[index].log10Backoff(Int(contexts[index].node))
      index &+= 1
    }
    if matched < longest {
      contexts[matched] = successor
      lane.pointee.length = matched &+ 1
    } else {
      lane.pointee.length = longest
    }
    lane.pointee.hasCandidates = false
    return result
  }

  /// Asks for what the search of a lane's token begins with.
  @inline(__always) private func prefetch(
    _ lane: UnsafeMutablePointer<Lane>, _ contexts: UnsafeMutablePointer<Context>
  ) {
    let levels = trie.levels
    let token = lane.pointee.token
    levels[0].prefetch(Int(token))
    // Of a context without children the longer ones have none either.
    for index in 0..<lane.pointee.length {
      if contexts[index].count == 0 { return }
      levels[index &+ 1].prefetch(
        token, from: Int(contexts[index].first), count: Int(contexts[index].count))
    }
  }

  /// Finds what may be the lane's n-grams where contexts have many children.
  @inline(__always) private func findCandidates(
    _ lane: UnsafeMutablePointer<Lane>, _ contexts: UnsafeMutablePointer<Context>
  ) {
    let levels = trie.levels
    for index in 0..<lane.pointee.length
    where PackedTrie.hasSlots(Int(contexts[index].count)) {
      contexts[index].candidate = levels[index &+ 1].candidate(
        for: lane.pointee.token, from: Int(contexts[index].first),
        count: Int(contexts[index].count))
    }
    lane.pointee.hasCandidates = true
  }
}
