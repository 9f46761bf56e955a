// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

/// A WordPiece model behind BERT's text preparation.
public final class WordPieceTokenizer: Tokenizer {
  public let vocabulary: Vocabulary
  let matcher: WordPieceMatcher
  let preparation: BertPreparation

  init(vocabulary: Vocabulary, matcher: WordPieceMatcher, preparation: BertPreparation) {
    self.vocabulary = vocabulary
    self.matcher = matcher
    self.preparation = preparation
  }

  public func makeEncoder() -> any RecordEncoder { WordPieceEncoder(self) }
}

/// The words of one chunk of unprepared text.
private struct PreparedWords: ~Copyable, ChunkEncoder {
  let matcher: WordPieceMatcher
  let preparation: BertPreparation
  private var first = ByteBuffer()
  private var second = ByteBuffer()

  init(_ tokenizer: WordPieceTokenizer) {
    matcher = tokenizer.matcher
    preparation = tokenizer.preparation
  }

  mutating func encode(_ chunk: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    let matcher = matcher
    withUnsafeMutablePointer(to: &tokens) { tokens in
      preparation.forEachWord(of: chunk, &first, &second) { word in
        matcher.match(word, into: &tokens.pointee)
      }
    }
  }
}

/// One thread's encoder: cuts raw text at ASCII white space and punctuation, and prepares and encodes
/// what stands between only where it is new.
private final class WordPieceEncoder: RecordEncoder {
  private let classes: [BertPreparation.ByteClass]
  private var text = ByteBuffer(capacity: 1 << 12)
  private var words: WordEncoder<PreparedWords>

  init(_ tokenizer: WordPieceTokenizer) {
    classes = tokenizer.preparation.byteClasses
    words = WordEncoder(core: PreparedWords(tokenizer))
  }

  func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    // A copy has readable bytes behind it.
    text.removeAll()
    text.append(record)
    text.reserve(16)
    WordPieceEncoder.encode(text, classes, &words, into: &tokens)
  }

  private static func encode(
    _ text: borrowing ByteBuffer, _ classes: [BertPreparation.ByteClass],
    _ words: inout WordEncoder<PreparedWords>, into tokens: inout TokenList
  ) {
    let base = UnsafePointer(text.base)
    let count = text.count
    classes.withUnsafeBufferPointer { classes in
      var start = 0
      while start < count {
        var end = start
        var byteClass = classes[Int(base[end])]
        while byteClass == .chunk {
          end &+= 1
          if end == count { break }
          byteClass = classes[Int(base[end])]
        }
        if end > start {
          words.add(
            base + start, count: end &- start, readable: count &+ 16 &- start, into: &tokens)
        }
        // A punctuation mark is a word by itself.
        if end < count, byteClass == .punctuation {
          words.add(base + end, count: 1, readable: count &+ 16 &- end, into: &tokens)
        }
        start = end &+ 1
      }
      words.flush(into: &tokens)
    }
  }
}
