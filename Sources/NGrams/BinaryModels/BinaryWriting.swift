// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

extension BackoffEstimation {
  /// Writes the model in its binary form: the bytes that `BackoffModel.write` would write, without having
  /// it in memory.
  ///
  /// One pass takes the values as they are estimated, column by column; a second one packs them, since
  /// the widths of records follow from all of them. Only for models of single precision.
  func writeBinary(to sink: ByteSink, threads: Int) throws {
    precondition(isSingle)
    var columns: [LevelColumns] = []
    let decompression = BlockStore.Decompression()
    for level in 0..<order {
      let values = LevelColumns(
        isLast: level + 1 == order, allowance: allowance, directory: directory, decompression)
      try fill(values, threads: threads)
      columns.append(values)
    }
    var layout = PackedTrieLayout(vocabulary, levels: columns.map(\.shape))
    for level in 1..<order {
      layout.levels[level].longestRun = columns[level - 1].longestRun
      layout.levels[level].homeCount =
        SlotPlacing(nodeCount: columns[level - 1].longNodeCount).homeCount
    }
    var pieces = PieceSpool(allowance: allowance, directory: directory)
    for level in 0..<order {
      try columns[level].writeTables(to: &pieces)
      // The children's runs are read again for their slots.
      let keys = level > 0 ? try slotKeys(columns[level - 1], columns[level]) : nil
      try columns[level].writeRecords(layout, level: level, to: &pieces)
      if let keys {
        layout.levels[level].slotCount = try write(
          keys, columns[level - 1].longNodeCount, width: layout.slotWidth(level), to: &pieces)
      }
      if level > 0 { columns[level - 1].dropValues() }
    }
    try pieces.finish()
    precondition(pieces.byteCount == layout.offsets.last! - layout.levelOffset)
    try layout.writeFront(vocabulary, sums: pieces.sums, to: sink)
    try pieces.write(to: sink)
  }

  /// Takes the values of the next level.
  private func fill(_ columns: LevelColumns, threads: Int) throws {
    let hasBackoffs = !columns.isLast
    try orderedParallelMap(
      threads: min(threads, max(1, memoryByteCount >> 24)), next: { try self.nextBlock() },
      transform: { NodeBlock($0, hasBackoffs: hasBackoffs) },
      emit: { try columns.append($0) })
    try columns.finish()
  }

  /// The slots' keys of a level, or nothing where it has no long runs.
  private func slotKeys(_ parents: LevelColumns, _ level: LevelColumns) throws -> SortedRecords? {
    guard parents.longNodeCount > 0 else { return nil }
    let sorter = ExternalSorter(
      keyBitCount: 64, hasPayload: false, equalKeys: .sum, allowance: allowance,
      mergeByteCount: memoryByteCount / 16, directory: directory)
    let capacity = min(parents.longNodeCount, max(memoryByteCount >> 9, 1 << 15))
    let feed = SortFeed(sorter, capacity: capacity, threads: 0)
    level.tokens.rewind(keepingBlocks: true)
    parents.childCounts.rewind(keepingBlocks: false)
    var first = 0
    for _ in 0..<parents.count {
      let count = Int(try parents.childCounts.next())
      let isLong = PackedTrie.hasSlots(count)
      for place in 0..<count {
        let token = try level.tokens.next()
        if isLong { try feed.next()[0] = SlotPlacing.key(token, place: place, runFrom: first) }
      }
      first += count
    }
    return try feed.sorted()
  }

  /// Writes the slots of a level and returns how many there are.
  private func write(
    _ keys: SortedRecords, _ nodeCount: Int, width: Int, to pieces: inout PieceSpool
  ) throws -> Int {
    var placing = SlotPlacing(nodeCount: nodeCount)
    var fields = FieldSection(width: width)
    while let batch = try keys.next(capacity: 4096) {
      for index in 0..<batch.count {
        let next = placing.count
        let slot = placing.slot(of: batch.keys[index])
        for _ in next..<slot { try fields.append(to: &pieces) { $0.append(0, width) } }
        let entry = SlotPlacing.entry(batch.keys[index])
        try fields.append(to: &pieces) { $0.append(entry, width) }
      }
    }
    for _ in placing.count..<placing.slotCount {
      try fields.append(to: &pieces) { $0.append(0, width) }
    }
    try fields.finish(to: &pieces)
    return placing.slotCount
  }
}

/// The n-grams of a block as a model file has them.
private final class NodeBlock: Sendable {
  let tokens: [Token]
  let childCounts: [UInt32]
  /// Log10; no back-offs on the last level.
  let probabilities: [Float]
  let backoffs: [Float]

