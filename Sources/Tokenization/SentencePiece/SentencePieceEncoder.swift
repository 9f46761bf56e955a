// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// One thread's encoder for a SentencePiece model: prepares a record, cuts it into words, and encodes
/// each word that it has not met before.
final class SentencePieceEncoder<Core: ChunkEncoder & ~Copyable>: RecordEncoder {
  private let normalizer: SentencePieceNormalizer
  private let cutsWords: Bool
  private let dropsSpaces: Bool
  private var text = ByteBuffer(capacity: 1 << 12)
  private var words: WordEncoder<Core>

  init(_ tokenizer: SentencePieceTokenizer, core: consuming Core) {
    normalizer = tokenizer.normalizer
    cutsWords = tokenizer.cutsWords
    dropsSpaces = tokenizer.dropsSpaces
    words = WordEncoder(core: core)
  }

  func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    normalizer.normalize(record, into: &text)
    guard text.count > 0 else { return }
    words.core.begin(at: tokens.count)
    if cutsWords {
      words.encodeWords(of: text, droppingSpaces: dropsSpaces, into: &tokens)
    } else {
      words.core.encode(text.bytes, into: &tokens)
    }
  }
}

extension WordEncoder where Core: ~Copyable {
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
        if start == count { break }
      }
      let length = wordLength(base + start, limit: count &- start)
      add(base + start, count: length, readable: length &+ 16, into: &tokens)
      start &+= length
    }
    flush(into: &tokens)
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
