// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

extension PackedTrie {
  /// Packs the values of a model.
  convenience init(_ table: BackoffTable) {
    let vocabulary = table.vocabulary
    let levels = (0..<table.order).map { LevelTables(table, level: $0) }
    let keys = (0..<table.order).map { SlotKeys(table, level: $0) }
    let layout = PackedTrieLayout(
      vocabulary,
      levels: (0..<table.order).map {
        PackedTrieLayout.Level(
          nodeCount: table.nodeCount(level: $0),
          probabilityCount: levels[$0].probabilities?.count ?? 0,
          backoffCount: levels[$0].backoffs?.count ?? 0, homeCount: keys[$0].homeCount,
          slotCount: keys[$0].slotCount, longestRun: keys[$0].longestRun)
      })
    let memory = TrieMemory(byteCount: layout.offsets.last!)
    let start = memory.bytes.baseAddress!
    for level in 0..<table.order {
      levels[level].probabilities?.write(to: start + layout.offset(.probabilities, of: level))
      levels[level].backoffs?.write(to: start + layout.offset(.backoffs, of: level))
      let packing = RecordPacking(
        layout, level: level, probabilities: levels[level].probabilities,
        backoffs: levels[level].backoffs)
      table.pack(
        level: level, packing, width: layout.recordWidth(level),
        to: start + layout.offset(.records, of: level))
      keys[level].fill(
        start + layout.offset(.slots, of: level), width: layout.slotWidth(level))
    }
    let bytes = UnsafeRawBufferPointer(memory.bytes)
    layout.writeFront(
      vocabulary, sums: layout.pieceChecksums(of: bytes), into: memory.bytes)
    self.init(layout, bytes: bytes, vocabulary: vocabulary, owner: memory)
  }
}

/// The tables of one level's values, where there are few different ones, as of back-offs and after
/// quantisation, or where single precision loses.
struct LevelTables {
  /// Values at most, of those that could stand in the records themselves.
  static let probabilityLimit = 1 << 12
  static let backoffLimit = 1 << 16

  let probabilities: ValueTable?
  let backoffs: ValueTable?

  init(_ table: BackoffTable, level: Int) {
    func values(_ values: [Double], limit: Int, where isDirect: (Double) -> Bool) -> ValueTable? {
      ValueTable(values, limit: values.allSatisfy(isDirect) ? limit : .max)
    }
    probabilities = values(
      table.log10Probabilities[level], limit: LevelTables.probabilityLimit
    ) { Double(Float($0)) == $0 && $0 <= 0 }
    backoffs =
      level + 1 < table.order
      ? values(table.log10Backoffs[level], limit: LevelTables.backoffLimit) {
        Double(Float($0)) == $0
      } : nil
  }
}

extension BackoffTable {
  /// Packs the records of one level, on all cores.
  ///
  /// - target: room for them, and eight bytes more.
  fileprivate func pack(
    level: Int, _ packing: RecordPacking, width: Int, to target: UnsafeMutableRawPointer
  ) {
    // A multiple of 64, so that the records of a run begin at a word: threads write different words.
    let runLength = 1 << 16
    nonisolated(unsafe) let target = target
    let count = nodeCount(level: level)
    let runCount = count / runLength + 1
    let isLast = level + 1 == order
    let (probabilities, backoffs) = (log10Probabilities[level], log10Backoffs[level])
    let (tokens, firstChildren) = (levels[level].tokens, levels[level].firstChildren)
    Threads.forEach(count: runCount, threads: runCount > 2 ? Machine.availableCores : 1) { run in
      var writer = BitWriter(target + run * runLength / 8 * width)
      for node in run * runLength..<min(count, (run + 1) * runLength) {
        packing.append(
          tokens[node], probability: probabilities[node], backoff: isLast ? 0 : backoffs[node],
          firstChild: isLast ? 0 : Int(firstChildren[node]), to: &writer)
      }
      if run + 1 == runCount {
        packing.appendEnd(
          firstChild: isLast ? 0 : Int(firstChildren[count]), to: &writer)
      }
      writer.finish()
    }
  }
}

/// The nodes of one level's long runs, sorted by their slots.
private struct SlotKeys {
  private var keys: [UInt64] = []
  private var placing = SlotPlacing(nodeCount: 0)
  private(set) var longestRun = 0

  var homeCount: Int { placing.homeCount }
  var slotCount: Int { placing.slotCount }

  init(_ table: BackoffTable, level: Int) {
    guard level > 0 else { return }
    let tokens = table.levels[level].tokens
    for parent in 0..<table.nodeCount(level: level - 1) {
      let first = table.firstChild(level: level - 1, node: parent)
      let count = table.firstChild(level: level - 1, node: parent + 1) - first
      guard PackedTrie.hasSlots(count) else { continue }
      longestRun = max(longestRun, count)
      for place in 0..<count {
        keys.append(SlotPlacing.key(tokens[first + place], place: place, runFrom: first))
      }
    }
    placing = SlotPlacing(nodeCount: keys.count)
    RecordSort.sort(&keys)
    forEachSlot { _, _ in }
  }

  private mutating func forEachSlot(_ body: (Int, UInt64) -> Void) {
    var previous: UInt64?
    for key in keys where key != previous {
      body(placing.slot(of: key), SlotPlacing.entry(key))
      previous = key
    }
  }

  /// - target: zeros.
  func fill(_ target: UnsafeMutableRawPointer, width: Int) {
    guard slotCount > 0 else { return }
    var copy = self
    copy.placing = SlotPlacing(nodeCount: keys.count)
    var writer = BitWriter(target)
    var next = 0
    copy.forEachSlot { slot, entry in
      while next < slot {
        writer.append(0, width)
        next += 1
      }
      writer.append(entry, width)
      next += 1
    }
    writer.finish()
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
