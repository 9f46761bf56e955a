// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// A back-off model in as few bits as its values need: the same bytes in memory and in a file.
///
///     64-bit words: signature, version, bytes in all, checksum of what comes before the levels, order,
///       tokens, tokeniser's fingerprint and whether there is one, bytes of decoding, of spellings,
///       words of the hash table, then for each level: nodes, probabilities, back-offs (in its tables),
///       slots' homes, slots, and the longest run that these are for
///     checksums of the levels, one for each 2²⁰ bytes
///     text decoding; offsets of spellings; spellings; hash table of spellings   (each padded to words)
///     for each level its table of probabilities, its table of back-offs, its records, and its slots
///
/// A record is so many bits: token (not on level 0), probability, back-off, first child (not on the last
/// level). A probability is a number of its level's table or, where that is empty, a single-precision
/// value without its sign, which is minus; a back-off likewise, with its sign. One record more ends each
/// level; it holds the end of the last child. The children of one node are a run in the order of their
/// tokens.
///
/// Halving finds a child in a short run. Those of long runs stand in a table of slots: a hash of the
/// run's start and the token leads to its home, and from there on it is in the first slot that those with
/// smaller hashes leave; see `Level.index(of:from:count:)`.
///
/// Unsafe throughout; the invariants: sections lie within `bytes`, and eight more bytes follow the last
/// record and the last slot of a level. What records and slots hold is bounded when read, so no bytes
/// lead outside the memory.
final class PackedTrie: @unchecked Sendable {
  /// One level's place and shape.
  struct Level {
    var records: UnsafeRawPointer
    var count: Int
    /// Bits of a record, and where its parts after the token begin.
    var width: Int
    var tokenWidth: Int
    var backoffPlace: Int
    var childPlace: Int
    var tokenMask: UInt64
    var probabilityMask: UInt64
    var backoffMask: UInt64
    var childMask: UInt64
    /// Log10 values by number; no table means that the field is a Float.
    var probabilities: UnsafePointer<Double>?
    var lastProbability: Int
    var backoffs: UnsafePointer<Double>?
    var lastBackoff: Int
    /// Nodes of the next level.
    var childLimit: Int
    /// The table of the long runs' nodes, and how many slots a hash leads to; see
    /// `index(of:from:count:)`.
    var slots: UnsafeRawPointer
    var homeCount: Int
    var slotCount: Int
    var slotWidth: Int
    var slotMask: UInt64

    /// The bits from the n-th on, at least 57 of them.
    @inline(__always) private func bits(_ bit: Int) -> UInt64 {
      UInt64(littleEndian: records.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self))
        &>> UInt64(bit & 7)
    }

    @inline(__always) func token(_ node: Int) -> Token {
      Token(truncatingIfNeeded: bits(node &* width) & tokenMask)
    }

    @inline(__always) func log10Probability(_ node: Int) -> Double {
      let value = bits(node &* width &+ tokenWidth) & probabilityMask
      if let probabilities {
        return probabilities[min(Int(truncatingIfNeeded: value), lastProbability)]
      }
      return -Double(Float(bitPattern: UInt32(truncatingIfNeeded: value)))
    }

    @inline(__always) func log10Backoff(_ node: Int) -> Double {
      let value = bits(node &* width &+ backoffPlace) & backoffMask
      if let backoffs { return backoffs[min(Int(truncatingIfNeeded: value), lastBackoff)] }
      // Without bits, on the last level, it is zero.
      return Double(Float(bitPattern: UInt32(truncatingIfNeeded: value)))
    }

    @inline(__always) func firstChild(_ node: Int) -> Int {
      min(
        Int(truncatingIfNeeded: bits(node &* width &+ childPlace) & childMask), childLimit)
    }

    /// The run of children on the next level.
    @inline(__always) func children(_ node: Int) -> Range<Int> {
      let start = firstChild(node)
      return Range(uncheckedBounds: (start, max(start, firstChild(node &+ 1))))
    }
  }

  /// Bits that hold the numbers 0 to `largest`.
  static func width(_ largest: Int) -> Int { max(1, Int.bitWidth - largest.leadingZeroBitCount) }

  /// So many bits set.
  @inline(__always) static func mask(_ width: Int) -> UInt64 { (1 &<< UInt64(width)) &- 1 }

  let bytes: UnsafeRawBufferPointer
  let layout: PackedTrieLayout
  let vocabulary: Vocabulary
  let levels: UnsafeBufferPointer<Level>
  /// Keeps `bytes` alive.
  private let owner: AnyObject

  static let signature = Array("\u{89}NGRAM\r\n".unicodeScalars.map { UInt8($0.value) })
  static let version: UInt64 = 2

  init(
    _ layout: PackedTrieLayout, bytes: UnsafeRawBufferPointer, vocabulary: Vocabulary,
    owner: AnyObject
  ) {
    self.bytes = bytes
    self.layout = layout
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
