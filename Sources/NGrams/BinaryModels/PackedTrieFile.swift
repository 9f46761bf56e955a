// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

extension PackedTrie {
  /// Opens the bytes of a model file, all of which are read once for their checksums.
  ///
  /// - owner: keeps the bytes alive; they are aligned to words.
  /// - Throws: `StreamError` with the offset where they are not what a model file holds.
  convenience init(checking bytes: UnsafeRawBufferPointer, name: String, owner: AnyObject)
    throws(StreamError)
  {
    let layout = try PackedTrieLayout(header: bytes, name: name)
    let offsets = layout.offsets
    guard word(2, bytes) == UInt64(offsets.last!) else {
      throw StreamError(.offset(name, 8 * 2), "corrupt model header")
    }
    guard bytes.count >= offsets.last! else {
      throw StreamError(
        .offset(name, bytes.count), "truncated model of \(offsets.last!) bytes",
        advice: "its writer did not finish")
    }
    guard bytes.count == offsets.last! else {
      throw StreamError(.offset(name, offsets.last!), "bytes after the end of the model")
    }
    guard layout.frontChecksum(of: bytes) == word(3, bytes) else {
      throw StreamError(.offset(name, 8 * 3), "corrupt model: bad checksum")
    }
    for (piece, sum) in layout.pieceChecksums(of: bytes).enumerated()
    where sum != word(offsets[0] / 8 + piece, bytes) {
      throw StreamError(
        .offset(name, layout.pieceOffset(piece)), "corrupt model: bad checksum",
        advice: "write the model anew")
    }
    let text = String(
      decoding: UnsafeRawBufferPointer(
        rebasing: bytes[offsets[1]..<offsets[1] + layout.decodingByteCount]), as: UTF8.self)
    func section<Value>(_ number: Int, as type: Value.Type) -> UnsafePointer<Value> {
      (bytes.baseAddress! + offsets[number]).assumingMemoryBound(to: type)
    }
    let spellings = MappedSpellings(
      bytes: section(3, as: UInt8.self), offsets: section(2, as: UInt64.self),
      count: layout.vocabularyCount, slots: section(4, as: UInt64.self),
      slotCount: layout.slotCount, owner: owner)
    guard let decoding = TextDecoding(text), spellings.byteCount == layout.spellingByteCount,
      let vocabulary = Vocabulary(
        mapped: spellings, decoding: decoding, tokenizerFingerprint: layout.tokenizerFingerprint),
      vocabulary.unknown == 0, vocabulary.beginning == 1, vocabulary.end == 2
    else { throw StreamError(.offset(name, offsets[1]), "corrupt vocabulary of a model") }
    self.init(layout, bytes: bytes, vocabulary: vocabulary, owner: owner)
  }
}

extension BackoffModel {
  /// Gives a changed model file the checksums of what it holds now, where its header can be read: for
  /// tests of what checksums do not find.
  package static func seal(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { bytes in
      guard let layout = try? PackedTrieLayout(header: UnsafeRawBufferPointer(bytes), name: ""),
        layout.offsets.last! == bytes.count
      else { return }
      layout.writeChecksums(
        layout.pieceChecksums(of: UnsafeRawBufferPointer(bytes)), into: bytes)
    }
  }
}

private func word(_ index: Int, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
  UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
}

extension PackedTrieLayout {
  init(header bytes: UnsafeRawBufferPointer, name: String) throws(StreamError) {
    let fixedByteCount = 8 * PackedTrieLayout.fixedWordCount
    guard bytes.count >= fixedByteCount else {
      throw StreamError(.offset(name, bytes.count), "truncated model header")
    }
    guard word(1, bytes) == PackedTrie.version else {
      throw StreamError(
        .offset(name, 8), "model version \(word(1, bytes)) is not \(PackedTrie.version)",
        advice: "use the release that wrote it, or write the model anew")
    }
    func number(_ index: Int, below limit: UInt64 = 1 << 40) throws(StreamError) -> Int {
      guard word(index, bytes) < limit else {
        throw StreamError(.offset(name, 8 * index), "corrupt model header")
      }
      return Int(word(index, bytes))
    }
    let order = try number(4, below: UInt64(CountBlock.maximumOrder) + 1)
    guard order > 0, bytes.count >= fixedByteCount + 8 * PackedTrieLayout.levelWordCount * order
    else {
      throw StreamError(.offset(name, bytes.count), "truncated model header")
    }
    vocabularyCount = try number(5, below: 1 << 32)
    tokenizerFingerprint = word(7, bytes) == 1 ? word(6, bytes) : nil
    decodingByteCount = try number(8)
    spellingByteCount = try number(9)
    slotCount = try number(10)
    levels = []
    for level in 0..<order {
      let index = PackedTrieLayout.fixedWordCount + PackedTrieLayout.levelWordCount * level
      levels.append(
        Level(
          nodeCount: try number(index, below: 1 << 32), probabilityCount: try number(index + 1),
          backoffCount: try number(index + 2), homeCount: try number(index + 3, below: 1 << 32),
          slotCount: try number(index + 4, below: 1 << 33),
          longestRun: try number(index + 5, below: 1 << 32)))
      guard levels[level].homeCount <= levels[level].slotCount else {
        throw StreamError(.offset(name, 8 * index), "corrupt model header")
      }
    }
    guard levels[0].nodeCount == vocabularyCount, vocabularyCount >= 3 else {
      throw StreamError(.offset(name, 8 * 5), "corrupt model header")
    }
  }

