// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CSystem
internal import TokenStreams

/// Encodes one chunk of prepared text, such as a word: the core of a subword model.
protocol ChunkEncoder: ~Copyable {
  mutating func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList)
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
  private var cache = WordCache()
  private let waiting = UnsafeMutablePointer<Word>.allocate(capacity: 64)
  private var waitingCount = 0

  init(core: consuming Core) { self.core = core }

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
      } else if let slot = cache.find(word.low, word.high, in: word.bucket) {
        cache.append(slot, to: &tokens)
      } else {
        encodeNew(word, into: &tokens)
      }
    }
    waitingCount = 0
  }

  @inline(never)
  private mutating func encodeNew(_ word: Word, into tokens: inout TokenList) {
    let before = tokens.count
    core.encode(UnsafeBufferPointer(start: word.start, count: word.count), into: &tokens)
    cache.insert(
      word.low, word.high, UnsafeBufferPointer(rebasing: tokens.tokens[before...]))
  }

  @inline(never)
  private mutating func encodeLong(
    _ word: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList
  ) {
    if word.count > WordCache.lengthLimit { return core.encode(word, into: &tokens) }
    let hash = spellingHash(word)
    if let slot = cache.find(long: word, hash: hash) { return cache.append(slot, to: &tokens) }
    let before = tokens.count
    core.encode(word, into: &tokens)
    cache.insert(long: word, hash: hash, UnsafeBufferPointer(rebasing: tokens.tokens[before...]))
  }
}
