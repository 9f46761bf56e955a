// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Encodes one chunk of prepared text, such as a word: the core of a subword model.
protocol ChunkEncoder: ~Copyable {
  mutating func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList)
}

/// The core of a SentencePiece model of either kind.
enum SubwordEncoder: ChunkEncoder {
  case unigram(UnigramLattice)
  case merges(ScoredMerges)

  mutating func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    switch self {
    case .unigram(let lattice): lattice.encode(chunk, into: &tokens)
    case .merges(let merges): merges.encode(chunk, into: &tokens)
    }
  }
}

/// One thread's encoder for a SentencePiece model: prepares a record, cuts it into words, and encodes
/// each word that it has not met before.
final class SentencePieceEncoder: RecordEncoder {
  private let normalizer: SentencePieceNormalizer
  private let cutsWords: Bool
  private let dropsSpaces: Bool
  private var text = ByteBuffer(capacity: 1 << 12)
  private var words: WordEncoder<SubwordEncoder>

  init(_ tokenizer: SentencePieceTokenizer, core: SubwordEncoder) {
    normalizer = tokenizer.normalizer
    cutsWords = tokenizer.cutsWords
    dropsSpaces = tokenizer.dropsSpaces
    words = WordEncoder(core: core)
  }

  func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    normalizer.normalize(record, into: &text)
    guard text.count > 0 else { return }
    if cutsWords {
      words.encodeWords(of: text, droppingSpaces: dropsSpaces, into: &tokens)
    } else {
      words.core.encode(text.bytes, into: &tokens)
    }
  }
}

/// Encodes words through a cache.
struct WordEncoder<Core: ChunkEncoder & ~Copyable>: ~Copyable {
  var core: Core
  private var cache = ChunkCache()

  init(core: consuming Core) { self.core = core }

  /// Cuts before each run of spaces: a word is such a run and what follows up to the next.
  ///
  /// - text: sixteen bytes behind it are readable.
  mutating func encodeWords(
    of text: borrowing ByteBuffer, droppingSpaces: Bool, into tokens: inout TokenList
  ) {
    let base = UnsafePointer(text.base)
    let count = text.count
    var start = 0
    while start < count {
      if droppingSpaces {
        while start < count, base[start] == 0x20 { start &+= 1 }
        if start == count { return }
      }
      let length = wordLength(base + start, limit: count &- start)
      encode(base + start, count: length, into: &tokens)
      start &+= length
    }
  }

  /// Encodes one chunk.
  ///
  /// - start: `count` bytes, and sixteen readable ones behind them.
  @inline(__always)
  mutating func encode(
    _ start: UnsafePointer<UInt8>, count: Int, into tokens: inout TokenList
  ) {
    if count <= ChunkCache.maximumKeyByteCount {
      let key = ChunkCache.Key(start, count: count)
      if !cache.find(key, into: &tokens) {
        encodeNew(UnsafeBufferPointer(start: start, count: count), key, into: &tokens)
      }
    } else {
      encodeLong(UnsafeBufferPointer(start: start, count: count), into: &tokens)
    }
  }

  @inline(never)
  private mutating func encodeNew(
    _ chunk: UnsafeBufferPointer<UInt8>, _ key: ChunkCache.Key, into tokens: inout TokenList
  ) {
    let before = tokens.count
    core.encode(chunk, into: &tokens)
    cache.insert(key, UnsafeBufferPointer(rebasing: tokens.tokens[before...]))
  }

  @inline(never)
  private mutating func encodeLong(
    _ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList
  ) {
    if cache.find(long: chunk, into: &tokens) { return }
    let before = tokens.count
    core.encode(chunk, into: &tokens)
    cache.insert(long: chunk, UnsafeBufferPointer(rebasing: tokens.tokens[before...]))
  }
}

/// The bytes of the word at `start`: leading spaces and what follows them up to the next space.
///
/// - limit: bytes of text; 16 more are readable.
@inline(__always)
private func wordLength(_ start: UnsafePointer<UInt8>, limit: Int) -> Int {
  var index = 0
  while index < limit, start[index] == 0x20 { index &+= 1 }
  let spaces: UInt64 = 0x2020_2020_2020_2020
  while index < limit {
    let word = UInt64(
      littleEndian: UnsafeRawPointer(start).loadUnaligned(fromByteOffset: index, as: UInt64.self))
    // The lowest byte that is zero after the exclusive or is the first space.
    let difference = word ^ spaces
    let found = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
    if found != 0 { return min(index &+ found.trailingZeroBitCount / 8, limit) }
    index &+= 8
  }
  return limit
}
