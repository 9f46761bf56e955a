// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Reads token streams, text or binary, file after file, in the tokens of one vocabulary.
public final class TokenReader {
  /// Which vocabulary the tokens are numbered in.
  public enum Numbering {
    /// A model's: a piece it does not have is its `<unk>`.
    case known(Vocabulary)
    /// One that grows with the stream: `<unk>`, `<s>`, `</s>` are 0, 1, 2, then order of appearance.
    case growing
  }

  private let terminator: UInt8
  private let blockByteCount: Int
  private let known: Vocabulary?
  private var table = PieceTable()
  private let cache = PieceCache()
  private var paths: ArraySlice<String>
  private var records: RecordReader?
  private var blocks: BinaryTokens?
  private var agreement = StreamAgreement()
  private var consumedBefore = 0

  /// - paths: files in order; `-` is standard input; an empty list means standard input.
  public init(
    paths: [String], numbering: Numbering, terminator: UInt8 = 0x0A, blockByteCount: Int = 1 << 18
  ) {
    self.paths = paths.isEmpty ? ["-"] : paths[...]
    self.terminator = terminator
    self.blockByteCount = blockByteCount
    if case .known(let vocabulary) = numbering {
      precondition(vocabulary.unknown != nil, "a model's vocabulary has <unk>")
      known = vocabulary
    } else {
      known = nil
      table = PieceTable(Spelling.specials)
    }
  }

  /// Reads one open file.
  public convenience init(
    file: InputFile, numbering: Numbering, terminator: UInt8 = 0x0A, blockByteCount: Int = 1 << 18
  ) throws(StreamError) {
    self.init(
      paths: [], numbering: numbering, terminator: terminator, blockByteCount: blockByteCount)
    paths = []
    try open(file)
  }

  private func open(_ file: InputFile) throws(StreamError) {
    if try BlockReader.recognises(file) {
      blocks = BinaryTokens(BlockReader(file))
    } else {
      records = RecordReader(file: file, terminator: terminator, blockByteCount: blockByteCount)
    }
  }

  /// In the growing numbering, the number of pieces so far.
  public var pieceCount: Int { table.count }

  /// In the growing numbering, the spelling of a piece; borrowed until the next block.
  public func spelling(of token: Token) -> UnsafeBufferPointer<UInt8> { table.spelling(of: token) }

  /// How pieces become text, as the last binary stream said.
  public var streamDecoding: TextDecoding { agreement.decoding ?? .unknown }

  /// Whether the next block would have to wait for another process.
  public var wouldBlock: Bool { records?.wouldBlock ?? blocks?.reader.wouldBlock ?? false }

  /// Bytes taken from all files so far, as they lie on disk.
  public var consumedByteCount: Int {
    consumedBefore + (records?.consumedByteCount ?? blocks?.reader.consumedByteCount ?? 0)
  }

  /// The grown vocabulary; the reader is at its end.
  public func takeVocabulary() -> Vocabulary {
    var finished = PieceTable()
    swap(&finished, &table)
    return Vocabulary(
      finished, decoding: streamDecoding, tokenizerFingerprint: agreement.tokenizerFingerprint)
  }

  /// The next block of records, or nothing at the end of the last file.
  ///
  /// - Throws: `StreamError` for what the streams below throw, `<s>` or `</s>` inside a record, and
  ///   streams of different tokenisers.
  public func next() throws(StreamError) -> TokenBlock? {
    while true {
      if let records {
        if let block = try records.nextBlock() { return try tokens(of: block) }
      } else if let blocks {
        if let block = try blocks.next(for: self) { return block }
      } else if let path = paths.popFirst() {
        try open(InputFile(path: path))
        continue
      } else {
        return nil
      }
      consumedBefore = consumedByteCount
      records = nil
      blocks = nil
    }
  }