  /// Writes all that stands before the levels.
  ///
  /// - sums: the checksums of the levels' pieces.
  func writeFront(
    _ vocabulary: Vocabulary, sums: [UInt64], into bytes: UnsafeMutableRawBufferPointer
  ) {
    writeHead(vocabulary, into: bytes)
    for (index, section) in spellingSections(vocabulary).enumerated() {
      let target = UnsafeMutableRawBufferPointer(rebasing: bytes[offsets[2 + index]...])
      target.copyMemory(from: section)
    }
    writeChecksums(sums, into: bytes)
  }

  /// The same to a file, without having it in memory besides the vocabulary.
  func writeFront(_ vocabulary: Vocabulary, sums: [UInt64], to sink: ByteSink) throws(StreamError) {
    var head = ByteBuffer(capacity: offsets[2])
    head.count = offsets[2]
    let bytes = UnsafeMutableRawBufferPointer(start: head.base, count: head.count)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    writeHead(vocabulary, into: bytes)
    write(sums, into: bytes)
    let sections = spellingSections(vocabulary)
    var sum = FourfoldChecksum(byteCount: levelOffset - 32)
    sum.add(UnsafeRawBufferPointer(rebasing: bytes[32...]))
    for section in sections { sum.add(section) }
    bytes.storeBytes(of: sum.value.littleEndian, toByteOffset: 8 * 3, as: UInt64.self)
    try sink.write(head)
    for section in sections {
      try sink.write(section.bindMemory(to: UInt8.self))
      try sink.write([UInt8](repeating: 0, count: (8 - section.count % 8) % 8))
    }
  }

  private func spellingSections(_ vocabulary: Vocabulary) -> [UnsafeRawBufferPointer] {
    let spellings = vocabulary.mappedSpellings
    return [
      UnsafeRawBufferPointer(start: spellings.offsets, count: 8 * (spellings.count + 1)),
      UnsafeRawBufferPointer(start: spellings.bytes, count: spellings.byteCount),
      UnsafeRawBufferPointer(start: spellings.slots, count: 8 * spellings.slotCount),
    ]
  }

  /// Writes what stands before the spellings, but the checksums.
  private func writeHead(_ vocabulary: Vocabulary, into bytes: UnsafeMutableRawBufferPointer) {
    func put(_ index: Int, _ value: UInt64) {
      bytes.storeBytes(of: value.littleEndian, toByteOffset: 8 * index, as: UInt64.self)
    }
    UnsafeMutableRawBufferPointer(rebasing: bytes[offsets[1]...])
      .copyBytes(from: vocabulary.decoding.description.utf8)
    bytes.copyBytes(from: PackedTrie.signature)
    put(1, PackedTrie.version)
    put(2, UInt64(offsets.last!))
    put(4, UInt64(order))
    put(5, UInt64(vocabularyCount))
    put(6, tokenizerFingerprint ?? 0)
    put(7, tokenizerFingerprint == nil ? 0 : 1)
    put(8, UInt64(decodingByteCount))
    put(9, UInt64(spellingByteCount))
    put(10, UInt64(slotCount))
    for (level, counts) in levels.enumerated() {
      let index = PackedTrieLayout.fixedWordCount + PackedTrieLayout.levelWordCount * level
      put(index, UInt64(counts.nodeCount))
      put(index + 1, UInt64(counts.probabilityCount))
      put(index + 2, UInt64(counts.backoffCount))
      put(index + 3, UInt64(counts.homeCount))
      put(index + 4, UInt64(counts.slotCount))
      put(index + 5, UInt64(counts.longestRun))
    }
  }

  private func write(_ sums: [UInt64], into bytes: UnsafeMutableRawBufferPointer) {
    for (piece, sum) in sums.enumerated() {
      bytes.storeBytes(of: sum.littleEndian, toByteOffset: offsets[0] + 8 * piece, as: UInt64.self)
    }
  }

  /// - bytes: at least what stands before the levels.
  fileprivate func writeChecksums(_ sums: [UInt64], into bytes: UnsafeMutableRawBufferPointer) {
    write(sums, into: bytes)
    let sum = frontChecksum(of: UnsafeRawBufferPointer(bytes))
    bytes.storeBytes(of: sum.littleEndian, toByteOffset: 8 * 3, as: UInt64.self)
  }

  /// The checksum of what stands between its own word and the levels.
  fileprivate func frontChecksum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    fourfoldChecksum(of: UnsafeRawBufferPointer(rebasing: bytes[32..<levelOffset]))
  }

  /// Where a piece of the levels begins.
  fileprivate func pieceOffset(_ piece: Int) -> Int {
    levelOffset + piece * PackedTrieLayout.pieceByteCount
  }

  /// The checksums of the levels' pieces, computed on all cores.
  func pieceChecksums(of bytes: UnsafeRawBufferPointer) -> [UInt64] {
    let count = pieceCount
    let start = levelOffset
    return [UInt64](unsafeUninitializedCapacity: count) { sums, initializedCount in
      sums.initialize(repeating: 0)
      nonisolated(unsafe) let (target, source) = (sums, bytes)
      Threads.forEach(count: count, threads: count > 8 ? Machine.availableCores : 1) { piece in
        let first = start + piece * PackedTrieLayout.pieceByteCount
        let end = min(source.count, first + PackedTrieLayout.pieceByteCount)
        target[piece] = fourfoldChecksum(of: UnsafeRawBufferPointer(rebasing: source[first..<end]))
      }
      initializedCount = count
    }
  }
}
