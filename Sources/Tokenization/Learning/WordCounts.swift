// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// A table of how often each distinct word stands in a text, or in some part of it.
final class WordCounts: @unchecked Sendable {
  private var short = ShortWordCounts()
  private var table = PieceTable()
  /// By number in the table.
  private var counts: [Int] = []
  /// Whether words keep the order of their first appearance.
  private let keepsOrder: Bool

  init(keepsOrder: Bool = false) { self.keepsOrder = keepsOrder }

  /// Number of distinct words.
  var count: Int { short.count + counts.count }

  func add(_ word: UnsafeBufferPointer<UInt8>, count: Int) {
    guard keepsOrder || word.count > WordCache.keyLimit || word.isEmpty else {
      return short.add(word.baseAddress!, word.count, readable: word.count, count: count)
    }
    let index = Int(table.insert(word))
    if index == counts.count { counts.append(count) } else { counts[index] += count }
  }

  /// Adds the pieces of a record.
  func add(piecesOf record: UnsafeBufferPointer<UInt8>, _ pattern: SplitPattern) {
    let text = TextScanner(record)
    switch pattern {
    case .gpt2: add(GPT2Scanner.self, text)
    case .cl100k: add(CL100KScanner<CL100KRules>.self, text)
    case .llama3: add(CL100KScanner<Llama3Rules>.self, text)
    case .qwen2: add(CL100KScanner<Qwen2Rules>.self, text)
    case .o200k: add(O200KScanner.self, text)
    case .words: add(WordScanner.self, text)
    case .whitespace: add(WhitespaceScanner.self, text)
    case .none: add(WholeScanner.self, text)
    }
  }

  @inline(__always) private func add<S: SplitScanner>(_ scanner: S.Type, _ text: TextScanner) {
    S.forEachPiece(in: text) { start, end in
      let length = end &- start
      let piece = text.base + start
      if length <= WordCache.keyLimit, !keepsOrder {
        short.wait(for: piece, length, readable: text.count &- start)
      } else {
        add(UnsafeBufferPointer(start: piece, count: length), count: 1)
      }
    }
    short.addWaiting()
  }

  /// Bytes of memory in use, or in use soon, while a table grows.
  var byteCount: Int {
    short.byteCount + (counts.isEmpty ? 0 : 2 * table.byteCount + 16 * counts.capacity)
  }

  /// Forgets the words, and gives their memory back.
  func removeAll() {
    short = ShortWordCounts()
    table = PieceTable()
    counts = []
  }

  /// Calls `body` with each distinct word and its count, in the order of first appearance if that is
  /// kept.
  func forEachWord(_ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void) rethrows {
    try short.forEachWord(body)
    for index in counts.indices { try body(table.spelling(of: Token(index)), counts[index]) }
  }
}

extension CountedWords {
  /// Counts the pieces of all records.
  ///
  /// - keepsTerminators: a record's terminator is part of its text.
  /// - keepsOrder: words stand in the order of their first appearance; one thread counts them.
  public static func counted(
    _ reader: RecordReader, pattern: SplitPattern, keepsTerminators: Bool = false,
    keepsOrder: Bool = false, memory: LearningMemory, threads: Int = 1,
    progress: (Int) -> Void = { _ in }
  ) throws -> CountedWords {
    let threads = keepsOrder ? 1 : threads
    let collection = Collection(keepsOrder: keepsOrder, memory)
    let limit = tableLimit(memory, threads: threads)
    let workers = WorkerPool { WordCounts(keepsOrder: keepsOrder) }
    try orderedParallelMap(
      threads: threads, next: { try reader.nextBlock() },
      transform: { block in
        try workers.with { counts in
          block.forEachRecord { record, _ in
            var record = record
            // The terminator stands right behind the record, but for an open last one.
            if keepsTerminators,
              record.baseAddress! + record.count < block.bytes.base + block.bytes.count
            {
              record = UnsafeBufferPointer(start: record.baseAddress, count: record.count + 1)
            }
            counts.add(piecesOf: record, pattern)
          }
          if counts.byteCount > limit { try collection.add(counts) }
        }
      },
      emit: { progress(reader.consumedByteCount) })
    return try collection.words(with: workers.takeAll())
  }

  /// Bytes of a table of words, above which they are collected.
  private static func tableLimit(_ memory: LearningMemory, threads: Int) -> Int {
    let limit = min(memory.byteCount / 2 / threads, 32 << 20)
    memory.reserve(limit * threads)
    return limit
  }

  /// Reads lines of a spelt word, a TAB and its count, which add up. The ends of records, which
  /// count-ngrams counts as `</s>`, are no words.
  ///
  /// - Throws: `StreamError` at a line that is none.
  public static func weighted(
    _ reader: RecordReader, keepsOrder: Bool = false, memory: LearningMemory
  ) throws -> CountedWords {
    let collection = Collection(keepsOrder: keepsOrder, memory)
    let limit = tableLimit(memory, threads: 1)
    let counts = WordCounts(keepsOrder: keepsOrder)
    var word = ByteBuffer()
    while let block = try reader.nextBlock() {
      try block.forEachRecord { (record, number) throws(StreamError) in
        if record.isEmpty { return }
        func failure(_ problem: String) -> StreamError {
          StreamError(
            .line(block.name, number), problem, advice: "a line is a word, a TAB and its count")
        }
        guard let tab = record.lastIndex(of: 0x09) else { throw failure("no TAB") }
        let digits = record[(tab + 1)...]
        guard (1...18).contains(digits.count), digits.allSatisfy({ $0 &- 0x30 < 10 }) else {
          throw failure("'\(String(decoding: digits, as: UTF8.self))' is no count")
        }
        guard tab > 0 else { throw failure("no word before the TAB") }
        if record[..<tab].elementsEqual(Spelling.end) { return }
        word.removeAll()
        Spelling.appendBytes(of: UnsafeBufferPointer(rebasing: record[..<tab]), to: &word)
        counts.add(word.bytes, count: digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
      }
      if counts.byteCount > limit { try collection.add(counts) }
    }
    return try collection.words(with: [counts])
  }
}
