// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// Tokenises a stream of records: one record in, one record out, on several threads.
public struct TextTokenization: Sendable {
  /// Where tokens come from.
  public enum Method: Sendable {
    /// An open vocabulary that grows with the text.
    case segments(Segmentation)
    /// A model's vocabulary.
    case model(any Tokenizer)
  }

  /// What is written of the tokens of a record.
  public enum View: Sendable {
    case tokens
    /// How many there are.
    case count
    /// Where each stands in its record, `first:end`, counted from 0.
    case byteOffsets
    case characterOffsets
    /// Nothing but a table at the end.
    case report
  }

  /// What was read and written.
  public struct Totals: Sendable {
    public var recordCount = 0
    public var byteCount = 0
    public var tokenCount = 0
    /// Tokens that are `<unk>`: text that the model cannot spell.
    public var unknownCount = 0
    /// Records that are not UTF-8.
    public var malformedCount = 0

    /// What of the text does not come back from its tokens, a sentence each.
    public var warnings: [String] {
      var warnings: [String] = []
      if unknownCount > 0 {
        warnings.append("\(unknownCount) tokens are <unk>: text that the model cannot spell")
      }
      if malformedCount > 0 {
        warnings.append(
          "\(malformedCount) records are not UTF-8: the model does not give their text back")
      }
      return warnings
    }

    mutating func add(_ other: Totals) {
      recordCount += other.recordCount
      byteCount += other.byteCount
      tokenCount += other.tokenCount
      unknownCount += other.unknownCount
      malformedCount += other.malformedCount
    }
  }

  public var method: Method
  public var form: TokenWriter.Form
  public var threads = 1
  /// Text that the model cannot spell is an error.
  public var isStrict = false
  public var view = View.tokens
  /// Further tokens of a record are left out.
  public var maximumTokenCount = Int.max

  public init(_ method: Method, form: TokenWriter.Form) {
    self.method = method
    self.form = form
  }

  /// Reads all records and writes their tokens; the sink stays open.
  ///
  /// - progress: called now and then with the bytes read so far.
  /// - Throws: `StreamError` of the streams; with `isStrict`, at the first unknown token.
  public func run(
    _ reader: RecordReader, to sink: ByteSink, progress: (Int) -> Void = { _ in }
  ) throws -> Totals {
    var totals = Totals()
    var table = PieceTable(Spelling.specials)
    var writer = try TokenWriter(sink, vocabulary: streamVocabulary, form: form)
    let workers = WorkerPool { [self] in BlockTokenizer(self) }
    try orderedParallelMap(
      threads: threads, next: { try reader.nextBlock() }, wouldBlock: { reader.wouldBlock },
      idle: { try sink.flush() },
      transform: { block in try workers.with { try $0.tokenize(block) } },
      emit: { result in
        totals.add(result.totals)
        if let local = result.segments {
          let (block, spellings) = local.numbered(in: &table)
          try writer.write(block, newSpellings: spellings)
        } else {
          try writer.write(
            encoded: result.bytes, recordCount: result.totals.recordCount,
            isTerminated: result.isTerminated)
        }
        progress(reader.consumedByteCount)
      })
    try writer.finish()
    if view == .report {
      let report = workers.takeAll().map(\.report).reduce(into: TokenReport()) { $0.add($1) }
      try sink.write(report.table(totals, vocabularyCount: streamVocabulary.count))
    }
    return totals
  }

  /// The vocabulary in front of a binary stream: the model's, or the specials that all others follow.
  private var streamVocabulary: Vocabulary {
    switch method {
    case .model(let tokenizer): return tokenizer.vocabulary
    case .segments(let segmentation):
      var vocabulary = Vocabulary(modelSpellings: [])
      vocabulary.decoding = segmentation.decoding
      return vocabulary
    }
  }
}

/// Things that one thread uses at a time, made as they are needed and used again.
final class WorkerPool<Worker>: Sendable {
  private let idle = Locked<[SendableBox<Worker>]>([])
  private let make: @Sendable () -> Worker

  init(_ make: @escaping @Sendable () -> Worker) { self.make = make }

