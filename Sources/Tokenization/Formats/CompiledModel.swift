// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// A byte-pair model as its engine has it in memory, words that it has met included: a file that is
/// mapped, checked and ready. See tokenizer-model(5).
///
///     signature (24 bytes), checksum of the tables, checksum of the source, number of sections,
///     then of each section its offset and its bytes; sections begin at multiples of 64
///
/// The source is the model as `tokenizer.json`: what is not done by the tables (offsets, templates, other
/// formats) is read from there. Numbers are little-endian.
enum CompiledModel: TokenizerFormat {
  static let signature = "chainrule byte pairs 1\n\0"
  private static let headCount = 48
  private static let alignment = 64

  /// In the order of the file; the source is last.
  private enum Section: Int, CaseIterable {
    case facts
    case vocabularyBytes, vocabularyOffsets, vocabularySlots
    case pieceBytes, pieceOffsets, pieceSlots, pieceValues
    case pairs, words, source

    /// Where each section is named in the head.
    var place: Int { CompiledModel.headCount + 16 * rawValue }
  }

  static func recognises(_ source: ModelSource) -> Bool {
    source.mapped != nil || source.begins(with: signature)
  }

  // MARK: Writing

  /// Writes a model with the words of a text, which are then known from the start; the sink stays open.
  ///
  /// - Throws: `StreamError` for models that the byte-pair engine does not encode.
  static func write(
    _ source: ModelSource, words: RecordReader?, to sink: ByteSink
  ) throws(StreamError) {
    var source = source
    source.options = TokenizerOptions()
    let file = try TokenizerModel.read(source)
    guard let tokenizer = try TokenizerModel.open(source) as? BytePairTokenizer else {
      throw StreamError(
        .file(source.name), "only byte-pair models with a known pattern can be compiled",
        advice: "save json")
    }
    var output = ByteBuffer(capacity: 1 << 22)
    output.append(signature)
    while output.count < Section.source.place + 16 { output.append(0) }
    for section in Section.allCases {
      while output.count % alignment != 0 { output.append(0) }
      let start = output.count
      try append(section, tokenizer, file, words, to: &output)
      store(start, at: section.place, of: output)
      store(output.count - start, at: section.place + 8, of: output)
    }
    store(Section.allCases.count, at: 40, of: output)
    let raw = UnsafeRawBufferPointer(output.bytes)
    let sourceStart = load(Section.source.place, raw)
    store(
      checksum(UnsafeRawBufferPointer(rebasing: raw[sourceStart...])), at: 32, of: output)
    store(checksum(UnsafeRawBufferPointer(rebasing: raw[32..<sourceStart])), at: 24, of: output)
    try sink.write(output)
  }

  private static func append(
    _ section: Section, _ tokenizer: BytePairTokenizer, _ file: TokenizerFile,
    _ words: RecordReader?, to output: inout ByteBuffer
  ) throws(StreamError) {
    let rules = tokenizer.tables.rules
    func append<T>(_ values: UnsafePointer<T>, _ count: Int) {
      output.append(UnsafeRawBufferPointer(UnsafeBufferPointer(start: values, count: count)))
    }
    let vocabulary = tokenizer.vocabulary.mappedSpellings
    switch section {
    case .facts: output.append(json: facts(of: tokenizer))
    case .vocabularyBytes: append(vocabulary.bytes, vocabulary.byteCount)
    case .vocabularyOffsets: append(vocabulary.offsets, vocabulary.count + 1)
    case .vocabularySlots: append(vocabulary.slots, vocabulary.slotCount)
    case .pieceBytes: append(rules.spellings.bytes, rules.spellings.byteCount)
    case .pieceOffsets: append(rules.spellings.offsets, rules.spellings.count + 1)
    case .pieceSlots: append(rules.spellings.slots, rules.spellings.slotCount)
    case .pieceValues: append(rules.values, rules.spellings.count)
    case .pairs: if let pairs = rules.pairs { output.append(pairs.bytes) }
    case .words:
      var bucketCount = 1 << 10
      while 2 * bucketCount < rules.spellings.count { bucketCount *= 2 }
      let encoder = BytePairEncoder(
        tokenizer.tables, cache: WordCache(bucketCount: bucketCount, bucketLimit: bucketCount))
      if tokenizer.model.wordEnd.isEmpty {
        // Full buckets lose what came first: the rarest.
        for number in (0..<rules.spellings.count).reversed()
        where !rules.spellings[number].isEmpty {
          encoder.remember(rules.spellings[number])
        }
      }
      var tokens = TokenList()
      while let block = try words?.nextBlock() {
        block.forEachRecord { record, _ in
          tokens.removeAll()
          encoder.encode(record, into: &tokens)
        }
      }
      encoder.appendWords(to: &output)
    case .source: try TokenizerJSON.append(file, to: &output)
    }
  }

