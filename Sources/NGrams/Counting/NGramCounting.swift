// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import Synchronization
public import TokenStreams

/// What is counted: which n-grams of a record there are.
public struct CountingRules: Sendable {
  /// Tokens of an n-gram: the predicted one and its context.
  public var order: Int
  /// Whether `</s>` is predicted at the end of each record.
  public var predictsEnd = true
  /// What stands before the first token of a record, if not `<s>`.
  public var padding: [UInt8]?
  /// Whether each n-gram has the position of its predicted token in front.
  public var isPositional = false
  /// N-grams seen less often are left out.
  public var minimumCount: UInt64 = 1
  /// The only words that count as themselves; all others are `<unk>`.
  public var vocabulary: Vocabulary?

  public init(order: Int) { self.order = order }

  /// Tokens on a line of counts.
  var columnCount: Int { order + (isPositional ? 1 : 0) }
}

/// What a program may use.
public struct CountingResources: Sendable {
  public var threads: Int
  /// Bytes of memory.
  public var memoryByteCount: Int
  /// Where temporary files go.
  public var directory: String

  public init(threads: Int, memoryByteCount: Int, directory: String) {
    self.threads = threads
    self.memoryByteCount = memoryByteCount
    self.directory = directory
  }

  /// All there is, and one thread.
  public static let unlimited = CountingResources(
    threads: 1, memoryByteCount: 1 << 42, directory: "/tmp")
}

/// Counts the n-grams of token streams within a memory budget, in two passes.
///
/// The first pass numbers the tokens in order of first use and keeps the corpus as numbers. By its end the
/// vocabulary is known: the second pass packs n-grams of ranks into numbers that are ordered as
/// lines are, and sorts them. So neither numbering, threads nor memory show in the result.
public final class NGramCounting {
  private let rules: CountingRules
  private let resources: CountingResources
  private let table: SharedPieceTable
  private let spool: TokenSpool
  private var decoding: TextDecoding?
  private var tokenizerFingerprint: UInt64?
  private var typeCount = 0
  private var temporaryByteCount = 0
  /// Bytes of input read so far.
  public private(set) var consumedByteCount = 0

  public init(_ rules: CountingRules, _ resources: CountingResources) {
    precondition((1...15).contains(rules.order))
    self.rules = rules
    self.resources = resources
    table = SharedPieceTable(allowed: rules.vocabulary)
    spool = TokenSpool(
      contextCount: rules.order - 1,
      allowance: MemoryAllowance(byteCount: resources.memoryByteCount / 4),
      directory: resources.directory)
  }

  /// Reads files of tokens, text or binary; `-` is standard input.
  ///
  /// - progress: called with the bytes read so far.
  public func read(
    _ paths: [String], terminator: UInt8 = 0x0A, progress: (Int) -> Void = { _ in }
  ) throws {
    for path in paths.isEmpty ? ["-"] : paths {
      let file = try InputFile(path: path)
      let before = consumedByteCount
      func advance(_ byteCount: Int) {
        consumedByteCount = before + byteCount
        progress(consumedByteCount)
      }
      if try BlockReader.recognises(file) {
        try readBinary(path, file, advance)
      } else {
        try readText(file, terminator, advance)
      }
    }
  }

  private func readText(_ file: InputFile, _ terminator: UInt8, _ progress: (Int) -> Void) throws {
    let blockByteCount = min(
      max(resources.memoryByteCount / (128 * resources.threads), 1 << 16), 1 << 20)
    var blocks = TokenTextBlocks(file, terminator: terminator, blockByteCount: blockByteCount)
    let scan = TokenScan(table: table, predictsEnd: rules.predictsEnd)
    try orderedParallelMap(
      threads: resources.threads,
      next: {
        defer { progress(file.consumedByteCount) }
        return try blocks.next()
      },
      transform: { try ScannedBox(scan($0)) },
      emit: { try spool.append($0.tokens) })
  }