  func with<Result>(_ body: (Worker) throws -> Result) rethrows -> Result {
    let box = idle.withLock { $0.popLast() } ?? SendableBox(value: make())
    defer { idle.withLock { $0.append(box) } }
    return try body(box.value)
  }

  /// All workers, when nobody uses one any more.
  func takeAll() -> [Worker] {
    idle.withLock { boxes in
      defer { boxes = [] }
      return boxes.map(\.value)
    }
  }
}

/// The pool hands a worker to one thread at a time.
private struct SendableBox<Value>: @unchecked Sendable {
  let value: Value
}

/// What became of one block.
final class TokenizedBlock: @unchecked Sendable {
  /// Text, or a framed binary block.
  let bytes: ByteBuffer
  let isTerminated: Bool
  let totals: TextTokenization.Totals
  /// For binary streams of an open vocabulary: the block in its own numbering.
  let segments: LocalSegments?

  init(
    _ bytes: consuming ByteBuffer, isTerminated: Bool, totals: TextTokenization.Totals,
    segments: LocalSegments? = nil
  ) {
    self.bytes = bytes
    self.isTerminated = isTerminated
    self.totals = totals
    self.segments = segments
  }
}

/// A block of an open vocabulary, numbered by itself so that threads need not agree.
final class LocalSegments: @unchecked Sendable {
  private var block: TokenBlock
  private let table: PieceTable

  init(_ block: TokenBlock, _ table: consuming PieceTable) {
    self.block = block
    self.table = table
  }

  /// The block in the stream's numbering, and the spellings that it uses first.
  func numbered(in stream: inout PieceTable) -> (TokenBlock, newSpellings: [[UInt8]]) {
    var map: [Token] = []
    var new: [[UInt8]] = []
    for token in 0..<Token(table.count) {
      let before = stream.count
      map.append(stream.insert(table.spelling(of: token)))
      if stream.count > before { new.append(Array(table.spelling(of: token))) }
    }
    block.tokens.withUnsafeMutableBufferPointer { tokens in
      for index in tokens.indices { tokens[index] = map[Int(tokens[index])] }
    }
    return (block, new)
  }
}

/// One thread's worth of tokenising.
final class BlockTokenizer {
  private let job: TextTokenization
  private let encoder: (any RecordEncoder)?
  private var framer: BlockEncoder
  private var tokens = TokenList(capacity: 1 << 16)
  /// What this thread's tokens add to a report.
  private(set) var report = TokenReport()

  init(_ job: TextTokenization) {
    self.job = job
    encoder = if case .model(let tokenizer) = job.method { tokenizer.makeEncoder() } else { nil }
    let level = if case .binary(let level) = job.form { level } else { 1 }
    framer = BlockEncoder(level: level)
  }

  func tokenize(_ block: RecordBlock) throws(StreamError) -> TokenizedBlock {
    switch (job.method, job.form) {
    case (.segments(let segmentation), _) where job.view != .tokens:
      views(of: block, segmentation)
    case (.segments(let segmentation), .binary): segments(of: block, segmentation)
    case (.segments(let segmentation), _): text(of: block, segmentation)
    case (.model(let tokenizer), _): try tokens(of: block, tokenizer)
    }
  }

  /// Counts or places of the pieces of an open vocabulary.
  private func views(of block: RecordBlock, _ segmentation: Segmentation) -> TokenizedBlock {
    var output = ByteBuffer(capacity: block.bytes.count * 2 + 64)
    var totals = TextTokenization.Totals()
    totals.byteCount = block.bytes.count
    var ranges: [Range<Int>] = []
    block.forEachRecord { record, _ in
      ranges.removeAll(keepingCapacity: true)
      segmentation.forEachPiece(in: record) { piece in
        let start = record.baseAddress!.distance(to: piece.baseAddress!)
        ranges.append(start..<start + piece.count)
      }
      totals.tokenCount += ranges.count
      totals.recordCount += 1
      job.view.append(record, ranges, count: ranges.count, to: &output)
      output.append(block.terminator)
    }
    return TokenizedBlock(output, isTerminated: true, totals: totals)
  }

