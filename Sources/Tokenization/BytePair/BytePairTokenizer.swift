// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// A byte-pair model ready to encode.
public struct BytePairTokenizer: Tokenizer {
  public var vocabulary: Vocabulary { tables.vocabulary }
  /// Told without the vocabulary where it has none.
  public var unknown: Token? {
    let isNamed =
      model.unknown != nil || model.addedTokens.contains { $0.content == Spelling.unknown }
    return isNamed ? vocabulary.unknown : nil
  }
  public var spellsAnyBytes: Bool { tables.model.level == .byte }
  let tables: Tables
  /// What it was made from.
  package var model: BytePairModel { tables.model }

  /// What all threads share.
  final class Tables: @unchecked Sendable {
    let model: BytePairModel
    let rules: MergeRules
    /// The token of each byte, where there is one.
    let byteTokens: [Token]
    let added: AddedTokenFinder?
    /// Words to begin with.
    let wordImage: WordImage?
    private let madeVocabulary: Locked<Vocabulary?>

    convenience init(_ model: BytePairModel, allowsSpecialTokens: Bool) {
      let rules = MergeRules(
        pieces: model.pieces, tokens: model.ids,
        merges: model.order == .merges ? model.merges : nil,
        makeGraph: { _ in
          model.level == .byte && model.wordEnd.isEmpty ? model.mergeGraph() : nil
        })
      self.init(model, rules, allowsSpecialTokens: allowsSpecialTokens)
    }

    init(
      _ model: BytePairModel, _ rules: MergeRules, vocabulary: Vocabulary? = nil,
      words: WordImage? = nil, allowsSpecialTokens: Bool
    ) {
      madeVocabulary = Locked(vocabulary)
      self.model = model
      self.rules = rules
      wordImage = words
      byteTokens = rules.byteTokens()
      let added = model.addedTokens.filter { allowsSpecialTokens || !$0.isSpecial }
      self.added = added.isEmpty ? nil : AddedTokenFinder(added)
    }

    /// Made at the first call: ids alone do not ask for it.
    var vocabulary: Vocabulary {
      madeVocabulary.withLock { vocabulary in
        if let made = vocabulary { return made }
        let made = model.vocabulary()
        vocabulary = made
        return made
      }
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
    if model.level == .byte, let byte = tables.byteTokens.firstIndex(of: MergeRules.unknown) {
      throw StreamError(
        .none, "a byte-level model without the byte \(byte)", advice: "it cannot spell every text")
    }
  }

  /// A tokenizer whose tables lie in a mapped file.
  init(_ tables: Tables) { self.tables = tables }

  public func makeEncoder() -> any RecordEncoder { BytePairEncoder(tables) }
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
