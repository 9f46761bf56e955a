// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// What the command line says about the use of a tokeniser.
public struct TokenizerOptions: Sendable {
  /// Text of special tokens stands for them; otherwise it is text like any other.
  public var allowsSpecialTokens = false
  /// The tokens that the model's template puts before and after a text are written too.
  public var addsTemplate = false
  /// Encoders tell where tokens stand.
  public var tracesOffsets = false
  public var sampling = SegmentationSampling()

  public init() {}

  /// Whether only the general engine can do it.
  var needsChain: Bool { addsTemplate || tracesOffsets || sampling.isActive }
}

/// The bytes of a tokeniser model file, and what the command line adds where the file is silent.
public struct ModelSource: Sendable {
  /// The name in messages.
  public var name: String
  public var bytes: [UInt8]
  /// The merges that belong to a `vocab.json`.
  public var merges: [UInt8]?
  /// The split pattern, for formats that do not carry one (`.tiktoken`, merges without facts).
  public var pattern: SplitPattern?
  public var options = TokenizerOptions()
  /// A compiled model, which is not read but mapped.
  var mapped: MappedFile?

  public init(name: String = "<memory>", bytes: [UInt8], pattern: SplitPattern? = nil) {
    self.name = name
    self.bytes = bytes
    self.pattern = pattern
  }

  /// Whether the file begins with `text`.
  public func begins(with text: String) -> Bool { bytes.starts(with: text.utf8) }

  /// The first line, without its LF.
  public var firstLine: ArraySlice<UInt8> { bytes.prefix { $0 != 0x0A } }
}

/// A kind of model file: how to recognise it by its content, and how to read it.
public protocol TokenizerFormat {
  static func recognises(_ source: ModelSource) -> Bool
  static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile
  /// The engine of the format's own, where there is one that need not read the file as a chain.
  static func open(_ source: ModelSource) throws(StreamError) -> (any Tokenizer)?
}

extension TokenizerFormat {
  public static func open(_ source: ModelSource) throws(StreamError) -> (any Tokenizer)? { nil }
}

/// Opens any tokeniser model by its content.
public enum TokenizerModel {
  /// The formats, in the order in which they are asked. A new one is one line here.
  static var formats: [any TokenizerFormat.Type] {
    [
      CompiledModel.self, SentencePieceFormat.self, TokenizerJSON.self, UnigramTextFormat.self,
      MergesFile.self,
      TiktokenFile.self, WordPieceFormat.self,
    ]
  }

  /// - Throws: `StreamError` when the file cannot be read, is of no known kind, or is malformed.
  public static func open(_ source: ModelSource) throws(StreamError) -> any Tokenizer {
    let format = try format(of: source)
    let options = source.options
    let own = try format.open(source)
    if !options.needsChain, let own { return own }
    let file = try format.read(source)
    let fast: (any Tokenizer)? = if let own { own } else { try file.fastTokenizer(options) }
    if !options.needsChain, let fast { return fast }
    // Both engines of a model share one vocabulary.
    let vocabulary = if let fast { fast.vocabulary } else { try file.vocabulary() }
    return try ChainTokenizer(file, options, vocabulary: vocabulary)
  }

  /// Reads a model as what it is made of.
  public static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    try format(of: source).read(source)
  }

  /// Writes a model in a format; the sink stays open.
  ///
  /// - words: for a compiled model, text whose words are known from the start.
  public static func write(
    _ source: ModelSource, as format: SavedFormat, words: RecordReader? = nil, to sink: ByteSink
  ) throws(StreamError) {
    if format == .compiled { return try CompiledModel.write(source, words: words, to: sink) }
    try read(source).write(as: format, to: sink)
  }

  /// Reads a byte-pair model whose words are cut by a known pattern.
  public static func readBytePairs(_ source: ModelSource) throws(StreamError) -> BytePairModel {
    guard let model = try BytePairModel(read(source)) else {
      throw StreamError(
        .file(source.name), "is no byte-pair model with a known pattern",
        advice: "give merges or json")
    }
    return model
  }

  private static func format(
    of source: ModelSource
  ) throws(StreamError) -> any TokenizerFormat.Type {
    for format in formats where format.recognises(source) { return format }
    throw StreamError(
      .file(source.name), "is no tokeniser model",
      advice: "give merges, tokenizer.json, .tiktoken, a SentencePiece .model or a vocab.txt")
  }
}

