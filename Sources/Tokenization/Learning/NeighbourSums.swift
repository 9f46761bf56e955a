// SPDX-License-Identifier: Apache-2.0

internal import ExternalSort
internal import TokenStreams

/// What one merge changes, gathered by neighbour: a merge touches few kinds of neighbours in many
/// words, so the table of pairs is asked once a kind.
struct NeighbourSums: ~Copyable {
  private struct Sums {
    /// Occurrences lost by (neighbour, left) and by (right, neighbour).
    var lostLeft: Int64 = 0
    var lostRight: Int64 = 0
    /// Occurrences gained by (neighbour, result) and by (result, neighbour).
    var gainedLeft: Int64 = 0
    var gainedRight: Int64 = 0
    /// Words of the gained pairs, and the last of each.
    var leftWords: UInt32 = 0
    var rightWords: UInt32 = 0
    var lastLeft = UInt32.max
    var lastRight = UInt32.max
    var isListed = false
  }

  /// By symbol.
  private var sums: [Sums] = []
  private var symbols: [Token] = []
  /// Each gained pair's words: symbol and place; the symbol's high bit says that it stands left.
  private var events: PagedArray<Event>
  private struct Event {
    var symbol: Token
    var place: UInt32
  }
  private static let leftBit: Token = 1 << 31

  init(_ memory: LearningMemory) {
    events = PagedArray(allowance: memory.allowance, directory: memory.directory)
  }

  /// Bytes of memory in use, besides what can do with less.
  var byteCount: Int { MemoryLayout<Sums>.stride * sums.capacity }

  mutating func settle() throws { try events.settle() }

  /// Forgets the last merge.
  mutating func begin(symbolCount: Int) {
    if sums.count < symbolCount {
      sums.append(contentsOf: repeatElement(Sums(), count: symbolCount * 2 - sums.count))
    }
    for symbol in symbols { sums[Int(symbol)] = Sums() }
    symbols.removeAll(keepingCapacity: true)
    // The first merges touch most words, the others few.
    if events.count > 1 << 16 { events.removeAll() } else { events.count = 0 }
  }

  @inline(__always) private mutating func list(_ symbol: Token) {
    if Int(symbol) >= sums.count {
      sums.append(contentsOf: repeatElement(Sums(), count: Int(symbol) + 1 - sums.count))
    }
    if !sums[Int(symbol)].isListed {
      sums[Int(symbol)].isListed = true
      symbols.append(symbol)
    }
  }

  @inline(__always) mutating func loseLeft(_ symbol: Token, _ count: Int64) {
    list(symbol)
    sums[Int(symbol)].lostLeft &+= count
  }

  @inline(__always) mutating func loseRight(_ symbol: Token, _ count: Int64) {
    list(symbol)
    sums[Int(symbol)].lostRight &+= count
  }

  @inline(__always) mutating func gainLeft(
    _ symbol: Token, _ count: Int64, _ place: UInt32, _ result: Token
  ) throws {
    // (result, result) is one pair, whichever side is the neighbour.
    if symbol == result { return try gainRight(symbol, count, place) }
    sums[Int(symbol)].gainedLeft &+= count
    if sums[Int(symbol)].lastLeft != place {
      sums[Int(symbol)].lastLeft = place
      sums[Int(symbol)].leftWords &+= 1
      try append(Event(symbol: symbol | NeighbourSums.leftBit, place: place))
    }
  }

  @inline(__always) mutating func gainRight(
    _ symbol: Token, _ count: Int64, _ place: UInt32
  ) throws {
    sums[Int(symbol)].gainedRight &+= count
    if sums[Int(symbol)].lastRight != place {
      sums[Int(symbol)].lastRight = place
      sums[Int(symbol)].rightWords &+= 1
      try append(Event(symbol: symbol, place: place))
    }
  }

  @inline(__always) private mutating func append(_ event: Event) throws {
    let index = events.count
    try events.grow(by: 1)
    events.touch(index)
    events.base[index] = event
  }

  /// Changes the counts, then queues the new pairs with their occurrences.
  mutating func apply(
    _ left: Token, _ right: Token, _ result: Token, to pairs: inout PairCounts,
    _ queue: inout PairQueue, _ places: inout PagedArray<UInt32>
  ) throws {
    func pair(_ a: Token, _ b: Token) -> UInt64 { UInt64(a) << 32 | UInt64(b) }
    for symbol in symbols {
      let sum = sums[Int(symbol)]
      if sum.lostLeft != 0 { try pairs.add(pair(symbol, left), -sum.lostLeft) }
      if sum.lostRight != 0 { try pairs.add(pair(right, symbol), -sum.lostRight) }
      if sum.gainedLeft != 0 { try pairs.add(pair(symbol, result), sum.gainedLeft) }
      if sum.gainedRight != 0 { try pairs.add(pair(result, symbol), sum.gainedRight) }
    }
    // The lists of the new pairs, one after the other; `last` becomes where each goes on.
    var end = places.count
    try PackedWords.check(end + events.count)
    for symbol in symbols {
      sums[Int(symbol)].lastLeft = UInt32(end)
      end += Int(sums[Int(symbol)].leftWords)
      sums[Int(symbol)].lastRight = UInt32(end)
      end += Int(sums[Int(symbol)].rightWords)
    }
    for symbol in symbols {
      let sum = sums[Int(symbol)]
      for (gained, start, length) in [
        (pair(symbol, result), sum.lastLeft, sum.leftWords),
        (pair(result, symbol), sum.lastRight, sum.rightWords),
      ] where length > 0 {
        let count = pairs[gained]
        if count > 0 {
          try queue.push(PairQueue.Entry(count: count, pair: gained, start: start, length: length))
        }
      }
    }
    try places.grow(by: end - places.count)
    for index in 0..<events.count {
      events.touch(index)
      let event = events.base[index]
      let symbol = Int(event.symbol & ~NeighbourSums.leftBit)
      let isLeft = event.symbol & NeighbourSums.leftBit != 0
      let position = Int(isLeft ? sums[symbol].lastLeft : sums[symbol].lastRight)
      places.touch(position)
      places.base[position] = event.place
      if isLeft { sums[symbol].lastLeft &+= 1 } else { sums[symbol].lastRight &+= 1 }
    }
  }
}
