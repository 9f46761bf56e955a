// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// A byte-pair model ready to encode.
public struct BytePairTokenizer: Tokenizer {
  public let vocabulary: Vocabulary
  public var spellsAnyBytes: Bool { tables.model.level == .byte }
  let tables: Tables
  /// What it was made from.
  package var model: BytePairModel { tables.model }

  /// What all threads share.
  final class Tables: Sendable {
    let model: BytePairModel
    let pairs: PairTable?
    let spans: SpanTable
    /// The token of each byte, where there is one.
    let byteTokens: [Token]
    let added: AddedTokenFinder?

    init(_ model: BytePairModel, allowsSpecialTokens: Bool) {
      self.model = model
      pairs = model.order == .merges ? PairTable(model.merges) : nil
      spans = SpanTable(model.pieces, ids: model.ids)
      byteTokens = (UInt8.min...UInt8.max).map { [spans] byte in
        withUnsafePointer(to: byte) { spans.token(UnsafeBufferPointer(start: $0, count: 1)) }
          ?? Token.max
      }
      let added = model.addedTokens.filter { allowsSpecialTokens || !$0.isSpecial }
      self.added = added.isEmpty ? nil : AddedTokenFinder(added)
    }
  }

  /// - allowsSpecialTokens: the text of special tokens stands for them.
  /// - Throws: `StreamError` without a place when a byte-level model lacks a byte.
  public init(_ model: BytePairModel, allowsSpecialTokens: Bool = false) throws(StreamError) {
    let count = model.ids.count + model.addedTokens.count
    guard model.idCount <= max(2 * count, 1 << 20) else {
      throw StreamError(.none, "id \(model.idCount - 1) is out of range for \(count) pieces")
    }
    tables = Tables(model, allowsSpecialTokens: allowsSpecialTokens)
    if model.level == .byte, let byte = tables.byteTokens.firstIndex(of: Token.max) {
      throw StreamError(
        .none, "a byte-level model without the byte \(byte)", advice: "it cannot spell every text")
    }
    vocabulary = model.vocabulary()
  }

  public func makeEncoder() -> any RecordEncoder { BytePairEncoder(tables) }
}

/// Encodes with one thread's memory of words.
final class BytePairEncoder: RecordEncoder {
  private let tables: BytePairTokenizer.Tables
  private var cache = WordCache()
  private var merger: PieceMerger
  private var scratch = TokenList()
  private var suffixed = ByteBuffer()

  init(_ tables: BytePairTokenizer.Tables) {
    self.tables = tables
    merger = PieceMerger(pairs: tables.pairs, spans: tables.spans)
  }

