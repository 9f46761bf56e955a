// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// Merges sorted counts, text and binary mixed, into one stream; equal n-grams add up.
///
/// Files are read side by side and only once, so memory does not depend on their sizes. The result
/// depends on nothing but the sums: merging in any tree gives the same bytes.
public final class CountMerging {
  private let resources: CountingResources
  /// Bytes of memory: a quarter for blocks of sources, a quarter for their words, an eighth for what
  /// was merged in groups, and the rest for a result that waits for its vocabulary.
  private let memoryByteCount: Int
  private let groupAllowance: MemoryAllowance
  private var sources: [CountLines] = []
  /// Bytes of the words of the sources.
  private var wordByteCount = 0
  private var header: CountHeader?
  private var columnCount: Int?
  private let minimumCount: UInt64

  /// - order: the number of columns that the counts must have, if it is known.
  public init(_ resources: CountingResources, order: Int? = nil, minimumCount: UInt64 = 1) {
    self.resources = resources
    self.minimumCount = minimumCount
    columnCount = order
    memoryByteCount = max(resources.memoryByteCount - CountingResources.programByteCount, 0)
    groupAllowance = MemoryAllowance(byteCount: memoryByteCount / 8)
  }

  /// Files that are read at once; more are merged in groups first, through temporary files.
  private var fanIn: Int { min(max(memoryByteCount / 4 / CountMerging.sourceByteCount, 4), 256) }

  /// Bytes that a source takes besides its words: blocks on their way through it.
  private static let sourceByteCount = 1 << 21

  /// Adds files of counts; `-` is standard input.
  public func add(_ paths: [String]) throws {
    for path in paths.isEmpty ? ["-"] : paths {
      if sources.count >= fanIn || sources.count > 1 && wordByteCount > memoryByteCount / 4 {
        try mergeGroup()
      }
      let file = try InputFile(path: path)
      if try BlockReader.recognises(file) {
        try addBinary(BlockReader(file))
      } else {
        let reader = RecordReader(file: file, blockByteCount: 1 << 18)
        sources.append(CountLines(name: file.name, isTrusted: false) { try reader.nextBlock() })
      }
    }
  }

  /// Adds what was counted.
  public func add(_ counts: SortedCounts) throws {
    try accept(counts.header, of: "<counts>")
    sources.append(
      CountLines(name: "<counts>", isTrusted: true) { try counts.nextLines() })
  }

  private func addBinary(_ reader: consuming BlockReader) throws {
    let name = reader.name
    let stream = BinaryCountLines(reader)
    // The header is read now: it says what the result's must say.
    try accept(try stream.readHeader(), of: name)
    wordByteCount += stream.wordByteCount
    sources.append(CountLines(name: name, isTrusted: false) { try stream.next() })
  }

  /// Notes what a binary stream says of itself, and checks that it fits the others.
  private func accept(_ found: CountHeader, of name: String) throws(StreamError) {
    guard let known = header else {
      header = found
      return
    }
    func refuse(_ problem: String, _ advice: String? = nil) -> StreamError {
      StreamError(.file(name), problem, advice: advice)
    }
    if let a = known.tokenizerFingerprint, let b = found.tokenizerFingerprint, a != b {
      throw refuse(
        "counts of another tokeniser's vocabulary than the files before it",
        "tokenise with the same model")
    }
    if known.decoding != .unknown, found.decoding != .unknown, known.decoding != found.decoding {
      throw refuse("its pieces become text otherwise than those of the files before it")
    }
    guard known.padding == found.padding else {
      throw refuse("counts with other padding than the files before it")
    }
    guard known.order == found.order, known.isPositional == found.isPositional else {
      throw refuse(
        "n-grams of order \(found.order) after those of order \(known.order)",
        "counts hold one order")
    }
    header!.tokenizerFingerprint = known.tokenizerFingerprint ?? found.tokenizerFingerprint
    if known.decoding == .unknown { header!.decoding = found.decoding }
  }

  /// Writes the merged counts; the sink stays open.
  public func write(to sink: ByteSink, form: CountWriter.Form) throws {
    if case .binary = form {
      let spool = CountLineSpool(
        memoryByteCount: memoryByteCount / 8 * 3, directory: resources.directory)
      try merge(from: minimumCount) { key, count in try spool.append(key, count) }
      var header = header ?? CountHeader(order: 1, isPositional: false, padding: nil)
      header.order = columnCount ?? header.order
      header.isPositional = header.isPositional || spool.isPositional
      try spool.write(to: sink, header: header, form: form, threads: resources.threads)
      return
    }
    var output = ByteBuffer(capacity: 1 << 18)
    try merge(from: minimumCount) { key, count in
      CountLine.append(key, count, to: &output)
      if output.count >= 1 << 17 {
        try sink.write(output)
        output.removeAll()
      }
    }
    try sink.write(output)
  }

