// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import Probability
public import TokenStreams

/// A tokeniser of any chain, component by component as its file says: for chains that no faster engine
/// is built for, and for what only it can do: offsets, templates, drawn segmentations.
public final class ChainTokenizer: Tokenizer {
  public let vocabulary: Vocabulary
  let file: TokenizerFile
  let options: TokenizerOptions
  let model: ChainModel
  /// Added tokens that are looked for before and after the text is normalised.
  let rawFinder: AddedTokenFinder?
  let normalizedFinder: AddedTokenFinder?
  /// Words may also be cut before each run of `▁`: no piece reaches over its beginning.
  let cutsAtMarks: Bool

  init(
    _ file: TokenizerFile, _ options: TokenizerOptions, vocabulary: Vocabulary
  ) throws(StreamError) {
    self.file = file
    self.options = options
    self.vocabulary = vocabulary
    model = try ChainModel.make(file)
    let added = file.addedTokens.filter { options.allowsSpecialTokens || !$0.isSpecial }
    let raw = added.filter { !$0.isNormalized || file.normalizer.isNone }
    let normalized = added.filter { $0.isNormalized && !file.normalizer.isNone }.map { token in
      var token = token
      var text = AlignedText(isTraced: false)
      token.content.withUnsafeBufferPointer { text = AlignedText($0, at: 0, isTraced: false) }
      file.normalizer.apply(to: &text)
      token.content = text.bytes
      return token
    }
    rawFinder = raw.isEmpty ? nil : AddedTokenFinder(raw)
    normalizedFinder = normalized.isEmpty ? nil : AddedTokenFinder(normalized)
    cutsAtMarks = file.model.wordsEndAtMarks
  }

  /// Bytes go through a chain as they are where only the alphabet of bytes changes them.
  public var spellsAnyBytes: Bool {
    file.preTokenizer.known?.isByteLevel == true && file.normalizer.isNone
  }

  public func makeEncoder() -> any RecordEncoder { ChainEncoder(self) }
}

extension SubwordModel {
  /// Whether no piece has `▁` after another character, and `▁` alone can be spelt: then words can be
  /// encoded one by one, also where the pre-tokeniser leaves them together. SentencePiece sums the
  /// scores of a whole sentence, in single precision.
  fileprivate var wordsEndAtMarks: Bool {
    guard kind == .bpe || kind == .unigram && sentencePieceTypes.isEmpty, !ignoresMerges,
      wordEnd.isEmpty,
      continuingPrefix.isEmpty
    else { return false }
    let mark = SentencePieceRules.mark
    var hasMark = hasByteFallback
    for index in 0..<pieces.count {
      if !sentencePieceTypes.isEmpty, !sentencePieceTypes[index].isText { continue }
      let piece = pieces[index]
      // Most pieces have no byte of a mark.
      guard piece.contains(mark[0]) else { continue }
      var rest = piece
      if rest.elementsEqual(mark) { hasMark = true }
      while rest.starts(with: mark) { rest = rest.dropFirst(3) }
      if rest.contains(bytes: mark) { return false }
    }
    return hasMark
  }
}

/// One thread's encoder of a chain.
final class ChainEncoder: RecordEncoder {
  private let tokenizer: ChainTokenizer
  private let numbers: RandomNumbers
  /// The number of the record that comes next, which random numbers depend on.
  var recordNumber = 0
  /// Where each token of the last record stands in it, in bytes; empty for what a template adds.
  private(set) var ranges: [Range<Int>] = []
  private var run = PieceRun()
  /// The tokens of words met before.
  private var words = PieceTable()
  private var wordRuns: [(start: Int, count: Int)] = []
  private var known = PieceRun()
  private static let cacheLimit = 1 << 20

  init(_ tokenizer: ChainTokenizer) {
    self.tokenizer = tokenizer
    numbers = RandomNumbers(seed: tokenizer.options.sampling.seed)
  }

