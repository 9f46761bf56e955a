// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

// The two ways to score a block that follow from the protocol alone.

extension LanguageModel {
  /// One record after the other, token by token.
  func scoreOneByOne(_ block: TokenBlock, into scores: inout MutableSpan<Double>) {
    let end = ending == .predicted ? vocabulary.end : nil
    var slot = 0
    var start = 0
    for recordEnd in block.recordEnds {
      var state = self.start
      for index in start..<recordEnd {
        scores[slot] = logProbability(of: block.tokens[index], advancing: &state)
        slot += 1
      }
      scores[slot] = end.map { logProbability(of: $0, after: state) } ?? 0
      slot += 1
      start = recordEnd
    }
  }

  /// `batchCount` records at a time: each keeps its place in the batch until it ends, when the next
  /// record takes the place.
  func scoreInLockStep(_ block: TokenBlock, into scores: inout MutableSpan<Double>) {
    let end = ending == .predicted ? vocabulary.end : nil
    let width = vocabulary.count
    var rows = [Double](repeating: 0, count: min(batchCount, block.recordEnds.count) * width)
    var nextRecord = 0
    var states: [State] = []
    /// For each state the record it reads and the index of the token that it predicts next.
    var places: [(record: Int, index: Int)] = []
    while true {
      while places.count < batchCount, nextRecord < block.recordEnds.count {
        states.append(start)
        places.append((nextRecord, nextRecord == 0 ? 0 : block.recordEnds[nextRecord - 1]))
        nextRecord += 1
      }
      if places.isEmpty { return }
      rows.withUnsafeMutableBufferPointer { buffer in
        var span = MutableSpan(
          _unsafeElements: UnsafeMutableBufferPointer(rebasing: buffer[..<(places.count * width)]))
        logProbabilities(after: states, into: &span)
      }
      var tokens: [Token] = []
      var kept: [Int] = []
      for (row, place) in places.enumerated() {
        let slot = place.index + place.record
        if place.index == block.recordEnds[place.record] {
          scores[slot] = end.map { rows[row * width + Int($0)] } ?? 0
        } else {
          let token = block.tokens[place.index]
          scores[slot] = rows[row * width + Int(token)]
          tokens.append(token)
          kept.append(row)
        }
      }
      if kept.count < places.count {
        states = kept.map { states[$0] }
        places = kept.map { places[$0] }
      }
      advance(&states, with: tokens)
      for index in places.indices { places[index].index += 1 }
    }
  }
}
