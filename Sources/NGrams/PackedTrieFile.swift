// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

extension PackedTrie {
  /// Opens the bytes of a model file.
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
    let text = String(
      decoding: UnsafeRawBufferPointer(
        rebasing: bytes[offsets[0]..<offsets[0] + layout.decodingByteCount]), as: UTF8.self)
    func section<Value>(_ number: Int, as type: Value.Type) -> UnsafePointer<Value> {
      (bytes.baseAddress! + offsets[number]).assumingMemoryBound(to: type)
    }
    let spellings = MappedSpellings(
      bytes: section(2, as: UInt8.self), offsets: section(1, as: UInt64.self),
      count: layout.vocabularyCount, slots: section(3, as: UInt64.self),
      slotCount: layout.slotCount, owner: owner)
    guard let decoding = TextDecoding(text), spellings.byteCount == layout.spellingByteCount,
      let vocabulary = Vocabulary(
        mapped: spellings, decoding: decoding, tokenizerFingerprint: layout.tokenizerFingerprint),
      vocabulary.unknown == 0, vocabulary.beginning == 1, vocabulary.end == 2
    else { throw StreamError(.offset(name, offsets[0]), "corrupt vocabulary of a model") }
    self.init(layout, bytes: bytes, vocabulary: vocabulary, owner: owner)
  }

  /// Reads all bytes of the levels, which opening leaves to those who ask for them.
  ///
  /// - Throws: `StreamError` with the offset where the levels begin when a bit of them changed.
  func checkLevels(name: String) throws(StreamError) {
    guard layout.levelChecksum(of: bytes) == word(4, bytes) else {
      throw StreamError(.offset(name, layout.levelOffset), "corrupt model: bad checksum")
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
    let order = try number(5, below: UInt64(CountBlock.maximumOrder) + 1)
    guard order > 0, bytes.count >= fixedByteCount + 8 * PackedTrieLayout.levelWordCount * order
    else {
      throw StreamError(.offset(name, bytes.count), "truncated model header")
    }
    vocabularyCount = try number(6, below: 1 << 32)
    tokenizerFingerprint = word(8, bytes) == 1 ? word(7, bytes) : nil
    decodingByteCount = try number(9)
    spellingByteCount = try number(10)
    slotCount = try number(11)
    levels = []
    for level in 0..<order {
      let index = PackedTrieLayout.fixedWordCount + PackedTrieLayout.levelWordCount * level
      levels.append(
        Level(
          nodeCount: try number(index, below: 1 << 32), probabilityCount: try number(index + 1),
          backoffCount: try number(index + 2), slotCount: try number(index + 3, below: 1 << 32),
          longestRun: try number(index + 4, below: 1 << 32)))
    }
    guard levels[0].nodeCount == vocabularyCount, vocabularyCount >= 3 else {
      throw StreamError(.offset(name, 8 * 6), "corrupt model header")
    }
  }

  func writeHeader(into bytes: UnsafeMutableRawBufferPointer) {
    func put(_ index: Int, _ value: UInt64) {
      bytes.storeBytes(of: value.littleEndian, toByteOffset: 8 * index, as: UInt64.self)
    }
    bytes.copyBytes(from: PackedTrie.signature)
    put(1, PackedTrie.version)
    put(2, UInt64(bytes.count))
    put(5, UInt64(order))
    put(6, UInt64(vocabularyCount))
    put(7, tokenizerFingerprint ?? 0)
    put(8, tokenizerFingerprint == nil ? 0 : 1)
    put(9, UInt64(decodingByteCount))
    put(10, UInt64(spellingByteCount))
    put(11, UInt64(slotCount))
    for (level, counts) in levels.enumerated() {
      let index = PackedTrieLayout.fixedWordCount + PackedTrieLayout.levelWordCount * level
      put(index, UInt64(counts.nodeCount))
      put(index + 1, UInt64(counts.probabilityCount))
      put(index + 2, UInt64(counts.backoffCount))
      put(index + 3, UInt64(counts.slotCount))
      put(index + 4, UInt64(counts.longestRun))
    }
    put(4, levelChecksum(of: UnsafeRawBufferPointer(bytes)))
    put(3, frontChecksum(of: UnsafeRawBufferPointer(bytes)))
  }

  /// The checksum of what stands between its own word and the levels: all that is read when opening.
  func frontChecksum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    checksum(of: UnsafeRawBufferPointer(rebasing: bytes[32..<levelOffset]))
  }

  func levelChecksum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    checksum(of: UnsafeRawBufferPointer(rebasing: bytes[levelOffset...]))
  }

  /// The checksum of the checksums of pieces, so that cores share it.
  private func checksum(of covered: UnsafeRawBufferPointer) -> UInt64 {
    let pieceByteCount = 1 << 20
    let pieceCount = (covered.count + pieceByteCount - 1) / pieceByteCount
    let sums = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: pieceCount)
    sums.initialize(repeating: 0)
    defer { sums.deallocate() }
    nonisolated(unsafe) let (target, source) = (sums, covered)
    Threads.forEach(count: pieceCount, threads: pieceCount > 8 ? Machine.availableCores : 1) {
      let start = $0 * pieceByteCount
      let end = min(source.count, start + pieceByteCount)
      target[$0] = ByteStreams.checksum(
        of: UnsafeRawBufferPointer(rebasing: source[start..<end]).assumingMemoryBound(
          to: UInt8.self))
    }
    return ByteStreams.checksum(
      of: UnsafeRawBufferPointer(sums).assumingMemoryBound(to: UInt8.self))
  }
}