  func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
    ranges.removeAll(keepingCapacity: true)
    var random = numbers.numbers(record: UInt64(recordNumber), step: 0)
    recordNumber += 1
    let template = tokenizer.options.addsTemplate ? tokenizer.file.postProcessor : .none
    for token in template.before { append(token, 0..<0, &tokens) }
    if let finder = tokenizer.rawFinder {
      finder.forEachPart(of: record) { part, token in
        let offset = part.baseAddress.map { record.baseAddress!.distance(to: $0) } ?? 0
        if let token {
          append(token, offset..<offset + part.count, &tokens)
        } else {
          encode(part, at: offset, &random, &tokens)
        }
      }
    } else if record.count > 0 {
      encode(record, at: 0, &random, &tokens)
    }
    for token in template.after { append(token, record.count..<record.count, &tokens) }
  }

  private func append(_ token: Token, _ range: Range<Int>, _ tokens: inout TokenList) {
    tokens.append(token)
    if tokenizer.options.tracesOffsets { ranges.append(range) }
  }

  /// A stretch of the record between added tokens.
  private func encode(
    _ part: UnsafeBufferPointer<UInt8>, at offset: Int, _ random: inout StepNumbers,
    _ tokens: inout TokenList
  ) {
    var text = AlignedText(part, at: offset, isTraced: tokenizer.options.tracesOffsets)
    tokenizer.file.normalizer.apply(to: &text)
    guard let finder = tokenizer.normalizedFinder else {
      return encode(text, isFirst: offset == 0, &random, &tokens)
    }
    text.bytes.withUnsafeBufferPointer { bytes in
      finder.forEachPart(of: bytes) { part, token in
        let start = bytes.baseAddress!.distance(to: part.baseAddress!)
        let range = start..<start + part.count
        if let token {
          append(token, text.origin(of: range), &tokens)
        } else {
          var inner = AlignedText(isTraced: text.isTraced)
          inner.append(range, of: text)
          encode(inner, isFirst: offset == 0 && start == 0, &random, &tokens)
        }
      }
    }
  }

  private func encode(
    _ prepared: AlignedText, isFirst: Bool, _ random: inout StepNumbers, _ tokens: inout TokenList
  ) {
    guard prepared.count > 0 else { return }
    var text = prepared
    var ranges = [0..<text.count]
    tokenizer.file.preTokenizer.apply(to: &text, &ranges, isFirst: isFirst)
    text.bytes.withUnsafeBufferPointer { bytes in
      for range in ranges {
        guard tokenizer.cutsAtMarks else {
          encode(word: bytes, range, text, &random, &tokens)
          continue
        }
        var start = range.lowerBound
        while start < range.upperBound {
          let end = ChainEncoder.endOfMarkedWord(bytes, from: start, below: range.upperBound)
          encode(word: bytes, start..<end, text, &random, &tokens)
          start = end
        }
      }
    }
  }

  /// Marks at `start`, and what follows them up to the next one.
  private static func endOfMarkedWord(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, below limit: Int
  ) -> Int {
    func isMark(_ index: Int) -> Bool {
      index + 2 < limit && bytes[index] == 0xE2 && bytes[index + 1] == 0x96
        && bytes[index + 2] == 0x81
    }
    var index = start
    while isMark(index) { index += 3 }
    while index < limit, !isMark(index) { index += 1 }
    return index
  }

  private func encode(
    word bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ text: AlignedText,
    _ random: inout StepNumbers, _ tokens: inout TokenList
  ) {
    guard !range.isEmpty else { return }
    let word = UnsafeBufferPointer(rebasing: bytes[range])
    let sampling = tokenizer.options.sampling
    if sampling.isActive || word.count > 256 {
      run.removeAll()
      tokenizer.model.encode(word, sampling, &random, into: &run)
      return emit(run, 0..<run.tokens.count, range.lowerBound, text, &tokens)
    }
    let number = Int(words.insert(word))
    if number == wordRuns.count {
      let start = known.tokens.count
      tokenizer.model.encode(word, sampling, &random, into: &known)
      wordRuns.append((start, known.tokens.count - start))
    }
    let found = wordRuns[number]
    emit(known, found.start..<found.start + found.count, range.lowerBound, text, &tokens)
    if wordRuns.count >= ChainEncoder.cacheLimit {
      words = PieceTable()
      wordRuns.removeAll()
      known.removeAll()
    }
  }

  private func emit(
    _ run: PieceRun, _ items: Range<Int>, _ offset: Int, _ text: AlignedText,
    _ tokens: inout TokenList
  ) {
    for item in items {
      let range = run.ranges[item]
      let origin =
        text.isTraced
        ? text.origin(of: range.lowerBound + offset..<range.upperBound + offset) : 0..<0
      append(run.tokens[item], origin, &tokens)
    }
  }
}
