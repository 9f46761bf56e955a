// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// Reads n-gram counts, text or binary, file after file, as tokens of one growing vocabulary.
///
/// N-grams come in the order of the files. Text may be in any order of lines, and an n-gram may come
/// more than once: its counts add up, which is for the caller to do. All must have the same order.
public final class CountReader {
  /// Number of tokens of each n-gram; known once there is a block, and nothing if there is none.
  public private(set) var order: Int?
  /// Whether the first token is the position of the predicted one (see `PositionMark`).
  public private(set) var isPositional = false
  /// The spelling that stands before the first token of a record instead of `<s>`, where a binary
  /// stream names one; text cannot.
  public private(set) var padding: [UInt8]?
  /// What the counts are a model of, when their first line or header says so: `laplace=1`.
  public private(set) var smoothing: String?

  private var table = PieceTable(Spelling.specials)
  private var paths: ArraySlice<String>
  private var records: RecordReader?
  private var binary: BinaryCounts?
  private var decoding: TextDecoding?
  private var tokenizerFingerprint: UInt64?
  private var consumedBefore = 0

  /// - paths: files in order; `-` is standard input; an empty list means standard input.
  public init(paths: [String]) { self.paths = paths.isEmpty ? ["-"] : paths[...] }

  /// Reads one open file.
  public convenience init(file: InputFile) throws(StreamError) {
    self.init(paths: [])
    paths = []
    try open(file)
  }

  private func open(_ file: InputFile) throws(StreamError) {
    if try BlockReader.recognises(file) {
      binary = BinaryCounts(BlockReader(file))
    } else {
      records = RecordReader(file: file, blockByteCount: 1 << 20)
    }
  }

  /// Bytes taken from all files so far, as they lie on disk.
  public var consumedByteCount: Int {
    consumedBefore + (records?.consumedByteCount ?? binary?.reader.consumedByteCount ?? 0)
  }

  /// The vocabulary: `<unk>`, `<s>`, `</s>` as 0, 1, 2, then in order of appearance; the reader is at
  /// its end.
  public func takeVocabulary() -> Vocabulary {
    var finished = PieceTable()
    swap(&finished, &table)
    return Vocabulary(
      finished, decoding: decoding ?? .unknown, tokenizerFingerprint: tokenizerFingerprint)
  }

  /// The vocabulary in the order of a model's, and the token there of each of the reader's, which is
  /// `<unk>` for those that do not stay.
  func takeModelVocabulary(
    keeping isKept: (Token, UnsafeBufferPointer<UInt8>) -> Bool = { _, _ in true }
  ) -> (Vocabulary, numbers: [Token]) {
    let numbers = table.sortForModel(keeping: isKept)
    return (takeVocabulary(), numbers)
  }

  /// The next n-grams, at least one, or nothing at the end of the last file.
  ///
  /// - Throws: `StreamError` for a malformed line, a count of zero or beyond 64 bits, n-grams of
  ///   different orders, and counts of different tokenisers.
  public func next() throws(StreamError) -> CountBlock? {
    switch try nextPart() {
    case .counts(let block): block
    case .encoded(let part): try part.form.decoded(part.payload.bytes)
    case nil: nil
    }
  }

  /// Some n-grams as they were read.
  enum Part {
    case counts(CountBlock)
    case encoded(EncodedCounts)
  }

  /// The next n-grams, those of a binary stream still encoded, for other threads to decode.
  func nextPart() throws(StreamError) -> Part? {
    while true {
      if let records {
        if let block = try records.nextBlock() {
          let counts = try counts(of: block)
          if counts.count > 0 { return .counts(counts) }
          continue
        }
      } else if let binary {
        if let part = try binary.next(for: self) { return .encoded(part) }
      } else if let path = paths.popFirst() {
        try open(InputFile(path: path))
        continue
      } else {
        return nil
      }
      consumedBefore = consumedByteCount
      records = nil
      binary = nil
    }
  }

  private func counts(of records: RecordBlock) throws(StreamError) -> CountBlock {
    var block = CountBlock(order: 0)
    var isFirst = true
    try records.forEachRecord { (line, number) throws(StreamError) in
      do throws(StreamError) {
        if number == 1, let facts = try CountModelLine(line) { return try accept(facts) }
        let (key, count) = try CountLine.split(line)
        var tokens: [Token] = []
        forEachPiece(in: key) { tokens.append(table.token(asWritten: $0)) }
        if isFirst {
          try accept(
            order: tokens.count, isPositional: PositionMark.isMark(table.spelling(of: tokens[0])))
          block = CountBlock(order: tokens.count)
          isFirst = false
        }
        guard tokens.count == block.order else {
          throw StreamError(
            .none, "an n-gram of order \(tokens.count) among those of order \(block.order)",
            advice: "counts hold one order")
        }
        block.tokens.append(contentsOf: tokens)
        block.counts.append(count)
      } catch { throw error.located(at: .line(records.name, number)) }
    }
    return block
  }

