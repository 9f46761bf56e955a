// SPDX-License-Identifier: Apache-2.0

/// A finished trie laid out for walking: a double array, one load a byte, the children of a node near
/// one another.
///
/// Reference: Aoe 1989, «An efficient digital search algorithm by using a double-array structure»;
/// targets are found by exclusive or, so that those of a node lie in one block of 256.
///
/// Unsafe in one place: `units` has a multiple of 256 entries, and every `base` is one of their indices.
final class CompactTrie: @unchecked Sendable {
  struct Unit {
    /// The children are at base ^ byte.
    var base: Int32 = 0
    /// The parent's index; -1 for a unit that is not in use.
    var check: Int32 = -1
    /// The number of the string that ends here, or -1.
    var value: Int32 = -1
  }

  let units: UnsafeMutablePointer<Unit>
  let count: Int

  /// The node of the empty string.
  static let root = 0

  init(_ trie: PieceTrie) {
    var layout = DoubleArrayLayout(trie.nodeCount)
    let (bounds, children) = trie.childLists()
    // Breadth first: what is walked most lies together.
    var places = [Int32](repeating: -1, count: trie.nodeCount)
    places[0] = 0
    var queue: [Int32] = [0]
    queue.reserveCapacity(trie.nodeCount)
    layout.units[0] = Unit(base: 0, check: -1, value: Int32(trie.value(at: 0)))
    var next = 0
    while next < queue.count {
      let node = Int(queue[next])
      next += 1
      let list = children[Int(bounds[node])..<Int(bounds[node + 1])]
      guard !list.isEmpty else { continue }
      let place = Int(places[node])
      let base = layout.place(list)
      layout.units[place].base = Int32(base)
      for child in list {
        let target = base ^ Int(child.byte)
        layout.units[target].check = Int32(place)
        layout.units[target].value = Int32(trie.value(at: Int(child.node)))
        places[Int(child.node)] = Int32(target)
        queue.append(child.node)
      }
    }
    count = layout.units.count
    units = .allocate(capacity: count)
    layout.units.withUnsafeBufferPointer { units.initialize(from: $0.baseAddress!, count: count) }
  }

  deinit { units.deallocate() }

  /// The node after `byte`, or -1.
  @inline(__always) func child(of node: Int, _ byte: UInt8) -> Int {
    let target = Int(units[node].base) ^ Int(byte)
    return Int(units[target].check) == node ? target : -1
  }

  /// The number of the string that ends at `node`, or -1.
  @inline(__always) func value(at node: Int) -> Int { Int(units[node].value) }
}

/// Finds room for the children of each node.
private struct DoubleArrayLayout {
  var units: [CompactTrie.Unit]
  /// A bit for each unit in use.
  private var used: [UInt64]
  /// No unit before this word of bits is free.
  private var firstFree = 0

  init(_ nodeCount: Int) {
    let count = (nodeCount + 511) / 256 * 256
    units = Array(repeating: CompactTrie.Unit(), count: count)
    used = Array(repeating: 0, count: count / 64)
    // The root, and what a base of zero would lead to from it by the byte zero.
    used[0] = 1
  }

  /// A base for these children, whose units are then in use.
  mutating func place(_ children: ArraySlice<(byte: UInt8, node: Int32)>) -> Int {
    let base = base(for: children)
    for child in children {
      let target = base ^ Int(child.byte)
      used[target >> 6] |= 1 << UInt64(target & 63)
    }
    return base
  }

  private mutating func base(for children: ArraySlice<(byte: UInt8, node: Int32)>) -> Int {
    while firstFree < used.count, used[firstFree] == .max { firstFree += 1 }
    let first = Int(children.first!.byte)
    // Single children fill the holes that the others leave.
    var word = children.count == 1 ? firstFree : max(firstFree, used.count - 32)
    while word < used.count {
      var free = ~used[word]
      while free != 0 {
        let base = (word * 64 + free.trailingZeroBitCount) ^ first
        if isFree(base, children) { return base }
        free &= free - 1
      }
      word += 1
    }
    let base = units.count
    units.append(contentsOf: repeatElement(CompactTrie.Unit(), count: 256))
    used.append(contentsOf: repeatElement(0, count: 4))
    return base
  }

  private func isFree(_ base: Int, _ children: ArraySlice<(byte: UInt8, node: Int32)>) -> Bool {
    for child in children {
      let target = base ^ Int(child.byte)
      if used[target >> 6] & 1 << UInt64(target & 63) != 0 { return false }
    }
    return true
  }
}

extension PieceTrie {
  /// The children of node n are children[bounds[n]..<bounds[n + 1]], in no order.
  func childLists() -> (bounds: [Int32], children: [(byte: UInt8, node: Int32)]) {
    var bounds = [Int32](repeating: 0, count: nodeCount + 1)
    for slot in 0...mask where slots[slot] != 0 { bounds[Int(slots[slot] >> 40) + 1] += 1 }
    for node in 0..<nodeCount { bounds[node + 1] += bounds[node] }
    var ends = bounds
    var children = [(byte: UInt8, node: Int32)](repeating: (0, 0), count: nodeCount - 1)
    for slot in 0...mask where slots[slot] != 0 {
      let parent = Int(slots[slot] >> 40)
      children[Int(ends[parent])] = (
        UInt8(truncatingIfNeeded: slots[slot] >> 32),
        Int32(truncatingIfNeeded: slots[slot] & 0xFFFF_FFFF)
      )
      ends[parent] += 1
    }
    return (bounds, children)
  }
}