  func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    guard let finder = tables.added else { return encodeText(record, &tokens) }
    finder.forEachPart(of: record) { part, token in
      if let token { tokens.append(token) } else { encodeText(part, &tokens) }
    }
  }

  private func encodeText(_ text: UnsafeBufferPointer<UInt8>, _ tokens: inout TokenList) {
    if tables.model.addsPrefixSpace, text.count > 0, text[0] != 0x20 {
      var prefixed = ByteBuffer(capacity: text.count + 1)
      prefixed.append(0x20)
      prefixed.append(text)
      split(TextScanner(prefixed.bytes), &tokens)
    } else {
      split(TextScanner(text), &tokens)
    }
  }

  private func split(_ text: TextScanner, _ tokens: inout TokenList) {
    switch tables.model.pattern {
    case .gpt2: encode(GPT2Scanner.self, text, &tokens)
    case .cl100k: encode(CL100KScanner<CL100KRules>.self, text, &tokens)
    case .llama3: encode(CL100KScanner<Llama3Rules>.self, text, &tokens)
    case .qwen2: encode(CL100KScanner<Qwen2Rules>.self, text, &tokens)
    case .o200k: encode(O200KScanner.self, text, &tokens)
    case .words: encode(WordScanner.self, text, &tokens)
    case .whitespace: encode(WhitespaceScanner.self, text, &tokens)
    case .none: encode(WholeScanner.self, text, &tokens)
    }
  }

  /// The loop that matters: a piece, its key, its tokens.
  @inline(__always) private func encode<S: SplitScanner>(
    _ scanner: S.Type, _ text: TextScanner, _ tokens: inout TokenList
  ) {
    var index = 0
    while index < text.count {
      let start = S.start(in: text, from: index)
      if start >= text.count { break }
      index = S.end(in: text, from: start)
      let length = index &- start
      if length <= 15 {
        let key = WordCache.key(text, start, length)
        if let slot = cache.find(key.low, key.high) {
          cache.append(slot, to: &tokens)
        } else {
          encodeNew(UnsafeBufferPointer(start: text.base + start, count: length), key, &tokens)
        }
      } else {
        encodeLong(UnsafeBufferPointer(start: text.base + start, count: length), &tokens)
      }
    }
  }

  @inline(never) private func encodeNew(
    _ piece: UnsafeBufferPointer<UInt8>, _ key: (low: UInt64, high: UInt64),
    _ tokens: inout TokenList
  ) {
    scratch.removeAll()
    merge(piece)
    cache.insert(key.low, key.high, scratch.tokens)
    tokens.append(scratch.tokens)
  }

  @inline(never) private func encodeLong(
    _ piece: UnsafeBufferPointer<UInt8>, _ tokens: inout TokenList
  ) {
    scratch.removeAll()
    if piece.count > WordCache.lengthLimit {
      merge(piece)
    } else {
      let hash = spellingHash(piece)
      if let slot = cache.find(long: piece, hash: hash) { return cache.append(slot, to: &tokens) }
      merge(piece)
      cache.insert(long: piece, hash: hash, scratch.tokens)
    }
    tokens.append(scratch.tokens)
  }

  /// Puts the tokens of a piece into `scratch`.
  private func merge(_ piece: UnsafeBufferPointer<UInt8>) {
    let model = tables.model
    guard model.wordEnd.isEmpty else {
      suffixed.removeAll()
      suffixed.append(piece)
      suffixed.append(model.wordEnd)
      return mergeSymbols(suffixed.bytes, characterEnd: piece.count)
    }
    mergeSymbols(piece, characterEnd: piece.count)
  }

  /// - characterEnd: where the text of the piece ends and the mark of the word's end begins.
  private func mergeSymbols(_ piece: UnsafeBufferPointer<UInt8>, characterEnd: Int) {
    let model = tables.model
    if model.ignoresMerges || model.order == .ranks, let token = tables.spans.token(piece) {
      scratch.append(token)
      return
    }
    merger.begin()
    if model.level == .byte, model.wordEnd.isEmpty {
      tables.byteTokens.withUnsafeBufferPointer { byteTokens in
        for (index, byte) in piece.enumerated() { merger.append(byteTokens[Int(byte)], at: index) }
      }
    } else {
      appendCharacters(of: piece, characterEnd: characterEnd)
    }
    merger.merge(piece, into: &scratch)
  }

  private func appendCharacters(of piece: UnsafeBufferPointer<UInt8>, characterEnd: Int) {
    let model = tables.model
    var index = 0
    var wasUnknown = false
    while index < characterEnd {
      let length =
        model.level == .byte ? 1 : max(1, utf8SequenceLength(piece, at: index))
      var end = index + length
      if end >= characterEnd { end = piece.count }
      let token = tables.spans.token(UnsafeBufferPointer(rebasing: piece[index..<end]))
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

/// Finds added tokens in a text: the leftmost, the longest of those.
struct AddedTokenFinder: Sendable {
  /// By first byte, longest first.
  private var byFirstByte: [[TokenizerFile.AddedToken]] = Array(repeating: [], count: 256)

  init(_ tokens: [TokenizerFile.AddedToken]) {
    for token in tokens where !token.content.isEmpty {
      byFirstByte[Int(token.content[0])].append(token)
    }
    for byte in 0..<256 { byFirstByte[byte].sort { $0.content.count > $1.content.count } }
  }

  /// Calls `body` with each stretch of text, and with each added token's own text and token.
  func forEachPart(
    of text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>, Token?) -> Void
  ) {
    var start = 0
    var index = 0
    while index < text.count {
      guard let found = token(in: text, at: index) else {
        index += 1
        continue
      }
      var end = index + found.content.count
      var textEnd = index
      if found.stripsLeft { textEnd = index - trailingSpaces(text, start, index) }
      if found.stripsRight { end = TextScanner(text).end(of: .space, from: end) }
      if textEnd > start { body(UnsafeBufferPointer(rebasing: text[start..<textEnd]), nil) }
      body(UnsafeBufferPointer(rebasing: text[textEnd..<end]), Token(found.id))
      start = end
      index = end
    }
    if start < text.count { body(UnsafeBufferPointer(rebasing: text[start...]), nil) }
  }

  private func token(
    in text: UnsafeBufferPointer<UInt8>, at index: Int
  ) -> TokenizerFile.AddedToken? {
    byFirstByte[Int(text[index])].first { token in
      guard text.count - index >= token.content.count,
        text[index..<index + token.content.count].elementsEqual(token.content)
      else { return false }
      guard token.isSingleWord else { return true }
      let end = index + token.content.count
      return !endsInWord(text, index) && !beginsWord(text, end)
    }
  }

  private func beginsWord(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
    index < text.count && isWord(TextScanner(text).character(at: index).kind)
  }

  private func endsInWord(_ text: UnsafeBufferPointer<UInt8>, _ end: Int) -> Bool {
    guard end > 0 else { return false }
    var index = end - 1
    while index > 0, text[index] & 0xC0 == 0x80, end - index < 4 { index -= 1 }
    return isWord(TextScanner(text).character(at: index).kind)
  }

  private func isWord(_ kind: CharacterClass) -> Bool { kind == .letter || kind == .number }

  /// Bytes of white space before `end`, not before `start`.
  private func trailingSpaces(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int
  ) -> Int {
    let part = TextScanner(UnsafeBufferPointer(rebasing: text[start..<end]))
    var index = 0
    var lastInk = 0
    while index < part.count {
      let (kind, length) = part.character(at: index)
      index += length
      if kind != .space { lastInk = index }
    }
    return part.count - lastInk
  }
}
