// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// The pieces of a stream or model by token, and how they become text again.
///
/// A vocabulary is immutable and shared: copies cost a reference.
public struct Vocabulary: Sendable {
  /// Owned or mapped memory behind the pointers; see `PieceTable` for their layout.
  @usableFromInline final class Storage: @unchecked Sendable {
    @usableFromInline let bytes: UnsafePointer<UInt8>
    @usableFromInline let offsets: UnsafePointer<UInt64>
    @usableFromInline let slots: UnsafePointer<UInt64>
    @usableFromInline let mask: Int
    let owner: AnyObject

    init(_ mapped: MappedSpellings) {
      owner = mapped.owner
      bytes = mapped.bytes
      offsets = mapped.offsets
      slots = mapped.slots
      mask = mapped.slotCount - 1
    }

    init(_ owner: Owner) {
      self.owner = owner
      bytes = UnsafePointer(owner.table.bytes.base)
      offsets = UnsafePointer(owner.table.offsets)
      slots = UnsafePointer(owner.table.slots)
      mask = owner.table.mask
    }
  }

  @usableFromInline final class Owner: @unchecked Sendable {
    let table: PieceTable
    init(_ table: consuming PieceTable) { self.table = table }
  }

  @usableFromInline let storage: Storage
  /// Number of tokens: they are `0..<count`.
  public let count: Int
  /// The token of `<unk>`, `<s>` and `</s>`, where the vocabulary has them. Model vocabularies have all
  /// three, as 0, 1 and 2.
  public let unknown: Token?
  public let beginning: Token?
  public let end: Token?
  /// How pieces become text.
  public var decoding: TextDecoding
  /// Identifies the tokeniser model that fixed these pieces; nothing for open vocabularies such as words.
  public var tokenizerFingerprint: UInt64?

  /// Takes over a finished table.
  public init(
    _ table: consuming PieceTable, decoding: TextDecoding = .unknown,
    tokenizerFingerprint: UInt64? = nil
  ) {
    count = table.count
    func find(_ special: [UInt8]) -> Token? {
      special.withUnsafeBufferPointer { table.find($0) }
    }
    unknown = find(Spelling.unknown)
    beginning = find(Spelling.beginning)
    end = find(Spelling.end)
    storage = Storage(Owner(table))
    self.decoding = decoding
    self.tokenizerFingerprint = tokenizerFingerprint
  }

  /// A vocabulary in memory that another object owns, such as a mapped model file.
  ///
  /// - Returns: nothing when the spellings do not lie in order within their bytes.
  public init?(
    mapped: MappedSpellings, decoding: TextDecoding, tokenizerFingerprint: UInt64?
  ) {
    guard mapped.isConsistent else { return nil }
    self.init(
      storage: Storage(mapped), count: mapped.count, decoding: decoding,
      fingerprint: tokenizerFingerprint)
  }

  private init(storage: Storage, count: Int, decoding: TextDecoding, fingerprint: UInt64?) {
    func find(_ special: [UInt8]) -> Token? {
      special.withUnsafeBufferPointer {
        PieceTable.find(
          $0, hash: spellingHash($0), slots: storage.slots, mask: storage.mask,
          bytes: storage.bytes, offsets: storage.offsets)
      }
    }
    self.storage = storage
    self.count = count
    unknown = find(Spelling.unknown)
    beginning = find(Spelling.beginning)
    end = find(Spelling.end)
    self.decoding = decoding
    tokenizerFingerprint = fingerprint
  }

  /// The memory behind the pointers, to be written to a file that `init(mapped:)` reads.
  public var mappedSpellings: MappedSpellings {
    MappedSpellings(
      bytes: storage.bytes, offsets: storage.offsets, count: count, slots: storage.slots,
      slotCount: storage.mask + 1, owner: storage)
  }

