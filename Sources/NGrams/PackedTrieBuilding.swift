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
      let isSingle = values.allSatisfy { Double(Float($0)) == $0 }
      let found = isSingle ? ValueTable(values, limit: 1 << 12) : ValueTable(values)
      probabilityTables.append(found ?? ValueTable([])!)
      backoffTables.append(ValueTable(level + 1 < table.order ? table.log10Backoffs[level] : [])!)
    }
    let layout = PackedTrieLayout(
      vocabularyCount: vocabulary.count, tokenizerFingerprint: vocabulary.tokenizerFingerprint,
      decodingByteCount: decoding.count, spellingByteCount: spellings.byteCount,
      slotCount: spellings.slotCount,
      levels: (0..<table.order).map {
        PackedTrieLayout.Level(
          nodeCount: table.nodeCount(level: $0), probabilityCount: probabilityTables[$0].count,
          backoffCount: backoffTables[$0].count)
      })
    let memory = TrieMemory(byteCount: layout.offsets.last!)
    let offsets = layout.offsets
    func copy(_ source: UnsafeRawPointer?, _ byteCount: Int, section: Int) {
      guard let source, byteCount > 0 else { return }
      memory.bytes.baseAddress!.advanced(by: offsets[section])
        .copyMemory(from: source, byteCount: byteCount)
    }
    copy(decoding, decoding.count, section: 0)
    copy(spellings.offsets, 8 * (spellings.count + 1), section: 1)
    copy(spellings.bytes, spellings.byteCount, section: 2)
    copy(spellings.slots, 8 * spellings.slotCount, section: 3)
    for level in 0..<table.order {
      copy(
        probabilityTables[level].values, 8 * probabilityTables[level].count, section: 4 + 3 * level)
      copy(backoffTables[level].values, 8 * backoffTables[level].count, section: 5 + 3 * level)
      var writer = BitWriter(memory.bytes.baseAddress! + offsets[6 + 3 * level])
      let isLast = level + 1 == table.order
      let isSingle = probabilityTables[level].count == 0
      let count = table.nodeCount(level: level)
      for node in 0...count {
        let isEnd = node == count
        if level > 0 {
          writer.append(
            isEnd ? 0 : UInt64(table.token(level: level, node: node)), layout.tokenWidth(level))
        }
        let probability = isEnd ? 0 : table.log10Probabilities[level][node]
        writer.append(
          isEnd
            ? 0
            : isSingle
              ? UInt64(Float(probability).bitPattern)
              : probabilityTables[level].number(of: probability),
          layout.probabilityWidth(level))
        if !isLast {
          writer.append(
            isEnd ? 0 : backoffTables[level].number(of: table.log10Backoffs[level][node]),
            layout.backoffWidth(level))
          writer.append(
            UInt64(table.firstChild(level: level, node: node)), layout.childWidth(level))
        }
      }
      writer.finish()
    }
    layout.writeHeader(into: memory.bytes)
    self.init(
      layout, bytes: UnsafeRawBufferPointer(memory.bytes), vocabulary: vocabulary, owner: memory)
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
private struct ValueTable {
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

  mutating func finish() { target.storeBytes(of: word.littleEndian, as: UInt64.self) }
}