  private func tokens(of block: RecordBlock) throws(StreamError) -> TokenBlock {
    var result = TokenBlock()
    result.name = block.name
    result.firstRecordNumber = block.firstLineNumber
    result.isTerminated = block.isTerminated || !paths.isEmpty
    result.tokens.reserveCapacity(block.bytes.count / 4)
    let limit = UnsafePointer(block.bytes.base + block.bytes.count)
    try block.forEachRecord { (record, number) throws(StreamError) in
      if var next = record.baseAddress {
        let end = next + record.count
        while true {
          while next < end, next.pointee == 0x20 || next.pointee == 0x09 { next += 1 }
          if next == end { break }
          if let key = PieceCache.Key(at: next, limit: limit), isPieceEnd(next + key.byteCount, end)
          {
            let piece = UnsafeBufferPointer(start: next, count: key.byteCount)
            if let token = cache.token(key) {
              result.tokens.append(token)
            } else {
              try append(piece, key, &result, in: block, record: number)
            }
            next += key.byteCount
          } else {
            let start = next
            while !isPieceEnd(next, end) { next += 1 }
            try append(
              UnsafeBufferPointer(start: start, count: next - start), nil, &result, in: block,
              record: number)
          }
        }
      }
      result.endRecord()
    }
    return result
  }

  /// Appends the token of a piece that the cache does not hold.
  private func append(
    _ spelling: UnsafeBufferPointer<UInt8>, _ key: PieceCache.Key?, _ result: inout TokenBlock,
    in block: RecordBlock, record number: Int
  ) throws(StreamError) {
    let unknownCount = result.unknownSpellings.count
    let token = token(asWritten: spelling, &result)
    if token == beginningToken || token == endToken {
      throw StreamError(
        .line(block.name, number),
        "\(String(decoding: spelling, as: UTF8.self)) inside a record",
        advice: "records begin and end by themselves; a piece spelt so is written \\x3C...")
    }
    result.tokens.append(token)
    // The spelling of an unknown piece is listed each time.
    if let key, result.unknownSpellings.count == unknownCount { cache.note(token, for: key) }
  }

  fileprivate var beginningToken: Token { known?.beginning ?? (known == nil ? 1 : Token.max) }
  fileprivate var endToken: Token { known?.end ?? (known == nil ? 2 : Token.max) }

  /// The token of a spelling as it stands in a text stream.
  private func token(
    asWritten spelling: UnsafeBufferPointer<UInt8>, _ block: inout TokenBlock
  ) -> Token {
    if let token = known?.token(spelling) ?? (known == nil ? table.find(spelling) : nil) {
      return token
    }
    if !Spelling.isCanonical(spelling) {
      var bytes = ByteBuffer(capacity: spelling.count)
      Spelling.appendBytes(of: spelling, to: &bytes)
      var canonical = ByteBuffer(capacity: spelling.count)
      Spelling.append(bytes.bytes, to: &canonical)
      return number(canonical: canonical.bytes, &block.unknownSpellings)
    }
    return number(canonical: spelling, &block.unknownSpellings)
  }

  fileprivate func number(
    canonical spelling: UnsafeBufferPointer<UInt8>, _ unknownSpellings: inout [[UInt8]]
  ) -> Token {
    guard let known else { return table.insert(spelling) }
    if let token = known.token(spelling) { return token }
    unknownSpellings.append(Array(spelling))
    return known.unknown!
  }

  /// Notes what a binary stream's header says, and checks that it fits what came before.
  fileprivate func accept(_ vocabulary: Vocabulary, of name: String) throws(StreamError) {
    try agreement.accept(vocabulary, of: name, model: known)
  }
}

/// What all segments of a stream must agree in.
struct StreamAgreement {
  /// The decoding recipe and tokeniser that binary streams named.
  private(set) var decoding: TextDecoding?
  private(set) var tokenizerFingerprint: UInt64?

  /// Notes what a segment's header says, and checks that it fits what came before.
  ///
  /// - model: the vocabulary that the tokens are wanted in, if it is a model's.
  mutating func accept(
    _ vocabulary: Vocabulary, of name: String, model: Vocabulary? = nil
  ) throws(StreamError) {
    let expected = model?.tokenizerFingerprint ?? tokenizerFingerprint
    if let expected, let found = vocabulary.tokenizerFingerprint, expected != found {
      throw StreamError(
        .file(name),
        "its tokeniser's vocabulary differs from the "
          + (model == nil ? "stream before it" : "model's"),
        advice: "tokenise with the same model")
    }
    tokenizerFingerprint = tokenizerFingerprint ?? vocabulary.tokenizerFingerprint
    if let model {
      let pair = (vocabulary.decoding.joining, model.decoding.joining)
      guard pair.0 == pair.1 || pair.0 == .unknown || pair.1 == .unknown else {
        throw StreamError(
          .file(name), "its tokens are \(pair.0.units), the model's are \(pair.1.units)",
          advice: "tokenise as for the model")
      }
    } else if let decoding, decoding != vocabulary.decoding {
      throw StreamError(
        .file(name), "its pieces become text otherwise than those of the stream before it")
    }
    decoding = vocabulary.decoding
  }
}