  init(_ block: LevelBlock, hasBackoffs: Bool) {
    var (tokens, childCounts): ([Token], [UInt32]) = ([], [])
    var (probabilities, backoffs): ([Float], [Float]) = ([], [])
    block.forEachKept { nGram, index, _ in
      tokens.append(nGram[block.length - 1])
      probabilities.append(Float(log10Value(block.probabilities[index], isSingle: true)))
      guard hasBackoffs else { return }
      childCounts.append(block.childCounts[index])
      backoffs.append(Float(log10Value(block.backoffs[index], isSingle: true)))
    }
    self.tokens = tokens
    self.childCounts = childCounts
    self.probabilities = probabilities
    self.backoffs = backoffs
  }
}

/// The values of one level, column by column.
private final class LevelColumns {
  let tokens: ValueStore<Token>
  let childCounts: ValueStore<UInt32>
  private let probabilities: ValueStore<Float>
  private let backoffs: ValueStore<Float>
  let isLast: Bool
  private(set) var count = 0
  /// Their tables, as long as there are few different values.
  private var probabilityTable: ValueTable? = ValueTable()
  private var backoffTable: ValueTable?
  /// Nodes of the next level in long runs, and in the longest.
  private(set) var longNodeCount = 0
  private(set) var longestRun = 0

  /// - decompression: what the columns of all levels share.
  init(
    isLast: Bool, allowance: MemoryAllowance, directory: String,
    _ decompression: BlockStore.Decompression
  ) {
    self.isLast = isLast
    tokens = ValueStore(
      allowance: allowance, directory: directory, isCompressed: true, decompression: decompression)
    childCounts = ValueStore(
      allowance: allowance, directory: directory, isCompressed: true, decompression: decompression)
    probabilities = ValueStore(
      allowance: allowance, directory: directory, decompression: decompression)
    backoffs = ValueStore(
      allowance: allowance, directory: directory, decompression: decompression)
    backoffTable = isLast ? nil : ValueTable()
  }

  func append(_ block: NodeBlock) throws {
    count += block.tokens.count
    for token in block.tokens { try tokens.append(token) }
    for value in block.probabilities { try probabilities.append(value) }
    for value in block.backoffs { try backoffs.append(value) }
    for childCount in block.childCounts {
      try childCounts.append(childCount)
      guard PackedTrie.hasSlots(Int(childCount)) else { continue }
      longNodeCount += Int(childCount)
      longestRun = max(longestRun, Int(childCount))
    }
    LevelColumns.insert(
      block.probabilities, into: &probabilityTable, limit: LevelTables.probabilityLimit)
    LevelColumns.insert(block.backoffs, into: &backoffTable, limit: LevelTables.backoffLimit)
  }

  private static func insert(_ values: [Float], into table: inout ValueTable?, limit: Int) {
    for value in values where table != nil {
      table!.insert(Double(value))
      if table!.count > limit { table = nil }
    }
  }

  func finish() throws {
    try tokens.finish()
    try childCounts.finish()
    try probabilities.finish()
    try backoffs.finish()
  }

  /// Gives back the memory of what has been read.
  func dropValues() {
    tokens.drop()
    childCounts.drop()
    probabilities.drop()
    backoffs.drop()
  }

  /// What a model's header says of the level; its slots are those of the runs that its parents have.
  var shape: PackedTrieLayout.Level {
    PackedTrieLayout.Level(
      nodeCount: count, probabilityCount: probabilityTable?.count ?? 0,
      backoffCount: backoffTable?.count ?? 0, homeCount: 0, slotCount: 0, longestRun: 0)
  }

  func writeTables(to pieces: inout PieceSpool) throws {
    try probabilityTable?.withBytes { try pieces.append($0) }
    try backoffTable?.withBytes { try pieces.append($0) }
  }

  func writeRecords(
    _ layout: PackedTrieLayout, level: Int, to pieces: inout PieceSpool
  ) throws {
    let packing = RecordPacking(
      layout, level: level, probabilities: probabilityTable, backoffs: backoffTable)
    var fields = FieldSection(width: layout.recordWidth(level))
    var firstChild = 0
    tokens.rewind(keepingBlocks: false)
    // The next level's slots want them again.
    childCounts.rewind(keepingBlocks: true)
    for _ in 0..<count {
      let (token, probability) = (try tokens.next(), Double(try probabilities.next()))
      let backoff = isLast ? 0 : Double(try backoffs.next())
      try fields.append(to: &pieces) {
        packing.append(
          token, probability: probability, backoff: backoff, firstChild: firstChild, to: &$0)
      }
      if !isLast { firstChild += Int(try childCounts.next()) }
    }
    try fields.append(to: &pieces) { packing.appendEnd(firstChild: firstChild, to: &$0) }
    try fields.finish(to: &pieces)
  }
}
