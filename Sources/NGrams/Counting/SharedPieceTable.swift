// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import Synchronization
internal import TokenStreams

/// Spellings that one thread or several at once number, in order of first use.
///
/// Finding one takes no lock: a thread sees a table of slots that only ever gains entries; what it misses
/// there it looks for again under the lock, and adds. Which thread comes first decides a number, so
/// numbers differ from run to run; whatever is written is ordered by spelling.
///
/// Unsafe in one place: an entry is 48 bits of address and 16 of hash; at the address lie the token
/// and the length (32 bits each) and the spelling, padded with zeros to 8 bytes. Tables and
/// spellings live as long as this object.
final class SharedPieceTable: @unchecked Sendable {
  typealias Piece = UnsafePointer<UInt64>

  /// One generation of slots.
  struct Slots: @unchecked Sendable {
    let entries: UnsafeMutablePointer<Atomic<UInt64>>
    let mask: Int
  }

  private struct State: ~Copyable {
    var slots: Slots
    var retired: [Slots] = []
    var used = 0
    var pieces: [Piece] = []
    var arena: [UnsafeMutableRawPointer] = []
    var free: UnsafeMutableRawPointer?
    var freeCount = 0
    var arenaByteCount = 0
  }

  private let state: Locked<State>
  private let isShared: Bool
  /// The only spellings that get a number, if they are limited; others are `<unk>`.
  private let allowed: Vocabulary?

  /// - isShared: whether several threads use it; a single one needs no table of slots but the newest.
  init(allowed: Vocabulary? = nil, isShared: Bool = true) {
    self.allowed = allowed
    self.isShared = isShared
    state = Locked(State(slots: SharedPieceTable.makeSlots(mask: (1 << 12) - 1)))
    for special in Spelling.specials { _ = insert(special) }
  }

  deinit {
    state.withLock { state in
      state.slots.entries.deallocate()
      for slots in state.retired { slots.entries.deallocate() }
      for block in state.arena { block.deallocate() }
    }
  }

  /// The newest slots.
  var slots: Slots { state.withLock { $0.slots } }
  /// Number of tokens.
  var count: Int { state.withLock { $0.pieces.count } }
  /// Bytes of memory in use.
  var byteCount: Int {
    state.withLock { state in
      let entries = (state.retired + [state.slots]).reduce(0) { $0 + $1.mask + 1 }
      return state.arenaByteCount + 8 * state.pieces.capacity + 8 * entries
    }
  }

  /// Hands over the pieces, by token, and drops the slots: nothing can be found any more.
  func takePieces() -> [Piece] {
    state.withLock { state in
      for slots in state.retired { slots.entries.deallocate() }
      state.retired = []
      state.slots.entries.deallocate()
      state.slots = SharedPieceTable.makeSlots(mask: 0)
      defer { state.pieces = [] }
      return state.pieces
    }
  }

  /// A hash of a spelling; its first eight bytes come as a number, zeros after a shorter one.
  @inline(__always)
  static func hash(
    _ first: UInt64, _ bytes: UnsafePointer<UInt8>, _ count: Int
  ) -> UInt64 {
    var hash = mix(first ^ UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15)
    var index = 8
    while index < count {
      hash = mix(hash ^ tail(bytes + index, count &- index))
      index &+= 8
    }
    return hash
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let (high, low) = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(
      by: 0xD6E8_FEB8_6659_FD93)
    return high ^ low
  }

  /// Up to eight bytes as a number; memory is readable for eight.
  @inline(__always)
  static func tail(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    let word = UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
    return count >= 8 ? word : word & ((1 &<< UInt64(8 &* count)) &- 1)
  }

  /// The token of a spelling, if these slots have it.
  ///
  /// - bytes: [count], and readable for eight bytes beyond.
  @inline(__always)
  static func find(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, first: UInt64, hash: UInt64, in slots: Slots
  ) -> Token? {
    var slot = Int(truncatingIfNeeded: hash) & slots.mask
    while true {
      let entry = slots.entries[slot].load(ordering: .acquiring)
      if entry == 0 { return nil }
      if (entry ^ hash) &>> 48 == 0 {
        let piece = Piece(bitPattern: UInt(truncatingIfNeeded: entry & 0xFFFF_FFFF_FFFF))!
        let head = piece[0]
        if Int(truncatingIfNeeded: head &>> 32) == count, piece[1] == first {
          var index = 8
          while index < count, piece[1 &+ index &>> 3] == tail(bytes + index, count &- index) {
            index &+= 8
          }
          if index >= count { return Token(truncatingIfNeeded: head) }
        }
      }
      slot = (slot &+ 1) & slots.mask
    }
  }

