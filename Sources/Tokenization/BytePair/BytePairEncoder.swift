// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CSystem
internal import TokenStreams

/// Encodes with one thread's memory of words.
final class BytePairEncoder: RecordEncoder {
  private var words: BytePairWords

  init(_ tables: BytePairTokenizer.Tables) {
    words = BytePairWords(
      tables, tables.wordImage.flatMap { WordCache($0) } ?? WordCache())
  }

  /// - cache: what words it knows already.
  init(_ tables: BytePairTokenizer.Tables, cache: consuming WordCache) {
    words = BytePairWords(tables, cache)
  }

  func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    words.encode(record, into: &tokens)
  }

  /// Encodes one word, so that it is remembered.
  func remember(_ word: UnsafeBufferPointer<UInt8>) {
    var tokens = TokenList()
    words.remember(word, into: &tokens)
  }

  /// Appends the words met so far as `WordCache` reads them.
  func appendWords(to output: inout ByteBuffer) { words.appendCache(to: &output) }
}

/// The encoder's state, apart from the object that shares it so that a record claims it once.
private struct BytePairWords: ~Copyable {
  private let tables: BytePairTokenizer.Tables
  private var pieces: WordEncoder<BytePairPieces>

  init(_ tables: BytePairTokenizer.Tables, _ cache: consuming WordCache) {
    self.tables = tables
    pieces = WordEncoder(core: BytePairPieces(tables), cache: cache)
  }

  mutating func remember(_ word: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    pieces.add(word.baseAddress!, count: word.count, readable: word.count, into: &tokens)
    pieces.flush(into: &tokens)
  }

  func appendCache(to output: inout ByteBuffer) { pieces.cache.append(to: &output) }

  mutating func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    guard let finder = tables.added else { return encodeText(record, &tokens) }
    finder.forEachPart(of: record) { part, token in
      if let token { tokens.append(token) } else { encodeText(part, &tokens) }
    }
  }

  private mutating func encodeText(
    _ text: UnsafeBufferPointer<UInt8>, _ tokens: inout TokenList
  ) {
    if tables.model.addsPrefixSpace, text.count > 0, text[0] != 0x20 {
      var prefixed = ByteBuffer(capacity: text.count + 1)
      prefixed.append(0x20)
      prefixed.append(text)
      split(TextScanner(prefixed.bytes), &tokens)
    } else {
      split(TextScanner(text), &tokens)
    }
  }

  private mutating func split(_ text: TextScanner, _ tokens: inout TokenList) {
    switch tables.model.pattern {
    case .gpt2: pieces.encode(GPT2Scanner.self, text, into: &tokens)
    case .cl100k: pieces.encode(CL100KScanner<CL100KRules>.self, text, into: &tokens)
    case .llama3: pieces.encode(CL100KScanner<Llama3Rules>.self, text, into: &tokens)
    case .qwen2: pieces.encode(CL100KScanner<Qwen2Rules>.self, text, into: &tokens)
    case .o200k: pieces.encode(O200KScanner.self, text, into: &tokens)
    case .words: pieces.encode(WordScanner.self, text, into: &tokens)
    case .whitespace: pieces.encode(WhitespaceScanner.self, text, into: &tokens)
    case .none: pieces.encode(WholeScanner.self, text, into: &tokens)
    }
  }
}

/// Encodes one piece of text by merging.
private struct BytePairPieces: ~Copyable, ChunkEncoder {
  private let tables: BytePairTokenizer.Tables
  private var merger: PieceMerger
  private var long: LongPieces
  private var suffixed = ByteBuffer()
  private var innerPairs: InnerPairs?

  init(_ tables: BytePairTokenizer.Tables) {
    self.tables = tables
    merger = PieceMerger(tables.rules)
    long = LongPieces(tables.rules)
  }

  mutating func encode(_ piece: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    let model = tables.model
    guard model.wordEnd.isEmpty else {
      suffixed.removeAll()
      suffixed.append(piece)
      suffixed.append(model.wordEnd)
      return mergeSymbols(suffixed.bytes, characterEnd: piece.count, into: &tokens)
    }
    mergeSymbols(piece, characterEnd: piece.count, into: &tokens)
  }

  /// - characterEnd: where the text of the piece ends and the mark of the word's end begins.
  private mutating func mergeSymbols(
    _ piece: UnsafeBufferPointer<UInt8>, characterEnd: Int, into tokens: inout TokenList
  ) {
    let model = tables.model
    if model.ignoresMerges || model.order == .ranks, let token = tables.rules.token(piece) {
      return tokens.append(token)
    }
    guard model.level == .byte, model.wordEnd.isEmpty else {
      merger.begin()
      appendCharacters(of: piece, characterEnd: characterEnd)
      merger.merge(piece)
      return tokens.append(merger.tokens.tokens)
    }
    guard piece.count > WordCache.keyLimit else { return mergeBytes(of: piece, into: &tokens) }
    let pairs = innerPairs ?? tables.rules.innerPairs()
    innerPairs = pairs
    pairs.forEachPart(of: piece) { mergeBytes(of: $0, into: &tokens) }
  }

  private mutating func mergeBytes(
    of part: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList
  ) {
    if part.count == 1 { return tokens.append(tables.byteTokens[Int(part[0])]) }
    if let encoder = long.encoder(for: part.count) {
      return encoder.encode(part) { number, _ in
        tokens.append(encoder.graph.tokens[Int(number)])
      }
    }
    merger.begin()
    tables.byteTokens.withUnsafeBufferPointer { byteTokens in
      for (index, byte) in part.enumerated() { merger.append(byteTokens[Int(byte)], at: index) }
    }
    merger.merge(part)
    tokens.append(merger.tokens.tokens)
  }

  private mutating func appendCharacters(
    of piece: UnsafeBufferPointer<UInt8>, characterEnd: Int
  ) {
    let model = tables.model
    var index = 0
    var wasUnknown = false
    while index < characterEnd {
      let length =
        model.level == .byte ? 1 : max(1, utf8SequenceLength(piece, at: index))
      var end = index + length
      if end >= characterEnd { end = piece.count }
      let token = tables.rules.token(UnsafeBufferPointer(rebasing: piece[index..<end]))
      if let token {
        merger.append(token, at: index)
      } else if let unknown = model.unknown, !(wasUnknown && model.fusesUnknown) {
        merger.append(unknown, at: index)
      }
      wasUnknown = token == nil
      index = end
    }
  }
}

/// Decides when the merge graph, which costs time to make, is worth it: for pieces that are too long for
/// a heap of their pairs to stay near, once there have been many.
struct LongPieces: ~Copyable {
  private let rules: MergeRules
  private var byteCount = 0
  private var encoder: BacktrackingEncoder?
  private var isMade = false
  /// Shorter pieces are merged one merge after the other.
  private static let lengthLimit = 4096
  /// Bytes of long pieces merged so, too, until the graph has paid.
  private static let graphLimit = 1 << 18

  init(_ rules: MergeRules) { self.rules = rules }

  /// The encoder for a new piece of this length, if it is long and enough of them have been met.
  @inline(__always) mutating func encoder(for pieceByteCount: Int) -> BacktrackingEncoder? {
    pieceByteCount < LongPieces.lengthLimit ? nil : encoder(forLong: pieceByteCount)
  }

  private mutating func encoder(forLong pieceByteCount: Int) -> BacktrackingEncoder? {
    if isMade { return encoder }
    byteCount += pieceByteCount
    if byteCount < LongPieces.graphLimit { return nil }
    isMade = true
    encoder = rules.sharedGraph().map { BacktrackingEncoder($0) }
    return encoder
  }
}
