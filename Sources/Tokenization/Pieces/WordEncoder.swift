// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CSystem
internal import TokenStreams

/// Encodes one chunk of prepared text, such as a word: the core of a subword model.
protocol ChunkEncoder: ~Copyable {
  /// Whether the tokens of a chunk may depend on those before it.
  static var hasContext: Bool { get }
  /// Tokens in front of the record.
  var recordStart: Int { get }
  /// The tokens of the chunk encoded last are what they are in any record that has no more than so many
  /// up to their end, twice the bytes of the chunk taken off.
  var steadyLimit: UInt16 { get }
  /// Begins a record whose tokens follow `tokenCount` others.
  mutating func begin(at tokenCount: Int)
  mutating func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList)
}

extension ChunkEncoder where Self: ~Copyable {
  static var hasContext: Bool { false }
  var recordStart: Int { 0 }
  var steadyLimit: UInt16 { .max }
  mutating func begin(at tokenCount: Int) {}
}

/// Encodes words through a cache, some words at a time: while one is looked up, the memory of the next
/// ones is on its way.
///
/// Unsafe in one place: `waiting` has room for `batch` words.
struct WordEncoder<Core: ChunkEncoder & ~Copyable>: ~Copyable {
  private struct Word {
    var start: UnsafePointer<UInt8>
    var count: Int
    var low: UInt64
    var high: UInt64
    var bucket: Int
  }

  var core: Core
  private(set) var cache: WordCache
  private let waiting = UnsafeMutablePointer<Word>.allocate(capacity: 64)
  private var waitingCount = 0

  init(core: consuming Core, cache: consuming WordCache = WordCache()) {
    self.core = core
    self.cache = cache
  }

  deinit { waiting.deallocate() }

  /// Encodes the pieces of a text.
  @inline(__always)
  mutating func encode<S: SplitScanner>(
    _ scanner: S.Type, _ text: TextScanner, into tokens: inout TokenList
  ) {
    S.forEachPiece(in: text) { start, end in
      add(text.base + start, count: end &- start, readable: text.count &- start, into: &tokens)
    }
    flush(into: &tokens)
  }

  /// Adds a word; `flush` encodes the last ones.
  ///
  /// - readable: bytes from `start` on that may be read, at least `count`; the word stays where it is
  ///   until `flush`.
  @inline(__always)
  mutating func add(
    _ start: UnsafePointer<UInt8>, count: Int, readable: Int, into tokens: inout TokenList
  ) {
    let word = waiting + waitingCount
    word.pointee.start = start
    word.pointee.count = count
    if count <= WordCache.keyLimit {
      let (low, high) = WordCache.key(start, count, readable: readable)
      let bucket = cache.bucket(low, high)
      prefetch_for_read(cache.slots + bucket)
      word.pointee.low = low
      word.pointee.high = high
      word.pointee.bucket = bucket
    }
    waitingCount &+= 1
    if waitingCount == 64 { flush(into: &tokens) }
  }

  /// Encodes the words that wait.
  mutating func flush(into tokens: inout TokenList) {
    for index in 0..<waitingCount {
      let word = waiting[index]
      if word.count > WordCache.keyLimit {
        encodeLong(UnsafeBufferPointer(start: word.start, count: word.count), into: &tokens)
      } else if let slot = cache.find(word.low, word.high, in: word.bucket),
        isSteady(slot, word.count, tokens.count)
      {
        cache.append(slot, to: &tokens)
      } else {
        encodeNew(word, into: &tokens)
      }
    }
    waitingCount = 0
  }

  /// Whether the tokens of a slot are those of its word here.
  @inline(__always)
  private func isSteady(_ slot: Int, _ byteCount: Int, _ tokenCount: Int) -> Bool {
    if !Core.hasContext { return true }
    let limit = cache.slots[slot].steadyLimit
    return limit == .max || tokenCount &- core.recordStart &+ 3 &* byteCount <= Int(limit)
  }

  @inline(never)
  private mutating func encodeNew(_ word: Word, into tokens: inout TokenList) {
    let before = tokens.count
    core.encode(UnsafeBufferPointer(start: word.start, count: word.count), into: &tokens)
    cache.insert(
      word.low, word.high, UnsafeBufferPointer(rebasing: tokens.tokens[before...]),
      steadyLimit: core.steadyLimit)
  }

  @inline(never)
  private mutating func encodeLong(
    _ word: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList
  ) {
    if word.count > WordCache.lengthLimit { return core.encode(word, into: &tokens) }
    let hash = spellingHash(word)
    let slot = cache.find(long: word, hash: hash)
    if let slot, isSteady(slot, word.count, tokens.count) { return cache.append(slot, to: &tokens) }
    let before = tokens.count
    core.encode(word, into: &tokens)
    if slot != nil { return }
    cache.insert(
      long: word, hash: hash, UnsafeBufferPointer(rebasing: tokens.tokens[before...]),
      steadyLimit: core.steadyLimit)
  }
}