  private static func facts(of tokenizer: BytePairTokenizer) -> JSONValue {
    let model = tokenizer.model
    func text(_ bytes: [UInt8]) -> JSONValue { .string(String(decoding: bytes, as: UTF8.self)) }
    let added = model.addedTokens.map { token in
      JSONValue.object([
        ("id", .number(Double(token.id))), ("content", text(token.content)),
        ("special", .boolean(token.isSpecial)), ("normalized", .boolean(token.isNormalized)),
        ("single_word", .boolean(token.isSingleWord)), ("lstrip", .boolean(token.stripsLeft)),
        ("rstrip", .boolean(token.stripsRight)),
      ])
    }
    return .object([
      ("level", .string(model.level.rawValue)), ("ranks", .boolean(model.order == .ranks)),
      ("pattern", .string(model.pattern.rawValue)), ("word_end", text(model.wordEnd)),
      ("ignore_merges", .boolean(model.ignoresMerges)),
      ("prefix_space", .boolean(model.addsPrefixSpace)),
      ("unknown", model.unknown.map { .number(Double($0)) } ?? .null),
      ("fuse_unknown", .boolean(model.fusesUnknown)),
      ("decoding", .string(tokenizer.vocabulary.decoding.description)),
      ("fingerprint", .string(String(tokenizer.vocabulary.tokenizerFingerprint ?? 0, radix: 16))),
      ("added_tokens", .array(added)),
    ])
  }

  // MARK: Reading