  private func readBinary(_ path: String, _ file: InputFile, _ progress: (Int) -> Void) throws {
    let reader = try TokenReader(file: file, numbering: .growing)
    var tokenMap: [Token] = []
    while let block = try reader.next() {
      var scanned = ScannedTokens(capacity: 2 * block.tokens.count + 64)
      var recordStart = 0
      var start = 0
      for end in block.recordEnds {
        for token in block.tokens[start..<end] {
          while tokenMap.count <= Int(token) {
            tokenMap.append(number(reader.spelling(of: Token(tokenMap.count))))
          }
          let own = tokenMap[Int(token)]
          if own == 0 { scanned.hasUnknown = true }
          scanned.append(own)
          scanned.tokenCount += 1
        }
        scanned.endRecord(predictsEnd: rules.predictsEnd, start: &recordStart)
        start = end
      }
      try spool.append(scanned)
      progress(file.consumedByteCount)
    }
    try accept(reader.takeVocabulary(), of: path)
  }

  /// The token of a canonical spelling.
  private func number(_ spelling: UnsafeBufferPointer<UInt8>) -> Token {
    if let allowed = rules.vocabulary, allowed.token(spelling) == nil { return 0 }
    return table.insert(spelling)
  }

  private func accept(_ vocabulary: Vocabulary, of name: String) throws(StreamError) {
    if let known = tokenizerFingerprint, let found = vocabulary.tokenizerFingerprint, known != found
    {
      throw StreamError(
        .file(name), "its tokeniser's vocabulary differs from the stream before it",
        advice: "tokenise with the same model")
    }
    if let decoding, decoding != vocabulary.decoding {
      throw StreamError(
        .file(name), "its pieces become text otherwise than those of the stream before it")
    }
    tokenizerFingerprint = tokenizerFingerprint ?? vocabulary.tokenizerFingerprint
    decoding = vocabulary.decoding
  }

  /// What there was, in a line: for those who ask.
  public var description: String {
    "\(spool.tokenCount) tokens, \(typeCount) types, "
      + "\(temporaryByteCount) bytes of temporary files"
  }

  /// Counts what was read.
  public func counts() throws -> SortedCounts {
    spool.finish()
    let positions = rules.isPositional ? spool.longestRecord : 0
    let positionTokens = (0..<positions).map { table.insert(PositionMark.spelling(of: $0 + 1)) }
    let hasContext = rules.order > 1 && spool.tokenCount > 0
    let paddingToken = rules.padding.map { table.insert($0) } ?? 1
    let writesEnd = rules.predictsEnd && spool.tokenCount > 0
    let pieces = RankedPieces(table) { [hasUnknown = spool.hasUnknown] token in
      switch token {
      case paddingToken where hasContext: true
      case 0: hasUnknown
      case 1: false
      case 2: writesEnd
      default: true
      }
    }
    let keys = NGramKeys(
      rules: rules, vocabularyCount: pieces.count, padding: pieces.ranks[Int(paddingToken)])
    let memory = max(
      resources.memoryByteCount - CountingResources.programByteCount - pieces.byteCount
        - spool.memoryByteCount, 1 << 21)
    let sorter = ExternalSorter(
      keyBitCount: keys.bitCount, hasPayload: false, equalKeys: .sum,
      allowance: MemoryAllowance(byteCount: memory / 4), mergeByteCount: memory / 2,
      directory: resources.directory)
    let positionRanks = [0] + positionTokens.map { pieces.ranks[Int($0)] }
    try sort(keys, ranks: pieces.ranks, positionRanks: positionRanks, in: memory / 2, with: sorter)
    typeCount = pieces.count
    temporaryByteCount = spool.fileByteCount + sorter.fileByteCount
    var header = CountHeader(
      order: rules.columnCount, isPositional: rules.isPositional, padding: rules.padding)
    header.decoding = decoding ?? .unknown
    header.tokenizerFingerprint = tokenizerFingerprint
    return SortedCounts(
      header: header, pieces: pieces, keys: keys, records: try sorter.sorted(),
      minimumCount: rules.minimumCount, threads: resources.threads)
  }

