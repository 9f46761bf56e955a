// SPDX-License-Identifier: Apache-2.0

/// Encodes text of any length by a merge graph: the longest piece that may follow the one before it,
/// and back where none may.
///
/// Reference: van Antwerpen & Neubeck 2024, «So many tokens, so little time», and their crate `bpe`:
/// each place of the text is given up at most once.
///
/// - Complexity: O(bytes).
package final class BacktrackingEncoder {
  package let graph: MergeGraph
  private var path: [MergeGraph.Number] = []
  /// A bit for each place of the text: whether a path may lead through it.
  private var places: [UInt64] = []
  /// Lately checked pairs: left, right, and the answer in the lowest bit.
  private var checked = [UInt64](repeating: .max, count: 1 << 13)

  package init(_ graph: MergeGraph) { self.graph = graph }

  /// Calls `body` with the number and the start of each piece of `text`, and with -1 for a character
  /// that no symbol spells.
  package func encode(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (_ number: MergeGraph.Number, _ start: Int) -> Void
  ) {
    path.removeAll(keepingCapacity: true)
    let wordCount = text.count / 64 + 1
    for index in 0..<min(places.count, wordCount) { places[index] = .max }
    if places.count < wordCount {
      places.append(contentsOf: repeatElement(.max, count: wordCount - places.count))
    }
    guard let base = text.baseAddress else { return }
    places.withUnsafeMutableBufferPointer { places in
      checked.withUnsafeMutableBufferPointer { checked in
        find(base, text.count, places.baseAddress!, checked.baseAddress!)
      }
    }
    if graph.hasLast { mergeLast() }
    var start = 0
    for number in path {
      body(number, start)
      start += number < 0 ? unknownLength(text, start) : Int(graph.nodes[Int(number)].byteCount)
    }
  }

  /// The merges that come after all others: all of one rank, so the leftmost first.
  private func mergeLast() {
    var kept = 0
    for index in path.indices {
      var number = path[index]
      while kept > 0, path[kept - 1] >= 0, number >= 0 {
        let joined = graph.lastJoined(path[kept - 1], number)
        if joined == .max { break }
        number = joined
        kept -= 1
      }
      path[kept] = number
      kept += 1
    }
    path.removeLast(path.count - kept)
  }

  private func unknownLength(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    min(characterLength(text[start]), text.count - start)
  }

  private func find(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ places: UnsafeMutablePointer<UInt64>,
    _ checked: UnsafeMutablePointer<UInt64>
  ) {
    let graph = graph
    let nodes = graph.nodes
    var path: [MergeGraph.Number] = []
    swap(&path, &self.path)
    var start = 0
    var last = MergeGraph.Number(-1)
    var candidate = graph.longest(text, 0, count)
    while start < count {
      if candidate < 0 {
        // No symbol: nothing merges over it.
        path.append(-1)
        last = -1
        start &+= min(characterLength(text[start]), count &- start)
        if start < count { candidate = graph.longest(text, start, count) }
        continue
      }
      let end = start &+ Int(nodes[Int(candidate)].byteCount)
      if places[end &>> 6] &>> UInt64(end & 63) & 1 != 0,
        last < 0 || isValid(last, candidate, checked)
      {
        path.append(candidate)
        last = candidate
        start = end
        if start < count { candidate = graph.longest(text, start, count) }
        continue
      }
      let shorter = nodes[Int(candidate)].prefix
      if shorter >= 0 {
        candidate = shorter
        continue
      }
      // Nothing leads on from here: give the place up, and shorten the piece that led to it.
      places[start &>> 6] &= ~(1 &<< UInt64(start & 63))
      candidate = path.removeLast()
      precondition(candidate >= 0, "a symbol can follow a character that no symbol spells")
      start &-= Int(nodes[Int(candidate)].byteCount)
      last = path.last ?? -1
    }
    swap(&path, &self.path)
  }

  @inline(__always) private func isValid(
    _ left: MergeGraph.Number, _ right: MergeGraph.Number, _ checked: UnsafeMutablePointer<UInt64>
  ) -> Bool {
    let key = UInt64(UInt32(bitPattern: left)) &<< 33 | UInt64(UInt32(bitPattern: right)) &<< 1
    let slot = checked + Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 51)
    if slot.pointee & ~1 == key { return slot.pointee & 1 != 0 }
    let isValid = graph.isValid(left, right)
    slot.pointee = key | (isValid ? 1 : 0)
    return isValid
  }
}