  /// A model's vocabulary, in the order of `PieceTable.sortForModel`.
  ///
  /// - spellings: canonical, distinct, in any order; specials among them are skipped.
  public init(
    modelSpellings spellings: [[UInt8]], decoding: TextDecoding = .unknown,
    tokenizerFingerprint: UInt64? = nil
  ) {
    var table = PieceTable(Spelling.specials + spellings)
    _ = table.sortForModel()
    self.init(table, decoding: decoding, tokenizerFingerprint: tokenizerFingerprint)
  }

  /// The spelling of `token` as in a text stream; borrowed from the vocabulary.
  @inlinable public func spelling(of token: Token) -> UnsafeBufferPointer<UInt8> {
    precondition(Int(token) < count)
    let start = Int(storage.offsets[Int(token)])
    return UnsafeBufferPointer(
      start: storage.bytes + start, count: Int(storage.offsets[Int(token) &+ 1]) &- start)
  }

  /// The token that is spelt so, if there is one.
  @inlinable public func token(_ spelling: UnsafeBufferPointer<UInt8>) -> Token? {
    PieceTable.find(
      spelling, hash: spellingHash(spelling), slots: storage.slots, mask: storage.mask,
      bytes: storage.bytes, offsets: storage.offsets)
  }

  public func token(_ spelling: [UInt8]) -> Token? {
    spelling.withUnsafeBufferPointer { token($0) }
  }

  /// Whether `a` stands before `b` in byte order of their spellings: the order that breaks ties.
  public func precedes(_ a: Token, _ b: Token) -> Bool {
    spelling(of: a).lexicographicallyPrecedes(spelling(of: b))
  }

  /// A number that differs between vocabularies that differ in any piece or its token.
  public var fingerprint: UInt64 {
    var hash: UInt64 = UInt64(count)
    for token in 0..<Token(count) {
      hash = (hash ^ spellingHash(spelling(of: token))) &* 0xD6E8_FEB8_6659_FD93
      hash ^= hash >> 32
    }
    return hash
  }

  /// Appends the vocabulary as a block carries it: decoding, tokeniser, count, spellings.
  public func encode(to output: inout ByteBuffer) {
    Vocabulary.encodeHead(
      decoding: decoding, tokenizerFingerprint: tokenizerFingerprint, count: count, to: &output)
    for token in 0..<Token(count) {
      let spelling = spelling(of: token)
      output.append(varint: UInt64(spelling.count))
      output.append(spelling)
    }
  }

  /// Appends what stands before the spellings, each of which follows as its length and its bytes.
  public static func encodeHead(
    decoding: TextDecoding, tokenizerFingerprint: UInt64?, count: Int, to output: inout ByteBuffer
  ) {
    let decodingText = Array(decoding.description.utf8)
    output.append(varint: UInt64(decodingText.count))
    output.append(decodingText)
    output.append(tokenizerFingerprint == nil ? 0 : 1)
    output.append(littleEndian: tokenizerFingerprint ?? 0)
    output.append(varint: UInt64(count))
  }

  /// Reads what `encodeHead` wrote.
  ///
  /// - Throws: `StreamError` without a place when the bytes end early.
  public static func decodeHead(_ cursor: inout ByteCursor) throws(StreamError)
    -> (decoding: TextDecoding, tokenizerFingerprint: UInt64?, count: Int)
  {
    let decodingCount = Int(truncatingIfNeeded: try cursor.varint())
    let text = String(decoding: try cursor.bytes(decodingCount), as: UTF8.self)
    guard let decoding = TextDecoding(text) else {
      throw StreamError(.none, "unknown text decoding \(text)", advice: "use a newer release")
    }
    let isFixed = try cursor.integer(as: UInt8.self) != 0
    let fingerprint = try cursor.integer(as: UInt64.self)
    let pieceCount = try cursor.varint()
    guard pieceCount <= UInt64(cursor.remainingCount) else {
      throw StreamError(.none, "a vocabulary is shorter than it says")
    }
    return (decoding, isFixed ? fingerprint : nil, Int(pieceCount))
  }

