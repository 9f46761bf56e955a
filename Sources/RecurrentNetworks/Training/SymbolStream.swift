// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// The symbols to train on, in memory at two bytes each, or four when there are many kinds. Every
/// record ends with the symbol of `</s>`.
public struct SymbolStream: Sendable {
  private var narrow: [UInt16] = []
  private var wide: [UInt32] = []
  /// Number of symbols, ends of records included.
  public private(set) var count = 0
  /// Number of records.
  public private(set) var recordCount = 0

  public init() {}

  /// The symbol at an index.
  public subscript(index: Int) -> UInt32 {
    wide.isEmpty ? UInt32(narrow[index]) : wide[index]
  }

  /// Bytes that the symbols take.
  public var byteCount: Int { count * (wide.isEmpty ? 2 : 4) }

  mutating func append(_ symbol: UInt32) {
    if wide.isEmpty, symbol > UInt32(UInt16.max) {
      wide = narrow.map { UInt32($0) }
      narrow = []
    }
    if wide.isEmpty { narrow.append(UInt16(symbol)) } else { wide.append(symbol) }
    count += 1
  }

  /// Appends the records of a block, each with `end` after it.
  mutating func append(_ block: TokenBlock, end: UInt32) {
    block.forEachRecord { record, _ in
      for token in record { append(token) }
      append(end)
      recordCount += 1
    }
  }

  /// Replaces every symbol s by table[s].
  mutating func remap(_ table: [UInt32]) {
    for index in narrow.indices { narrow[index] = UInt16(table[Int(narrow[index])]) }
    for index in wide.indices { wide[index] = table[Int(wide[index])] }
  }

  /// How often each symbol below `bound` comes.
  func counts(below bound: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: bound)
    for index in 0..<count { counts[Int(self[index])] += 1 }
    return counts
  }

  /// A number that differs between streams that differ.
  public var fingerprint: UInt64 {
    var hash = UInt64(count)
    for index in 0..<count {
      hash = (hash ^ UInt64(self[index])) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
    }
    return hash
  }
}

/// What a training reads: its stream, the stream that it is validated on, and their symbols.
public struct TrainingData: Sendable {
  public let table: SymbolTable
  public let training: SymbolStream
  /// The validation stream; empty without one.
  public let validation: SymbolStream
  /// Indices of `training` that are trained on; the rest, after it, validates.
  public let trainingRange: Range<Int>

  /// Reads the streams.
  ///
  /// - validation: what is validated on, in a stream of its own.
  /// - heldOutShare: the share of `training`, cut at the end of a record, that validates instead.
  /// - minimumCount: pieces that come less often in all become `<unk>`, which is then predicted.
  /// - Throws: `StreamError` for an empty stream and what the reader throws.
  public init(
    training: TokenReader, validation: TokenReader? = nil, heldOutShare: Double = 0,
    minimumCount: Int = 1, progress: (Int) -> Void = { _ in }
  ) throws(StreamError) {
    // Both streams number their pieces alike: the second is read by the vocabulary of the first and
    // brings its own new pieces.
    let pieces = PieceNumbers()
    var stream = try pieces.read(training, progress: progress)
    let vocabulary = training.takeVocabulary()
    pieces.map(vocabulary)
    stream.remap(pieces.lastMap)
    var validationStream = SymbolStream()
    if let validation {
      validationStream = try pieces.read(validation, progress: progress)
      pieces.map(validation.takeVocabulary())
      validationStream.remap(pieces.lastMap)
    }
    guard stream.count > stream.recordCount else {
      throw StreamError(.none, "the token stream is empty", advice: "train on some tokens")
    }
    let counts = stream.counts(below: pieces.spellings.count)
    let isRare = counts.enumerated().map { $0.offset > 2 && $0.element < minimumCount }
    let kept = pieces.spellings.indices.filter { $0 > 2 && !isRare[$0] }
    let isOpen = minimumCount > 1 || counts[0] > 0
    let table = SymbolTable(
      Vocabulary(
        modelSpellings: kept.map { pieces.spellings[$0] }, decoding: vocabulary.decoding,
        tokenizerFingerprint: vocabulary.tokenizerFingerprint), isOpen: isOpen)
    let symbols = pieces.spellings.indices.map { piece in
      let spelling = isRare[piece] ? Spelling.unknown : pieces.spellings[piece]
      return table.symbols[Int(table.vocabulary.token(spelling)!)]
    }
    // Symbols of what does not occur (`<unk>` of a closed vocabulary) are never looked up.
    let remap = symbols.map { $0 == SymbolTable.none ? 0 : $0 }
    stream.remap(remap)
    validationStream.remap(remap)
    var end = stream.count
    if heldOutShare > 0 {
      end = Int((Double(stream.count) * (1 - heldOutShare)).rounded())
      while end > 0, stream[end - 1] != table.end { end -= 1 }
      guard end > 0, end < stream.count else {
        throw StreamError(
          .none,
          "a share of \(heldOutShare) of \(stream.recordCount) records leaves nothing on one side",
          advice: "give --valid a file")
      }
      for index in end..<stream.count { validationStream.append(stream[index]) }
    }
    self.table = table
    self.training = stream
    self.validation = validationStream
    trainingRange = 0..<end
  }
}

extension TrainingData {
  /// Reads streams of tokens by their paths, as `init(training:...)` does.
  ///
  /// - validationPath: what is validated on.
  public init(
    paths: [String], validationPath: String?, heldOutShare: Double, minimumCount: Int,
    terminator: UInt8, progress: (Int) -> Void
  ) throws(StreamError) {
    func reader(_ paths: [String]) -> TokenReader {
      TokenReader(paths: paths, numbering: .growing, terminator: terminator)
    }
    try self.init(
      training: reader(paths), validation: validationPath.map { reader([$0]) },
      heldOutShare: heldOutShare, minimumCount: minimumCount, progress: progress)
  }

  /// Passes to make when nobody says: at least a thousand steps, ten million tokens, one pass.
  ///
  /// - batch: sequences side by side.
  /// - window: steps of each.
  public func usualEpochCount(batch: Int, window: Int) -> Int {
    let tokenCount = trainingRange.count
    let steps = max(1, tokenCount / (batch * window))
    return max(1, min(10_000_000 / tokenCount, 10), 1000 / steps)
  }
}

/// Numbers pieces of several streams in order of first appearance; 0, 1 and 2 are the specials.
private final class PieceNumbers {
  private(set) var spellings = Spelling.specials
  private var numbers: [[UInt8]: UInt32] = [:]
  /// The number of each token of the vocabulary mapped last.
  private(set) var lastMap: [UInt32] = []

  /// Reads all records; the symbols are tokens of the reader until they are remapped.
  func read(_ reader: TokenReader, progress: (Int) -> Void) throws(StreamError) -> SymbolStream {
    var stream = SymbolStream()
    while let block = try reader.next() {
      stream.append(block, end: 2)
      progress(reader.consumedByteCount)
    }
    return stream
  }

  func map(_ vocabulary: Vocabulary) {
    lastMap = (0..<Token(vocabulary.count)).map { token in
      guard token > 2 else { return token }
      let spelling = Array(vocabulary.spelling(of: token))
      if let number = numbers[spelling] { return number }
      numbers[spelling] = UInt32(spellings.count)
      spellings.append(spelling)
      return UInt32(spellings.count - 1)
    }
  }
}