  /// Notes the shape of a stream, and checks that it is that of the streams before it.
  private func accept(order: Int, isPositional: Bool) throws(StreamError) {
    guard order <= CountBlock.maximumOrder else { throw CountBlock.tooLong(order) }
    if let known = self.order, known != order || self.isPositional != isPositional {
      throw StreamError(
        .none, "n-grams of order \(order) after those of order \(known)",
        advice: "counts hold one order")
    }
    self.order = order
    self.isPositional = isPositional
  }

  /// Notes what the first line of a model says.
  private func accept(_ line: CountModelLine) throws(StreamError) {
    guard order == nil else {
      throw StreamError(.none, "a model after other counts", advice: "open it alone")
    }
    smoothing = line.smoothing
    padding = line.padding
    decoding = line.decoding
  }

  /// Notes what a binary stream's header says, and checks that it fits what came before.
  ///
  /// - isEmpty: whether there are no n-grams.
  fileprivate func accept(_ header: CountHeader, isEmpty: Bool) throws(StreamError) {
    if !isEmpty { try accept(order: header.order, isPositional: header.isPositional) }
    if let expected = tokenizerFingerprint, let found = header.tokenizerFingerprint,
      expected != found
    {
      throw StreamError(
        .none, "counts of another tokeniser than the stream before it",
        advice: "tokenise with the same model")
    }
    tokenizerFingerprint = tokenizerFingerprint ?? header.tokenizerFingerprint
    if header.decoding != .unknown {
      if let decoding, decoding != header.decoding {
        throw StreamError(
          .none, "its pieces become text otherwise than those of the stream before it")
      }
      decoding = header.decoding
    }
    if let padding, padding != header.padding {
      throw StreamError(.none, "counts with other padding than the stream before it")
    }
    padding = header.padding
    smoothing = header.smoothing
  }

  fileprivate func token(_ spelling: UnsafeBufferPointer<UInt8>) -> Token { table.insert(spelling) }
}

/// A binary counts stream being read: its own numbering, and what it is in the reader's.
private final class BinaryCounts {
  var reader: BlockReader
  private var header: CountHeader?
  /// The reader's token for each of the stream's.
  private var tokenMap: [Token] = []
  private var itemCount = 0

  init(_ reader: consuming BlockReader) { self.reader = reader }

  func next(for target: CountReader) throws(StreamError) -> EncodedCounts? {
    while let block = try reader.next() {
      do throws(StreamError) {
        switch consume block {
        case .head(let head):
          let (header, spellings) = try CountHeader.read(head)
          try target.accept(header, isEmpty: spellings.count == 0)
          tokenMap = (0..<Token(spellings.count)).map {
            target.token(spellings.spelling(of: $0))
          }
          self.header = header
        case .data(let payload, let count):
          itemCount += count
          if count > 0 {
            return EncodedCounts(
              payload,
              EncodedForm(
                count: count, order: header!.order, tokenMap: tokenMap, name: reader.name,
                itemCountBefore: itemCount - count))
          }
        case .end: break
        }
      } catch {
        throw StreamError(
          .file(reader.name),
          itemCount > 0 ? "after n-gram \(itemCount): \(error.problem)" : error.problem,
          advice: error.advice)
      }
    }
    return nil
  }
}

/// Some n-grams of a binary stream, encoded.
final class EncodedCounts: Sendable {
  let payload: ByteBuffer
  let form: EncodedForm

  init(_ payload: consuming ByteBuffer, _ form: EncodedForm) {
    self.payload = payload
    self.form = form
  }
}

/// How a payload of a binary stream is to be read.
struct EncodedForm: Sendable {
  let count: Int
  let order: Int
  /// The reader's token for each of the stream's.
  let tokenMap: [Token]
  /// The stream's name, and how many n-grams it had before these.
  let name: String
  let itemCountBefore: Int

  /// The n-grams in the reader's tokens.
  ///
  /// - Throws: `StreamError` when the payload is corrupt.
  func decoded(_ payload: UnsafeBufferPointer<UInt8>) throws(StreamError) -> CountBlock {
    var block = CountBlock(order: order)
    do throws(StreamError) {
      try CountEncoder.decode(
        payload, order: order, itemCount: count, limit: tokenMap.count, into: &block)
    } catch {
      throw StreamError(
        .file(name),
        itemCountBefore > 0
          ? "after n-gram \(itemCountBefore): \(error.problem)" : error.problem,
        advice: error.advice)
    }
    for index in block.tokens.indices { block.tokens[index] = tokenMap[Int(block.tokens[index])] }
    return block
  }
}