  /// The token of a spelling as it stands in a text stream; a new one is added.
  ///
  /// - bytes: [count], and readable for eight bytes beyond.
  func insert(
    asWritten bytes: UnsafePointer<UInt8>, _ count: Int, first: UInt64, hash: UInt64
  ) -> Token {
    let written = UnsafeBufferPointer(start: bytes, count: count)
    if Spelling.isCanonical(written) {
      if let allowed, allowed.token(written) == nil { return 0 }
      return add(bytes, count, first: first, hash: hash, as: nil)
    }
    var plain = ByteBuffer(capacity: count)
    Spelling.appendBytes(of: written, to: &plain)
    var canonical = ByteBuffer(capacity: count + 16)
    Spelling.append(plain.bytes, to: &canonical)
    canonical.reserve(8)
    let token: Token
    if let allowed, allowed.token(canonical.bytes) == nil {
      token = 0
    } else {
      token = insert(canonical.bytes)
    }
    // The next time it is found as it is written.
    return add(bytes, count, first: first, hash: hash, as: token)
  }

  /// The token of a canonical spelling or a mark; a new one is added.
  func insert(_ spelling: some Sequence<UInt8>) -> Token {
    var bytes = ByteBuffer(capacity: 64)
    bytes.append(Array(spelling))
    let count = bytes.count
    bytes.append(littleEndian: UInt64(0))
    let first = SharedPieceTable.tail(bytes.base, count)
    let hash = SharedPieceTable.hash(first, bytes.base, count)
    return add(bytes.base, count, first: first, hash: hash, as: nil)
  }

  /// - alias: the token of a spelling that is another way to write a known one.
  private func add(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, first: UInt64, hash: UInt64, as alias: Token?
  ) -> Token {
    state.withLock { state in
      if let token = SharedPieceTable.find(
        bytes, count, first: first, hash: hash, in: state.slots)
      {
        return token
      }
      if 4 * state.used >= 3 * state.slots.mask { grow(&state) }
      let wordCount = 1 + max(1, (count + 7) / 8)
      let piece = SharedPieceTable.allocate(wordCount, &state)
      let token = alias ?? Token(state.pieces.count)
      piece[0] = UInt64(token) | UInt64(count) << 32
      piece[1] = first
      var index = 8
      while index < count {
        piece[1 + index / 8] = SharedPieceTable.tail(bytes + index, count - index)
        index += 8
      }
      if alias == nil { state.pieces.append(Piece(piece)) }
      state.used += 1
      SharedPieceTable.place(piece, hash, in: state.slots)
      return token
    }
  }

  private static func allocate(_ wordCount: Int, _ state: inout State)
    -> UnsafeMutablePointer<UInt64>
  {
    let byteCount = 8 * wordCount
    if byteCount > state.freeCount {
      let blockByteCount = max(1 << 18, byteCount)
      state.free = .allocate(byteCount: blockByteCount, alignment: 8)
      state.freeCount = blockByteCount
      state.arena.append(state.free!)
      state.arenaByteCount += blockByteCount
    }
    let piece = state.free!.bindMemory(to: UInt64.self, capacity: wordCount)
    state.free! += byteCount
    state.freeCount -= byteCount
    return piece
  }

  private static func makeSlots(mask: Int) -> Slots {
    let entries = LargeMemory.allocate(of: Atomic<UInt64>.self, capacity: mask + 1)
    for index in 0...mask { (entries + index).initialize(to: Atomic(0)) }
    return Slots(entries: entries, mask: mask)
  }

  private func grow(_ state: inout State) {
    let old = state.slots
    state.slots = SharedPieceTable.makeSlots(mask: 2 * old.mask + 1)
    for index in 0...old.mask {
      let entry = old.entries[index].load(ordering: .relaxed)
      guard entry != 0 else { continue }
      let piece = Piece(bitPattern: UInt(entry & 0xFFFF_FFFF_FFFF))!
      let count = Int(piece[0] >> 32)
      let bytes = UnsafeRawPointer(piece + 1).assumingMemoryBound(to: UInt8.self)
      SharedPieceTable.place(
        piece, SharedPieceTable.hash(piece[1], bytes, count), in: state.slots)
    }
    // Other readers may still be in the old slots.
    if isShared { state.retired.append(old) } else { old.entries.deallocate() }
  }

  private static func place(_ piece: Piece, _ hash: UInt64, in slots: Slots) {
    var slot = Int(truncatingIfNeeded: hash) & slots.mask
    while slots.entries[slot].load(ordering: .relaxed) != 0 { slot = (slot &+ 1) & slots.mask }
    let entry = UInt64(UInt(bitPattern: piece)) | (hash >> 48) << 48
    slots.entries[slot].store(entry, ordering: .releasing)
  }
}

extension SharedPieceTable.Piece {
  /// The spelling of a piece of a `SharedPieceTable`.
  var spelling: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(
      start: UnsafeRawPointer(self + 1).assumingMemoryBound(to: UInt8.self),
      count: Int(truncatingIfNeeded: self[0] >> 32))
  }

  var token: Token { Token(truncatingIfNeeded: self[0]) }
}
