// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// A back-off model in as few bits as its values need: the same bytes in memory and in a file.
///
///     64-bit words: signature, version, bytes in all, checksum of what follows, order,
///       tokens, tokeniser's fingerprint and whether there is one, bytes of decoding, of spellings,
///       words of the hash table, then for each level: nodes, probabilities, back-offs (in its tables)
///     text decoding; offsets of spellings; spellings; hash table of spellings   (each padded to words)
///     for each level its table of probabilities, its table of back-offs, and its records
///
/// A record is so many bits: token (not on level 0), probability, back-off, first child (not on the last
/// level). A probability is a number of its level's table or, where that is empty, a single-precision
/// value. One record more ends each level; it holds the end of the last child.
///
/// Unsafe throughout; the invariants: sections lie within `bytes`, and eight more bytes follow the last
/// record of a level. What records hold is bounded when read, so no bytes lead outside the memory.
final class PackedTrie: @unchecked Sendable {
  /// One level's place and shape.
  struct Level {
    var records: UnsafeRawPointer
    var count: Int
    /// Bits of a record and of its parts, in order.
    var width: Int
    var tokenWidth: Int
    var probabilityWidth: Int
    var backoffWidth: Int
    var childWidth: Int
    /// Log10 values by number; no table means that the field is a Float, or that there is none.
    var probabilities: UnsafePointer<Double>?
    var lastProbability: Int
    var backoffs: UnsafePointer<Double>?
    var lastBackoff: Int
    /// Nodes of the next level.
    var childLimit: Int

    @inline(__always) func field(_ bit: Int, _ width: Int) -> UInt64 {
      let word = records.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
      return UInt64(littleEndian: word) &>> UInt64(bit & 7) & ((1 &<< UInt64(width)) &- 1)
    }

    @inline(__always) func token(_ node: Int) -> Token {
      Token(truncatingIfNeeded: field(node &* width, tokenWidth))
    }

    @inline(__always) func log10Probability(_ node: Int) -> Double {
      let value = field(node &* width &+ tokenWidth, probabilityWidth)
      if let probabilities { return probabilities[min(Int(value), lastProbability)] }
      return Double(Float(bitPattern: UInt32(truncatingIfNeeded: value)))
    }

    @inline(__always) func log10Backoff(_ node: Int) -> Double {
      guard let backoffs else { return 0 }
      let number = field(node &* width &+ (tokenWidth &+ probabilityWidth), backoffWidth)
      return backoffs[min(Int(number), lastBackoff)]
    }

    @inline(__always) func firstChild(_ node: Int) -> Int {
      let shift = tokenWidth &+ probabilityWidth &+ backoffWidth
      return min(Int(truncatingIfNeeded: field(node &* width &+ shift, childWidth)), childLimit)
    }

    /// The run of children on the next level.
    @inline(__always) func children(_ node: Int) -> Range<Int> {
      let start = firstChild(node)
      return Range(uncheckedBounds: (start, max(start, firstChild(node &+ 1))))
    }
  }

  /// Bits that hold the numbers 0 to `largest`.
  static func width(_ largest: Int) -> Int { max(1, Int.bitWidth - largest.leadingZeroBitCount) }

  let bytes: UnsafeRawBufferPointer
  let vocabulary: Vocabulary
  let levels: UnsafeBufferPointer<Level>
  /// Keeps `bytes` alive.
  private let owner: AnyObject

  static let signature = Array("\u{89}NGRAM\r\n".unicodeScalars.map { UInt8($0.value) })
  static let version: UInt64 = 1

  init(
    _ layout: PackedTrieLayout, bytes: UnsafeRawBufferPointer, vocabulary: Vocabulary,
    owner: AnyObject
  ) {
    self.bytes = bytes
    self.vocabulary = vocabulary
    self.owner = owner
    let levels = UnsafeMutableBufferPointer<Level>.allocate(capacity: layout.order)
    for level in 0..<layout.order {
      levels.initializeElement(at: level, to: layout.level(level, in: bytes))
    }
    self.levels = UnsafeBufferPointer(levels)
  }

  deinit { levels.deallocate() }
}

extension PackedTrie: BackoffValues {
  var order: Int { levels.count }
  func nodeCount(level: Int) -> Int { levels[level].count }
  func token(level: Int, node: Int) -> Token {
    level == 0 ? Token(node) : levels[level].token(node)
  }
  func firstChild(level: Int, node: Int) -> Int { levels[level].firstChild(node) }
  func log10Probability(level: Int, node: Int) -> Double { levels[level].log10Probability(node) }
  func log10Backoff(level: Int, node: Int) -> Double { levels[level].log10Backoff(node) }
}

/// Numbers that say where the sections of a packed trie are.
struct PackedTrieLayout {
  struct Level {
    var nodeCount: Int
    var probabilityCount: Int
    var backoffCount: Int
  }

  var vocabularyCount: Int
  var tokenizerFingerprint: UInt64?
  var decodingByteCount: Int
  var spellingByteCount: Int
  var slotCount: Int
  var levels: [Level]

  var order: Int { levels.count }

  static let fixedWordCount = 11

  /// The offset of each section, and of the end.
  var offsets: [Int] {
    var offsets = [8 * (PackedTrieLayout.fixedWordCount + 3 * order)]
    func add(_ byteCount: Int) { offsets.append(offsets.last! + (byteCount + 7) / 8 * 8) }
    add(decodingByteCount)
    add(8 * (vocabularyCount + 1))
    add(spellingByteCount)
    add(8 * slotCount)
    for level in 0..<order {
      add(8 * levels[level].probabilityCount)
      add(8 * levels[level].backoffCount)
      add((recordWidth(level) * (levels[level].nodeCount + 1) + 7) / 8 + 8)
    }
    return offsets
  }

  func tokenWidth(_ level: Int) -> Int { level == 0 ? 0 : PackedTrie.width(vocabularyCount - 1) }
  func probabilityWidth(_ level: Int) -> Int {
    let count = levels[level].probabilityCount
    return count == 0 ? 32 : PackedTrie.width(count - 1)
  }
  func backoffWidth(_ level: Int) -> Int {
    let count = levels[level].backoffCount
    return count == 0 ? 0 : PackedTrie.width(count - 1)
  }
  func childWidth(_ level: Int) -> Int {
    level + 1 < order ? PackedTrie.width(levels[level + 1].nodeCount) : 0
  }
  func recordWidth(_ level: Int) -> Int {
    tokenWidth(level) + probabilityWidth(level) + backoffWidth(level) + childWidth(level)
  }

  func level(_ level: Int, in bytes: UnsafeRawBufferPointer) -> PackedTrie.Level {
    let offsets = offsets
    func table(_ section: Int, _ count: Int) -> UnsafePointer<Double>? {
      count == 0
        ? nil : (bytes.baseAddress! + offsets[section]).assumingMemoryBound(to: Double.self)
    }
    return PackedTrie.Level(
      records: bytes.baseAddress! + offsets[4 + 3 * level + 2], count: levels[level].nodeCount,
      width: recordWidth(level), tokenWidth: tokenWidth(level),
      probabilityWidth: probabilityWidth(level), backoffWidth: backoffWidth(level),
      childWidth: childWidth(level),
      probabilities: table(4 + 3 * level, levels[level].probabilityCount),
      lastProbability: levels[level].probabilityCount - 1,
      backoffs: table(4 + 3 * level + 1, levels[level].backoffCount),
      lastBackoff: levels[level].backoffCount - 1,
      childLimit: level + 1 < order ? levels[level + 1].nodeCount : 0)
  }
}
