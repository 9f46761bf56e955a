// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Numbers that say where the sections of a packed trie are.
struct PackedTrieLayout {
  struct Level {
    var nodeCount: Int
    var probabilityCount: Int
    var backoffCount: Int
    /// Slots that a hash leads to, and all of them; both 0 without long runs.
    var homeCount: Int
    var slotCount: Int
    /// Nodes of the longest run that slots are for.
    var longestRun: Int
  }

  var vocabularyCount: Int
  var tokenizerFingerprint: UInt64?
  var decodingByteCount: Int
  var spellingByteCount: Int
  var slotCount: Int
  var levels: [Level]

  init(_ vocabulary: Vocabulary, levels: [Level]) {
    let spellings = vocabulary.mappedSpellings
    vocabularyCount = vocabulary.count
    tokenizerFingerprint = vocabulary.tokenizerFingerprint
    decodingByteCount = vocabulary.decoding.description.utf8.count
    spellingByteCount = spellings.byteCount
    slotCount = spellings.slotCount
    self.levels = levels
  }

  var order: Int { levels.count }

  static let fixedWordCount = 11
  static let levelWordCount = 6
  /// Sections before those of the levels: checksums, text decoding, and three of spellings.
  static let frontSectionCount = 5
  private static let levelSectionCount = 4
  /// Bytes of the levels that have a checksum of their own.
  static let pieceByteCount = 1 << 20

  /// Where the levels' sections begin.
  var levelOffset: Int { offsets[PackedTrieLayout.frontSectionCount] }

  /// How many pieces the levels are checked in.
  var pieceCount: Int {
    let byteCount = levelSectionByteCounts.reduce(0) { $0 + ($1 + 7) / 8 * 8 }
    return (byteCount + PackedTrieLayout.pieceByteCount - 1) / PackedTrieLayout.pieceByteCount
  }

  enum LevelSection: Int {
    case probabilities, backoffs, records, slots
  }

  func offset(_ section: LevelSection, of level: Int) -> Int {
    offsets[
      PackedTrieLayout.frontSectionCount + PackedTrieLayout.levelSectionCount * level
        + section.rawValue]
  }

  /// The offset of each section, and of the end.
  var offsets: [Int] {
    var offsets = [8 * (PackedTrieLayout.fixedWordCount + PackedTrieLayout.levelWordCount * order)]
    let front = [
      8 * pieceCount, decodingByteCount, 8 * (vocabularyCount + 1), spellingByteCount,
      8 * slotCount,
    ]
    for byteCount in front + levelSectionByteCounts {
      offsets.append(offsets.last! + (byteCount + 7) / 8 * 8)
    }
    return offsets
  }

  private var levelSectionByteCounts: [Int] {
    levels.indices.flatMap { level in
      let slotCount = levels[level].slotCount
      return [
        8 * levels[level].probabilityCount, 8 * levels[level].backoffCount,
        sectionByteCount(recordWidth(level), levels[level].nodeCount + 1),
        slotCount == 0 ? 0 : sectionByteCount(slotWidth(level), slotCount),
      ]
    }
  }

  /// Bytes of so many bit fields of one width, with room to read eight bytes from any.
  private func sectionByteCount(_ width: Int, _ count: Int) -> Int { (width * count + 7) / 8 + 8 }

  func tokenWidth(_ level: Int) -> Int { level == 0 ? 0 : PackedTrie.width(vocabularyCount - 1) }
  func probabilityWidth(_ level: Int) -> Int {
    let count = levels[level].probabilityCount
    return count == 0 ? 31 : PackedTrie.width(count - 1)
  }
  func backoffWidth(_ level: Int) -> Int {
    if level + 1 == order { return 0 }
    let count = levels[level].backoffCount
    return count == 0 ? 32 : PackedTrie.width(count - 1)
  }
  func childWidth(_ level: Int) -> Int {
    level + 1 < order ? PackedTrie.width(levels[level + 1].nodeCount) : 0
  }
  func recordWidth(_ level: Int) -> Int {
    tokenWidth(level) + probabilityWidth(level) + backoffWidth(level) + childWidth(level)
  }

  func slotWidth(_ level: Int) -> Int {
    PackedTrie.slotTagWidth + PackedTrie.width(levels[level].longestRun)
  }

  func level(_ level: Int, in bytes: UnsafeRawBufferPointer) -> PackedTrie.Level {
    func table(_ section: LevelSection, _ count: Int) -> UnsafePointer<Double>? {
      count == 0
        ? nil
        : (bytes.baseAddress! + offset(section, of: level)).assumingMemoryBound(to: Double.self)
    }
    return PackedTrie.Level(
      records: bytes.baseAddress! + offset(.records, of: level), count: levels[level].nodeCount,
      width: recordWidth(level), tokenWidth: tokenWidth(level),
      backoffPlace: tokenWidth(level) + probabilityWidth(level),
      childPlace: tokenWidth(level) + probabilityWidth(level) + backoffWidth(level),
      tokenMask: PackedTrie.mask(tokenWidth(level)),
      probabilityMask: PackedTrie.mask(probabilityWidth(level)),
      backoffMask: PackedTrie.mask(backoffWidth(level)),
      childMask: PackedTrie.mask(childWidth(level)),
      probabilities: table(.probabilities, levels[level].probabilityCount),
      lastProbability: levels[level].probabilityCount - 1,
      backoffs: table(.backoffs, levels[level].backoffCount),
      lastBackoff: levels[level].backoffCount - 1,
      childLimit: level + 1 < order ? levels[level + 1].nodeCount : 0,
      slots: bytes.baseAddress! + offset(.slots, of: level), homeCount: levels[level].homeCount,
      slotCount: levels[level].slotCount, slotWidth: slotWidth(level),
      slotMask: PackedTrie.mask(slotWidth(level)))
  }
}