  /// Packs and sorts all n-grams, each thread chunks of its own.
  private func sort(
    _ keys: NGramKeys, ranks: [Token], positionRanks: [Token], in memory: Int,
    with sorter: ExternalSorter
  ) throws {
    let threads = spool.tokenCount < 1 << 16 ? 1 : resources.threads
    let room = memory / threads / sorter.chunkByteCountPerRecord
    let capacity = max(min(room, spool.tokenCount), spool.largestBlock)
    let pass = SortPass(
      spool: spool, keys: keys, ranks: ranks, positionRanks: positionRanks, sorter: sorter,
      capacity: capacity)
    Threads.forEach(count: threads, threads: threads) { _ in pass.work() }
    try pass.finish()
  }
}

/// The second pass: threads take blocks of tokens, pack them and sort full chunks.
private final class SortPass: Sendable {
  private let spool: TokenSpool
  private let keys: NGramKeys
  private let ranks: [Token]
  private let positionRanks: [Token]
  private let sorter: ExternalSorter
  private let capacity: Int
  private let nextBlock = Atomic<Int>(0)
  private let failure = Locked<(any Error)?>(nil)

  /// - capacity: records of a chunk, at least those of the largest block.
  init(
    spool: TokenSpool, keys: NGramKeys, ranks: [Token], positionRanks: [Token],
    sorter: ExternalSorter, capacity: Int
  ) {
    self.spool = spool
    self.keys = keys
    self.ranks = ranks
    self.positionRanks = positionRanks
    self.sorter = sorter
    self.capacity = capacity
  }

  func work() {
    do {
      let chunk = sorter.makeChunk(capacity: capacity)
      var scratch = BlockStore.Scratch()
      while failure.withLock({ $0 == nil }) {
        let index = nextBlock.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < spool.blockCount else { break }
        try spool.read(index, scratch: &scratch) { tokenCount, position, context, tokens in
          if chunk.count + tokenCount > capacity { try sorter.add(chunk) }
          chunk.count += keys.pack(
            position: position, context: context, tokens: tokens, ranks: ranks,
            positionRanks: positionRanks, into: chunk.records + chunk.count * keys.wordCount)
        }
      }
      try sorter.add(chunk)
    } catch { failure.withLock { $0 = $0 ?? error } }
  }

  func finish() throws {
    if let error = failure.withLock({ $0 }) { throw error }
  }
}

/// Carries scanned tokens from a worker to the spool.
private final class ScannedBox: Sendable {
  let tokens: ScannedTokens
  init(_ tokens: consuming ScannedTokens) { self.tokens = tokens }
}

extension CountingResources {
  /// What the program itself takes, and the blocks on their way through it.
  static let programByteCount = 16 << 20

  /// A warning when the disk may not hold the temporary files that counting these files needs, as far
  /// as their sizes are known.
  ///
  /// The corpus as numbers takes up to half of the text, and the sorted n-grams as much again for each
  /// two of their tokens; a quarter of the memory holds what is left out here.
  public func spaceWarning(for paths: [String], order: Int) -> String? {
    var byteCount = 0
    for path in paths.isEmpty ? ["-"] : paths {
      var status = stat()
      guard (path == "-" ? fstat(0, &status) : stat(path, &status)) == 0 else { return nil }
      if status.st_mode & S_IFMT == S_IFREG { byteCount += Int(status.st_size) }
    }
    return spaceWarning(wanted: (byteCount / 2) * (1 + (order + 1) / 2) - memoryByteCount / 4)
  }

  /// A warning when the disk may not hold so many bytes of temporary files.
  func spaceWarning(wanted: Int) -> String? {
    guard wanted > 0, let free = TemporaryFile.availableByteCount(in: directory), free < wanted
    else { return nil }
    return "\(directory): temporary files may need \(wanted) bytes, and \(free) are free; "
      + "name another folder with -T, or allow more memory with -S"
  }
}
