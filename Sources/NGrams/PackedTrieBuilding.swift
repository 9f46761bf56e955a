// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

extension PackedTrie {
  /// Packs the values of a model.
  convenience init(_ table: BackoffTable) {
    let vocabulary = table.vocabulary
    let spellings = vocabulary.mappedSpellings
    let decoding = Array(vocabulary.decoding.description.utf8)
    var probabilityTables: [ValueTable] = []
    var backoffTables: [ValueTable] = []
    for level in 0..<table.order {
      let values = table.log10Probabilities[level]
      // A table where there are few values, as after quantisation, or where single precision loses.
      let isSingle = values.allSatisfy { Double(Float($0)) == $0 && $0 <= 0 }
      let found = isSingle ? ValueTable(values, limit: 1 << 12) : ValueTable(values)
      probabilityTables.append(found ?? ValueTable([])!)
      backoffTables.append(ValueTable(level + 1 < table.order ? table.log10Backoffs[level] : [])!)
    }
    let layout = PackedTrieLayout(
      vocabularyCount: vocabulary.count, tokenizerFingerprint: vocabulary.tokenizerFingerprint,
      decodingByteCount: decoding.count, spellingByteCount: spellings.byteCount,
      slotCount: spellings.slotCount,
      levels: (0..<table.order).map {
        let (nodeCount, longestRun) = table.longRuns(level: $0)
        return PackedTrieLayout.Level(
          nodeCount: table.nodeCount(level: $0), probabilityCount: probabilityTables[$0].count,
          backoffCount: backoffTables[$0].count, slotCount: PackedTrie.slotCount(of: nodeCount),
          longestRun: longestRun)
      })
    let memory = TrieMemory(byteCount: layout.offsets.last!)
    let offsets = layout.offsets
    func copy(_ source: UnsafeRawPointer?, _ byteCount: Int, to offset: Int) {
      guard let source, byteCount > 0 else { return }
      (memory.bytes.baseAddress! + offset).copyMemory(from: source, byteCount: byteCount)
    }
    copy(decoding, decoding.count, to: offsets[1])
    copy(spellings.offsets, 8 * (spellings.count + 1), to: offsets[2])
    copy(spellings.bytes, spellings.byteCount, to: offsets[3])
    copy(spellings.slots, 8 * spellings.slotCount, to: offsets[4])
    for level in 0..<table.order {
      let (probabilities, backoffs) = (probabilityTables[level], backoffTables[level])
      copy(
        probabilities.values, 8 * probabilities.count, to: layout.offset(.probabilities, of: level))
      copy(backoffs.values, 8 * backoffs.count, to: layout.offset(.backoffs, of: level))
      let packing = RecordPacking(
        table: table, level: level, probabilities: probabilities, backoffs: backoffs,
        layout: layout, target: memory.bytes.baseAddress! + layout.offset(.records, of: level))
      packing.run()
      if layout.levels[level].slotCount > 0 {
        table.fillSlots(
          layout.level(level, in: UnsafeRawBufferPointer(memory.bytes)),
          level: level, target: memory.bytes.baseAddress! + layout.offset(.slots, of: level))
      }
    }
    layout.writeHeader(into: memory.bytes)
    self.init(
      layout, bytes: UnsafeRawBufferPointer(memory.bytes), vocabulary: vocabulary, owner: memory)
  }
}

/// The records of one level, packed on all cores.
///
/// Unsafe: `target` has room for the layout's section of records; threads write different words of it.
private struct RecordPacking: @unchecked Sendable {
  /// A multiple of 64, so that the records of a run begin at a word.
  static let runLength = 1 << 16

  let table: BackoffTable
  let level: Int
  let probabilities: ValueTable
  let backoffs: ValueTable
  let layout: PackedTrieLayout
  let target: UnsafeMutableRawPointer

  func run() {
    // The record after the last is one of them.
    let count = table.nodeCount(level: level) + 1
    let runCount = (count + RecordPacking.runLength - 1) / RecordPacking.runLength
    Threads.forEach(count: runCount, threads: runCount > 2 ? Machine.availableCores : 1) { run in
      let start = run * RecordPacking.runLength
      pack(start..<min(count, start + RecordPacking.runLength))
    }
  }