  /// Makes one source of all there are so far.
  private func mergeGroup() throws {
    let store = BlockStore(allowance: groupAllowance, directory: resources.directory)
    var output = ByteBuffer(capacity: 1 << 18)
    try merge(from: 1) { key, count in
      CountLine.append(key, count, to: &output)
      if output.count >= 1 << 17 {
        try store.append(output)
        output.removeAll()
      }
    }
    if !output.isEmpty { try store.append(output) }
    store.finish()
    var next = 0
    let scratch = ScratchBox()
    sources = [
      CountLines(name: "<merged>", isTrusted: true) {
        guard next < store.count else { return nil }
        var bytes = ByteBuffer(capacity: 1 << 17)
        bytes.append(try store.bytes(of: next, scratch: &scratch.scratch))
        store.release(next)
        next += 1
        return RecordBlock(bytes: bytes)
      }
    ]
  }

  /// Calls `body` with each n-gram and the sum of its counts, in byte order.
  ///
  /// - least: n-grams with smaller sums are left out.
  private func merge(
    from least: UInt64, _ body: (UnsafeBufferPointer<UInt8>, UInt64) throws -> Void
  ) throws {
    var heap: [CountLines] = []
    for source in sources {
      guard try source.advance() else { continue }
      try check(source)
      heap.append(source)
    }
    for index in stride(from: heap.count / 2, through: 0, by: -1) { siftDown(&heap, index) }
    var key = ByteBuffer()
    var sum: UInt64 = 0
    // A body may read eight bytes beyond a key.
    func emit() throws {
      guard sum > 0, sum >= least else { return }
      key.reserve(8)
      try body(key.bytes, sum)
    }
    while let first = heap.first {
      if sum > 0, key.count == first.key.count,
        memcmp(key.base, first.key.baseAddress!, key.count) == 0
      {
        let (total, overflow) = sum.addingReportingOverflow(first.count)
        guard !overflow else {
          throw StreamError(
            .none, "'\(String(decoding: key.bytes, as: UTF8.self))': \(countOverflow.problem)")
        }
        sum = total
      } else {
        try emit()
        key.removeAll()
        key.append(first.key)
        sum = first.count
      }
      if try !first.advance() {
        let last = heap.removeLast()
        if heap.isEmpty { break }
        heap[0] = last
      }
      siftDown(&heap, 0)
    }
    try emit()
    sources = []
    wordByteCount = 0
  }

  /// All sources have the same number of columns.
  private func check(_ source: CountLines) throws(StreamError) {
    let found = source.columnCount
    if let columnCount, columnCount != found {
      throw StreamError(
        .file(source.name),
        "n-grams of order \(found) cannot be merged with those of order \(columnCount)",
        advice: "counts hold one order")
    }
    columnCount = found
  }

  private func siftDown(_ heap: inout [CountLines], _ start: Int) {
    var index = start
    while true {
      var child = 2 * index + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, precedes(heap[child + 1], heap[child]) { child += 1 }
      guard precedes(heap[child], heap[index]) else { return }
      heap.swapAt(child, index)
      index = child
    }
  }

  private func precedes(_ a: CountLines, _ b: CountLines) -> Bool {
    a.prefix != b.prefix ? a.prefix < b.prefix : bytesPrecede(a.key, b.key)
  }
}

private final class ScratchBox {
  var scratch = BlockStore.Scratch()
}

/// A binary counts stream as blocks of lines.
private final class BinaryCountLines {
  private var reader: BlockReader
  private var header: CountHeader?
  private var spellings: SortedSpellings?
  private var itemCount = 0

  init(_ reader: consuming BlockReader) { self.reader = reader }

  var wordByteCount: Int { spellings?.byteCount ?? 0 }

  func readHeader() throws -> CountHeader {
    guard case .head(let head)? = try reader.next() else {
      throw StreamError(.file(reader.name), "a binary stream without a header")
    }
    return try accept(head)
  }

  func next() throws -> RecordBlock? {
    while let block = try reader.next() {
      switch consume block {
      case .head(let head):
        let before = header
        guard try accept(head) == before else {
          throw StreamError(.file(reader.name), "streams of different kinds in one file")
        }
      case .data(let payload, let count):
        let firstNumber = itemCount + 1
        itemCount += count
        if count == 0 { continue }
        return try lines(payload, count, firstNumber)
      case .end: break
      }
    }
    return nil
  }

  private func accept(_ head: StreamHeader) throws(StreamError) -> CountHeader {
    do throws(StreamError) {
      let (found, spellings) = try CountHeader.read(head)
      header = found
      self.spellings = spellings
      return found
    } catch { throw error.located(at: .file(reader.name)) }
  }

  private func lines(_ payload: borrowing ByteBuffer, _ count: Int, _ firstNumber: Int)
    throws(StreamError) -> RecordBlock
  {
    let order = header!.order
    var block = CountBlock(order: order)
    do throws(StreamError) {
      try CountEncoder.decode(
        payload.bytes, order: order, itemCount: count, limit: spellings!.count, into: &block)
    } catch {
      throw StreamError(.file(reader.name), "after n-gram \(firstNumber - 1): \(error.problem)")
    }
    let formatting = CountFormatting(form: .text, order: order, vocabulary: spellings!)
    return RecordBlock(
      bytes: formatting.bytes(block), firstLineNumber: firstNumber, name: reader.name)
  }
}