  private func text(of block: RecordBlock, _ segmentation: Segmentation) -> TokenizedBlock {
    var output = ByteBuffer(capacity: block.bytes.count * 5 / 4 + 64)
    var totals = TextTokenization.Totals()
    totals.byteCount = block.bytes.count
    block.forEachRecord { record, _ in
      totals.tokenCount += segmentation.appendText(of: record, to: &output)
      totals.recordCount += 1
      output.append(block.terminator)
    }
    if !block.isTerminated { output.count -= 1 }
    return TokenizedBlock(output, isTerminated: block.isTerminated, totals: totals)
  }

  private func segments(of block: RecordBlock, _ segmentation: Segmentation) -> TokenizedBlock {
    var numbering = SegmentNumbering()
    var result = TokenBlock()
    result.isTerminated = block.isTerminated
    block.forEachRecord { record, _ in
      segmentation.appendTokens(of: record, to: &numbering)
      result.recordEnds.append(numbering.tokens.count)
    }
    result.tokens = Array(numbering.tokens.tokens)
    var totals = TextTokenization.Totals()
    totals.byteCount = block.bytes.count
    totals.recordCount = result.recordEnds.count
    totals.tokenCount = result.tokens.count
    return TokenizedBlock(
      ByteBuffer(capacity: 0), isTerminated: block.isTerminated, totals: totals,
      segments: LocalSegments(result, numbering.takeTable()))
  }

  private func tokens(
    of block: RecordBlock, _ tokenizer: any Tokenizer
  ) throws(StreamError) -> TokenizedBlock {
    let unknown = tokenizer.unknown
    tokens.removeAll()
    var result = TokenBlock()
    result.isTerminated = block.isTerminated
    var totals = TextTokenization.Totals()
    totals.byteCount = block.bytes.count
    let chain = encoder as? ChainEncoder
    chain?.recordNumber = block.earlierRecordCount
    var output = ByteBuffer(capacity: 64)
    let isPlain = job.view == .tokens
    let losesBytes = !tokenizer.spellsAnyBytes
    try block.forEachRecord { (record, number) throws(StreamError) in
      let start = tokens.count
      encoder!.encode(record, into: &tokens)
      if tokens.count - start > job.maximumTokenCount {
        tokens.count = start + job.maximumTokenCount
      }
      result.recordEnds.append(tokens.count)
      if losesBytes, !isUTF8(record) {
        totals.malformedCount += 1
        if job.isStrict {
          throw StreamError(
            .line(block.name, number), "text that is not UTF-8, which the model cannot spell",
            advice: "drop --strict, or use a model with all bytes")
        }
      }
      if job.view == .report { report.add(record, tokens.tokens[start...]) }
      if !isPlain {
        job.view.append(record, chain?.ranges ?? [], count: tokens.count - start, to: &output)
        output.append(block.terminator)
      }
      guard let unknown else { return }
      let count = tokens.tokens[start...].count { $0 == unknown }
      if count > 0, job.isStrict {
        throw StreamError(
          .line(block.name, number), "text that the model cannot spell",
          advice: "drop --strict, or use a model with all bytes")
      }
      totals.unknownCount += count
    }
    totals.recordCount = result.recordEnds.count
    totals.tokenCount = tokens.count
    if !isPlain {
      if job.view == .report { output.removeAll() }
      return TokenizedBlock(output, isTerminated: true, totals: totals)
    }
    result.tokens = Array(tokens.tokens)
    output.reserve(6 * tokens.count + 64)
    TokenWriter.append(result, form: job.form, vocabulary: tokenizer.vocabulary, to: &output)
    if case .binary = job.form {
      var framed = ByteBuffer(capacity: output.count + 64)
      framer.append(data: output, itemCount: result.recordEnds.count, to: &framed)
      return TokenizedBlock(framed, isTerminated: block.isTerminated, totals: totals)
    }
    return TokenizedBlock(output, isTerminated: block.isTerminated, totals: totals)
  }
}

/// Whether a record is well-formed UTF-8; eight ASCII bytes a step.
private func isUTF8(_ record: UnsafeBufferPointer<UInt8>) -> Bool {
  let raw = UnsafeRawBufferPointer(record)
  var index = 0
  while index < record.count {
    if index &+ 8 <= record.count,
      raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
    {
      index &+= 8
      continue
    }
    let length = utf8SequenceLength(record, at: index)
    if length == 0 { return false }
    index &+= length
  }
  return true
}
