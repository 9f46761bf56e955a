// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// A set of byte strings, each with a number, walked byte by byte from any place of a text.
///
/// Nodes are numbered in order of creation, the root is 0. Transitions lie in one open-addressing
/// table of 8-byte entries: half the memory of child lists, one probe a step.
///
/// Unsafe in one place: `slots` has `mask + 1` entries (node and byte above, target below, zero for
/// empty), `values` one number a node; both live as long as this object.
final class PieceTrie: @unchecked Sendable {
  var slots: UnsafeMutablePointer<UInt64>
  var mask: Int
  var values: UnsafeMutablePointer<Int32>
  private var valueCapacity: Int
  /// Number of nodes, the root among them.
  private(set) var nodeCount = 1

  init(capacity: Int = 256) {
    var size = 512
    while size < capacity * 2 { size *= 2 }
    mask = size - 1
    slots = .allocate(capacity: size)
    slots.initialize(repeating: 0, count: size)
    valueCapacity = max(capacity, 256)
    values = .allocate(capacity: valueCapacity)
    values[0] = -1
  }

  deinit {
    slots.deallocate()
    values.deallocate()
  }

  /// The node after `byte`, or -1.
  func child(of node: Int, _ byte: UInt8) -> Int {
    let key = UInt64(truncatingIfNeeded: node) &<< 8 | UInt64(byte)
    var slot = PieceTrie.slot(of: key) & mask
    while true {
      let entry = slots[slot]
      if entry == 0 { return -1 }
      if entry &>> 32 == key { return Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) }
      slot = (slot &+ 1) & mask
    }
  }

  /// The number of the string that ends at `node`, or -1.
  func value(at node: Int) -> Int { Int(values[node]) }

  /// The node of a string, or -1.
  func node(of string: some Sequence<UInt8>, from start: Int = 0) -> Int {
    var node = start
    for byte in string {
      node = child(of: node, byte)
      if node < 0 { return -1 }
    }
    return node
  }

  /// Adds a string; returns the number it had before, or -1 when it is new.
  @discardableResult
  func insert(_ string: some Sequence<UInt8>, value: Int) -> Int {
    var node = 0
    for byte in string {
      let next = child(of: node, byte)
      node = next >= 0 ? next : append(node, byte)
    }
    let old = Int(values[node])
    values[node] = Int32(value)
    return old
  }

  /// The longest string that is a prefix of `text` from `start` on: its number and end.
  func longestPrefix(
    of text: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> (value: Int, end: Int)? {
    var node = 0
    var index = start
    var found: (value: Int, end: Int)?
    while index < text.count {
      node = child(of: node, text[index])
      if node < 0 { break }
      index &+= 1
      if values[node] >= 0 { found = (Int(values[node]), index) }
    }
    return found
  }

  static func slot(of key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 32)
  }

  private func append(_ node: Int, _ byte: UInt8) -> Int {
    // Twenty-four bits hold a node in a key.
    precondition(nodeCount < 1 << 24, "more than 16 million trie nodes")
    if nodeCount * 2 >= mask { growSlots() }
    if nodeCount == valueCapacity { growValues() }
    let target = nodeCount
    nodeCount += 1
    values[target] = -1
    place(UInt64(node) << 8 | UInt64(byte), target)
    return target
  }

  private func place(_ key: UInt64, _ target: Int) {
    var slot = PieceTrie.slot(of: key) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = key << 32 | UInt64(target)
  }

  private func growSlots() {
    let old = UnsafeBufferPointer(start: slots, count: mask + 1)
    mask = mask * 2 + 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: 0, count: mask + 1)
    for entry in old where entry != 0 { place(entry >> 32, Int(entry & 0xFFFF_FFFF)) }
    old.deallocate()
  }

  private func growValues() {
    let larger = UnsafeMutablePointer<Int32>.allocate(capacity: valueCapacity * 2)
    larger.update(from: values, count: nodeCount)
    values.deallocate()
    values = larger
    valueCapacity *= 2
  }
}