  private func pack(_ nodes: Range<Int>) {
    var writer = BitWriter(target + nodes.lowerBound / 8 * layout.recordWidth(level))
    let isLast = level + 1 == table.order
    let isSingle = probabilities.count == 0
    let count = table.nodeCount(level: level)
    let tokenWidth = layout.tokenWidth(level)
    let probabilityWidth = layout.probabilityWidth(level)
    let backoffWidth = layout.backoffWidth(level)
    let childWidth = layout.childWidth(level)
    let (values, weights) = (table.log10Probabilities[level], table.log10Backoffs[level])
    for node in nodes {
      let isEnd = node == count
      if level > 0 {
        writer.append(isEnd ? 0 : UInt64(table.token(level: level, node: node)), tokenWidth)
      }
      let probability = isEnd ? 0 : values[node]
      writer.append(
        isEnd
          ? 0
          : isSingle
            ? UInt64(Float(-probability).bitPattern & 0x7FFF_FFFF)
            : probabilities.number(of: probability),
        probabilityWidth)
      if !isLast {
        writer.append(
          isEnd ? 0 : backoffs.number(of: weights[node]), backoffWidth)
        writer.append(UInt64(table.firstChild(level: level, node: node)), childWidth)
      }
    }
    writer.finish()
  }
}

extension BackoffTable {
  /// The runs of a level that are long: their nodes in all, and the most in one.
  fileprivate func longRuns(level: Int) -> (nodeCount: Int, longest: Int) {
    guard level > 0 else { return (0, 0) }
    var total = 0
    var longest = 0
    forEachLongRun(level: level) { run in
      total += run.count
      longest = max(longest, run.count)
    }
    return (total, longest)
  }

  private func forEachLongRun(level: Int, _ body: (Range<Int>) -> Void) {
    levels[level - 1].firstChildren.withUnsafeBufferPointer { firstChildren in
      for parent in 0..<max(firstChildren.count - 1, 0) {
        let (start, end) = (Int(firstChildren[parent]), Int(firstChildren[parent + 1]))
        if end - start > PackedTrie.shortRunLength { body(start..<end) }
      }
    }
  }

  /// - target: zeros.
  fileprivate func fillSlots(
    _ packed: PackedTrie.Level, level: Int, target: UnsafeMutableRawPointer
  ) {
    let (count, width) = (packed.slotCount, packed.slotWidth)
    let tokens = levels[level].tokens
    forEachLongRun(level: level) { run in
      for node in run {
        let hash = PackedTrie.slotHash(tokens[node], runFrom: run.lowerBound)
        var slot = PackedTrie.slot(of: hash, slotCount: count)
        while packed.slotEntry(slot) != 0 { slot = slot + 1 == count ? 0 : slot + 1 }
        let entry =
          UInt64(node - run.lowerBound + 1) << UInt64(PackedTrie.slotTagWidth)
          | PackedTrie.slotTag(of: hash)
        let place = target + slot * width / 8
        let word = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self))
        place.storeBytes(
          of: (word | entry << UInt64(slot * width & 7)).littleEndian, as: UInt64.self)
      }
    }
  }
}

/// Zeroed memory with one owner.
private final class TrieMemory {
  let bytes: UnsafeMutableRawBufferPointer

  init(byteCount: Int) {
    bytes = .allocate(byteCount: byteCount, alignment: 8)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { bytes.deallocate() }
}

/// Distinct values, numbered in order of first appearance.
private struct ValueTable: Sendable {
  private(set) var values: [Double] = []
  /// Numbers plus one, by the hash of their value; zero for empty.
  private var slots = [UInt32](repeating: 0, count: 1024)

  /// - Returns: nothing when there are more than `limit` values.
  init?(_ all: [Double], limit: Int = .max) {
    for value in all where slots[slot(of: value)] == 0 {
      if values.count == limit { return nil }
      values.append(value)
      slots[slot(of: value)] = UInt32(values.count)
      if values.count * 2 > slots.count { grow() }
    }
  }

  var count: Int { values.count }

  func number(of value: Double) -> UInt64 { UInt64(slots[slot(of: value)] - 1) }

  private func slot(of value: Double) -> Int {
    let hash = value.bitPattern &* 0x9E37_79B9_7F4A_7C15
    var slot = Int(truncatingIfNeeded: hash >> 32) & (slots.count - 1)
    while slots[slot] != 0, values[Int(slots[slot]) - 1].bitPattern != value.bitPattern {
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: 4 * slots.count)
    for (number, value) in values.enumerated() { slots[slot(of: value)] = UInt32(number + 1) }
  }
}

/// Appends fields of bits, lowest first, to memory that is large enough and eight bytes more.
private struct BitWriter {
  private var target: UnsafeMutableRawPointer
  private var word: UInt64 = 0
  private var filled = 0

  init(_ target: UnsafeMutableRawPointer) { self.target = target }

  mutating func append(_ value: UInt64, _ width: Int) {
    guard width > 0 else { return }
    word |= value &<< UInt64(filled)
    filled += width
    if filled >= 64 {
      target.storeBytes(of: word.littleEndian, as: UInt64.self)
      target += 8
      filled -= 64
      word = filled == 0 ? 0 : value >> UInt64(width - filled)
    }
  }

  mutating func finish() {
    if filled > 0 { target.storeBytes(of: word.littleEndian, as: UInt64.self) }
  }
}