extension TokenizerFile {
  /// The engine that is built for chains like this one, if there is one.
  func fastTokenizer(_ options: TokenizerOptions) throws(StreamError) -> (any Tokenizer)? {
    if let model = try BytePairModel(self) {
      do throws(StreamError) {
        return try BytePairTokenizer(model, allowsSpecialTokens: options.allowsSpecialTokens)
      } catch { throw error.located(at: .file(name)) }
    }
    return try WordPieceTokenizer(self, options)
  }

  /// The pieces by id, as streams spell them.
  func vocabulary() throws(StreamError) -> Vocabulary {
    let count = idCount
    guard count <= max(2 * (model.ids.count + addedTokens.count), 1 << 20) else {
      throw StreamError(
        .file(name), "id \(count - 1) is out of range for \(model.ids.count) pieces")
    }
    // Where an id's piece stands, -1 for none.
    var places = [Int](repeating: -1, count: count)
    var added: [Int: [UInt8]] = [:]
    var specials: Set<Int> = []
    for (index, id) in model.ids.enumerated() {
      guard places[id] < 0 else {
        throw StreamError(.file(name), "id \(id) stands twice in the vocabulary")
      }
      places[id] = index
      if !model.sentencePieceTypes.isEmpty, model.sentencePieceTypes[index] == .control {
        specials.insert(id)
      }
    }
    for token in addedTokens {
      if places[token.id] < 0, added[token.id] == nil { added[token.id] = token.content }
      if token.isSpecial { specials.insert(token.id) }
    }
    var table = VocabularyTable()
    let steps = decoder.steps
    let decoding = decoder.decoding
    for (id, place) in places.enumerated() {
      guard let piece = place < 0 ? added[id] : Array(model.pieces[place]) else {
        table.appendHole()
        continue
      }
      if piece == model.unknown {
        table.append(special: Spelling.unknown)
      } else if specials.contains(id), piece == Spelling.beginning || piece == Spelling.end {
        table.append(special: piece)
      } else if decoding.hasByteFallback, SubwordModel.fallbackByte(piece) != nil {
        table.append(piece)
      } else {
        table.append(specials.contains(id) ? piece : PieceDecoder.bytes(of: piece, steps))
      }
    }
    return table.finish(decoding: decoding)
  }
}

extension ModelSource {
  /// Reads a whole model file.
  ///
  /// - merges: the path of the merges of a `vocab.json`.
  public init(
    path: String, merges: String? = nil, pattern: SplitPattern? = nil
  ) throws(StreamError) {
    let file = try InputFile(path: path)
    if path != "-", let mapped = try MappedFile(path: path),
      mapped.bytes.starts(with: CompiledModel.signature.utf8)
    {
      self.init(name: file.name, bytes: [])
      self.mapped = mapped
      return
    }
    self.init(name: file.name, bytes: try ModelSource.contents(of: file), pattern: pattern)
    if let merges { self.merges = try ModelSource.contents(of: try InputFile(path: merges)) }
  }

  private static func contents(of file: InputFile) throws(StreamError) -> [UInt8] {
    // As long as the file and one byte more, so that a file is read at once and its end seen.
    var bytes = [UInt8](repeating: 0, count: (file.fileByteCount ?? 1 << 16) + 1)
    var count = 0
    while true {
      let readCount = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(StreamError) in
        try file.read(
          into: UnsafeMutableRawBufferPointer(
            UnsafeMutableBufferPointer(rebasing: buffer[count...])))
      }
      if readCount == 0 { break }
      count += readCount
      if count == bytes.count { bytes += repeatElement(0, count: count) }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}