  /// Reads what `encode` wrote.
  ///
  /// - Throws: `StreamError` without a place when the bytes end early or a spelling is none or
  ///   comes twice.
  public init(decoding cursor: inout ByteCursor) throws(StreamError) {
    let (decoding, fingerprint, pieceCount) = try Vocabulary.decodeHead(&cursor)
    var table = PieceTable(capacity: pieceCount)
    for number in 0..<pieceCount {
      let length = Int(truncatingIfNeeded: try cursor.varint())
      let spelling = try cursor.bytes(length)
      guard !spelling.isEmpty, Spelling.isCanonical(spelling) else {
        throw StreamError(.none, "token \(number) is not spelt as a piece is")
      }
      guard Int(table.insert(spelling)) == number else {
        throw StreamError(.none, "a piece stands twice in the vocabulary, as token \(number)")
      }
    }
    self.init(table, decoding: decoding, tokenizerFingerprint: fingerprint)
  }

  /// Reads what `encode` wrote, from the payload of a header.
  public init(encoded payload: [UInt8]) throws(StreamError) {
    var bytes = ByteBuffer(capacity: payload.count)
    bytes.append(payload)
    var cursor = ByteCursor(bytes.bytes)
    try self.init(decoding: &cursor)
  }
}

/// Spellings and their hash table as they lie in memory; see `PieceTable` for the layout.
public struct MappedSpellings {
  public let bytes: UnsafePointer<UInt8>
  /// [count + 1]
  public let offsets: UnsafePointer<UInt64>
  public let count: Int
  /// [slotCount], a power of two, above `count`.
  public let slots: UnsafePointer<UInt64>
  public let slotCount: Int
  /// Keeps the memory alive.
  public let owner: AnyObject

  public init(
    bytes: UnsafePointer<UInt8>, offsets: UnsafePointer<UInt64>, count: Int,
    slots: UnsafePointer<UInt64>, slotCount: Int, owner: AnyObject
  ) {
    self.bytes = bytes
    self.offsets = offsets
    self.count = count
    self.slots = slots
    self.slotCount = slotCount
    self.owner = owner
  }

  /// The memory of a finished table.
  public init(_ table: consuming PieceTable) {
    self = Vocabulary(table).mappedSpellings
  }

  /// The number of a spelling, if it is there.
  @inlinable public func find(_ spelling: UnsafeBufferPointer<UInt8>) -> Token? {
    PieceTable.find(
      spelling, hash: spellingHash(spelling), slots: slots, mask: slotCount &- 1, bytes: bytes,
      offsets: offsets)
  }

  /// The spelling of a number below `count`.
  @inlinable public subscript(number: Int) -> UnsafeBufferPointer<UInt8> {
    let start = Int(offsets[number])
    return UnsafeBufferPointer(start: bytes + start, count: Int(offsets[number &+ 1]) &- start)
  }

  /// Bytes of all spellings, and of all there is.
  public var byteCount: Int { Int(offsets[count]) }
  public var memoryByteCount: Int { byteCount + 8 * (count + 1 + slotCount) }

  /// Whether no lookup can leave the memory: offsets ascend, slots name tokens, one is empty.
  public var isConsistent: Bool {
    guard slotCount > count, slotCount & (slotCount - 1) == 0, offsets[0] == 0, count < 1 << 31
    else { return false }
    // The highest bit is set by what is wrong: whole tables are looked through, four entries at a time.
    var wrong: UInt64 = 0
    for token in 0..<count {
      wrong |= (offsets[token &+ 1] &- offsets[token]) | offsets[token &+ 1]
    }
    var full = UInt64.max
    for slot in 0..<slotCount {
      let entry = slots[slot]
      let token = entry & 0xFFFF_FFFF
      let isUsed = entry | (0 &- entry)
      full &= isUsed
      wrong |= (UInt64(count) &- token) | (token &- 1) & isUsed
    }
    return (wrong | full) >> 63 == 0
  }
}