  static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    let raw = try sections(of: source)[Section.source.rawValue]
    let mapped = source.mapped!
    guard checksum(raw) == load(32, mapped.bytes) else { throw damaged(source) }
    return try TokenizerFile(
      parsing: raw.assumingMemoryBound(to: UInt8.self), name: source.name)
  }

  static func open(_ source: ModelSource) throws(StreamError) -> (any Tokenizer)? {
    let parts = try sections(of: source)
    let mapped = source.mapped!
    func part(_ section: Section) -> UnsafeRawBufferPointer { parts[section.rawValue] }
    func array<T>(_ section: Section, of type: T.Type) -> UnsafeBufferPointer<T> {
      part(section).assumingMemoryBound(to: type)
    }
    func spellings(
      _ bytes: Section, _ offsets: Section, _ slots: Section
    ) throws(StreamError) -> MappedSpellings {
      let offsets = array(offsets, of: UInt64.self)
      let slots = array(slots, of: UInt64.self)
      guard offsets.count > 0, slots.count > 0, offsets.last! == UInt64(part(bytes).count) else {
        throw damaged(source)
      }
      return MappedSpellings(
        bytes: part(bytes).assumingMemoryBound(to: UInt8.self).baseAddress!,
        offsets: offsets.baseAddress!, count: offsets.count - 1, slots: slots.baseAddress!,
        slotCount: slots.count, owner: mapped)
    }
    var scanner = JSONScanner(array(.facts, of: UInt8.self), name: source.name)
    let facts = try scanner.value()
    guard var model = BytePairModel(compiledFacts: facts),
      let decoding = TextDecoding(facts["decoding"]?.string ?? ""),
      let fingerprint = UInt64(facts["fingerprint"]?.string ?? "", radix: 16)
    else { throw damaged(source) }
    model.addedTokens = try TokenizerFile.addedTokens(facts["added_tokens"] ?? .null, scanner)
    let pieces = try spellings(.pieceBytes, .pieceOffsets, .pieceSlots)
    let values = array(.pieceValues, of: UInt64.self)
    let pairs =
      model.order == .ranks
      ? nil : PairTable(mapped: array(.pairs, of: PairTable.Slot.self), owner: mapped)
    guard
      let vocabulary = Vocabulary(
        mapped: try spellings(.vocabularyBytes, .vocabularyOffsets, .vocabularySlots),
        decoding: decoding, tokenizerFingerprint: fingerprint),
      pieces.isConsistent, values.count == pieces.count, model.order == .ranks || pairs != nil
    else { throw damaged(source) }
    let skeleton = model
    let rules = MergeRules(
      spellings: pieces, values: values.baseAddress!, pairs: pairs,
      makeGraph: { rules in
        guard skeleton.level == .byte, skeleton.wordEnd.isEmpty else { return nil }
        return skeleton.filled(from: rules).mergeGraph()
      })
    let words = part(.words)
    let wordsStart = mapped.bytes.baseAddress!.distance(to: words.baseAddress!)
    return BytePairTokenizer(
      BytePairTokenizer.Tables(
        model, rules, vocabulary: vocabulary,
        words: WordImage(file: mapped, range: wordsStart..<wordsStart + words.count),
        allowsSpecialTokens: source.options.allowsSpecialTokens))
  }

  /// The sections of a file whose tables are whole.
  private static func sections(
    of source: ModelSource
  ) throws(StreamError) -> [UnsafeRawBufferPointer] {
    guard let bytes = source.mapped?.bytes else {
      throw StreamError(
        .file(source.name), "a compiled model is mapped", advice: "give it as a file, not by a pipe"
      )
    }
    guard bytes.count >= Section.source.place + 16, load(40, bytes) == Section.allCases.count
    else { throw damaged(source) }
    var parts: [UnsafeRawBufferPointer] = []
    var end = Section.source.place + 16
    for section in Section.allCases {
      let (start, count) = (load(section.place, bytes), load(section.place + 8, bytes))
      guard start >= end, start % alignment == 0, start <= bytes.count,
        count >= 0, count <= bytes.count - start
      else { throw damaged(source) }
      end = start + count
      parts.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }
    let sourceStart = load(Section.source.place, bytes)
    guard end == bytes.count,
      checksum(UnsafeRawBufferPointer(rebasing: bytes[32..<sourceStart])) == load(24, bytes)
    else { throw damaged(source) }
    return parts
  }

  private static func damaged(_ source: ModelSource) -> StreamError {
    StreamError(
      .file(source.name), "a compiled model that is damaged or of another release",
      advice: "compile it again")
  }

  // MARK: Numbers

  private static func store(_ value: Int, at place: Int, of output: borrowing ByteBuffer) {
    UnsafeMutableRawPointer(output.base).storeBytes(
      of: value.littleEndian, toByteOffset: place, as: Int.self)
  }

  private static func load(_ place: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
    Int(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Int.self))
  }

  /// Four sums side by side, each of 16 bytes a step, so that a file is checked as fast as it is read.
  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> Int {
    var (a, b, c, d) = (UInt64(1), UInt64(2), UInt64(3), UInt64(4))
    @inline(__always) func mixed(_ sum: UInt64, _ first: UInt64, _ second: UInt64) -> UInt64 {
      let (high, low) = (sum ^ first).multipliedFullWidth(by: second ^ 0x9E37_79B9_7F4A_7C15)
      return high ^ low ^ second
    }
    @inline(__always) func mixed(_ sum: UInt64, at place: Int) -> UInt64 {
      @inline(__always) func word(_ place: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      }
      return mixed(sum, word(place), word(place &+ 8))
    }
    var index = 0
    while index &+ 64 <= bytes.count {
      a = mixed(a, at: index)
      b = mixed(b, at: index &+ 16)
      c = mixed(c, at: index &+ 32)
      d = mixed(d, at: index &+ 48)
      index &+= 64
    }
    for byte in bytes[index...] { a = mixed(a, UInt64(byte), 1) }
    let result = mixed(mixed(mixed(UInt64(bytes.count), a, b), c, d), 2, 3)
    return Int(bitPattern: UInt(result))
  }
}

extension BytePairModel {
  /// What the engine asks of a model besides its tables.
  fileprivate init?(compiledFacts facts: JSONValue) {
    guard let level = Level(rawValue: facts["level"]?.string ?? ""),
      let pattern = SplitPattern(rawValue: facts["pattern"]?.string ?? "")
    else { return nil }
    self.init(level: level, pattern: pattern)
    func flag(_ key: String) -> Bool { facts[key]?.boolean ?? false }
    order = flag("ranks") ? .ranks : .merges
    wordEnd = Array((facts["word_end"]?.string ?? "").utf8)
    ignoresMerges = flag("ignore_merges")
    addsPrefixSpace = flag("prefix_space")
    fusesUnknown = flag("fuse_unknown")
    unknown = facts["unknown"]?.number.flatMap { Token(exactly: $0) }
  }

  /// The model with its pieces and merges, taken from the tables.
  fileprivate func filled(from rules: MergeRules) -> BytePairModel {
    var model = self
    for number in 0..<rules.spellings.count {
      model.pieces.append(rules.spellings[number])
      model.ids.append(Token(truncatingIfNeeded: rules.values[number]))
    }
    model.merges = rules.pairs?.merges ?? []
    return model
  }
}