extension Vocabulary {
  /// The vocabulary in the header of a token stream.
  ///
  /// - name: the stream's, in messages.
  init(_ header: StreamHeader, of name: String) throws(StreamError) {
    guard header.kind == "tokn" else {
      throw StreamError(.file(name), "holds \(header.noun), not tokens")
    }
    do throws(StreamError) {
      try self.init(encoded: header.payload)
    } catch { throw error.located(at: .file(name)) }
  }
}

extension StreamHeader {
  /// What the stream holds, in messages.
  public var noun: String {
    switch kind {
    case "tokn": "tokens"
    case "cnts": "n-gram counts"
    case "ngrm": "an n-gram model"
    default: "a stream of kind \(kind)"
    }
  }
}

@inline(__always)
private func isPieceEnd(_ place: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Bool {
  place >= end || place.pointee == 0x20 || place.pointee == 0x09
}

/// A binary token stream being read: its own numbering, and what it is in the reader's.
private final class BinaryTokens {
  var reader: BlockReader
  /// The reader's token for each of the stream's, or nothing before its first use.
  private var tokenMap: [Token?] = []
  private var spellings: [[UInt8]] = []
  private var recordNumber = 1

  init(_ reader: consuming BlockReader) { self.reader = reader }

  func next(for target: TokenReader) throws(StreamError) -> TokenBlock? {
    while let block = try reader.next() {
      switch consume block {
      case .head(let header):
        let vocabulary = try Vocabulary(header, of: reader.name)
        try target.accept(vocabulary, of: reader.name)
        spellings = (0..<Token(vocabulary.count)).map { Array(vocabulary.spelling(of: $0)) }
        tokenMap = Array(repeating: nil, count: spellings.count)
      case .data(let payload, _):
        return try tokens(of: payload, for: target)
      case .end: break
      }
    }
    return nil
  }

  private func tokens(of payload: borrowing ByteBuffer, for target: TokenReader)
    throws(StreamError) -> TokenBlock
  {
    var block = TokenBlock()
    block.name = reader.name
    block.firstRecordNumber = recordNumber
    do throws(StreamError) {
      try TokenPayload.decode(payload.bytes, into: &block) { (spelling) throws(StreamError) in
        try add(spelling)
      }
      for index in block.tokens.indices {
        let token = Int(block.tokens[index])
        guard token < spellings.count else {
          throw StreamError(.none, "token \(token) is outside the vocabulary of \(spellings.count)")
        }
        if let mapped = tokenMap[token] {
          block.tokens[index] = mapped
        } else {
          let before = block.unknownSpellings.count
          let mapped = spellings[token].withUnsafeBufferPointer {
            target.number(canonical: $0, &block.unknownSpellings)
          }
          guard mapped != target.beginningToken, mapped != target.endToken else {
            throw StreamError(
              .none, "\(String(decoding: spellings[token], as: UTF8.self)) inside a record")
          }
          // Unknown ones are looked up again each time: their spellings must be listed each time.
          if block.unknownSpellings.count == before { tokenMap[token] = mapped }
          block.tokens[index] = mapped
        }
      }
    } catch {
      throw StreamError(.file(reader.name), "record \(recordNumber) and on: \(error.problem)")
    }
    recordNumber += block.recordEnds.count
    return block
  }

  /// Notes the next piece of the stream.
  private func add(_ spelling: UnsafeBufferPointer<UInt8>) throws(StreamError) {
    guard !spelling.isEmpty, Spelling.isCanonical(spelling) else {
      throw StreamError(.none, "token \(spellings.count) is not spelt as a piece is")
    }
    spellings.append(Array(spelling))
    tokenMap.append(nil)
  }
}
