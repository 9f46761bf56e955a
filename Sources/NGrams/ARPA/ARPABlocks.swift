// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CSystem
internal import TokenStreams

extension BackoffEstimation {
  /// Writes the model as ARPA text; as `writeARPA` would, without having it in memory.
  func writeARPA(to sink: ByteSink, threads: Int) throws {
    // A thread has some blocks and their text on the way, a few megabytes.
    let threads = min(threads, max(1, memoryByteCount >> 24))
    try writeARPAHead(vocabulary, nGramCounts, to: sink)
    let (words, isSingle, order) = (WordTable(vocabulary), isSingle, order)
    for length in 1...order {
      try sink.write("\n\\\(length)-grams:\n")
      try orderedParallelMap(
        threads: threads, next: { try self.nextBlock() },
        transform: { block in
          ARPAText(block, words, isSingle: isSingle, hasBackoffs: length < order)
        },
        emit: { try sink.write($0.bytes) })
    }
    try sink.write("\n\\end\\\n")
  }
}

/// The words of a vocabulary, each where one look at memory finds it.
///
/// Unsafe: `entries` is [vocabulary.count], allocated and freed here; tokens are below that.
private final class WordTable: @unchecked Sendable {
  /// Up to 15 bytes of a spelling, and in the last byte how many they are, or 255 where they are more.
  private typealias Entry = SIMD16<UInt8>
  private let entries: UnsafeMutablePointer<Entry>
  private let spellings: MappedSpellings

  init(_ vocabulary: Vocabulary) {
    spellings = vocabulary.mappedSpellings
    entries = .allocate(capacity: spellings.count)
    for token in 0..<spellings.count {
      let spelling = spellings[token]
      var entry = Entry(repeating: 0)
      for (index, byte) in spelling.prefix(15).enumerated() { entry[index] = byte }
      entry[15] = spelling.count > 15 ? 255 : UInt8(spelling.count)
      (entries + token).initialize(to: entry)
    }
  }

  deinit { entries.deallocate() }

  @inline(__always) func prefetch(_ token: Token) { prefetch_for_read(entries + Int(token)) }

  @inline(__always)
  func append(_ token: Token, to output: inout ByteBuffer) {
    let entry = entries[Int(token)]
    if entry[15] == 255 { return output.append(spellings[Int(token)]) }
    output.reserve(16)
    UnsafeMutableRawPointer(output.base + output.count).storeBytes(of: entry, as: Entry.self)
    output.count &+= Int(entry[15])
  }
}

extension ByteBuffer {
  /// Appends bytes that are mostly few: up to 16 may be read beyond them.
  @inline(__always)
  fileprivate mutating func append(shortRun source: UnsafePointer<UInt8>, count: Int) {
    reserve(count &+ 16)
    let target = UnsafeMutableRawPointer(base + self.count)
    var done = 0
    repeat {
      target.storeBytes(
        of: UnsafeRawPointer(source + done).loadUnaligned(as: SIMD16<UInt8>.self),
        toByteOffset: done, as: SIMD16<UInt8>.self)
      done &+= 16
    } while done < count
    self.count &+= count
  }
}

/// Asks for the words of a block's n-grams before they are written.
private struct WordPrefetch {
  private static let distance = 16
  private let block: LevelBlock
  private let words: WordTable
  private var cursor: NGramTokenCursor
  private var index = 0
  private let tokens: UnsafeMutablePointer<Token>

  /// - tokens: [block.length] zeros.
  init(_ block: LevelBlock, _ words: WordTable, _ tokens: UnsafeMutablePointer<Token>) {
    (self.block, self.words, self.tokens) = (block, words, tokens)
    cursor = NGramTokenCursor(block.tokens.bytes, length: block.length)
  }

  /// Keeps ahead of the n-gram at `place`.
  @inline(__always) mutating func advance(with place: Int) {
    let end = min(place &+ WordPrefetch.distance, block.count)
    while index < end {
      for position in cursor.next(tokens)..<block.length { words.prefetch(tokens[position]) }
      index &+= 1
    }
  }
}

/// The lines of a block of n-grams.
private final class ARPAText: Sendable {
  let bytes: ByteBuffer

  init(_ block: LevelBlock, _ words: WordTable, isSingle: Bool, hasBackoffs: Bool) {
    var output = ByteBuffer(capacity: 48 * block.count)
    var prefix = ByteBuffer(capacity: 256)
    let ends = UnsafeMutablePointer<Int>.allocate(capacity: block.length + 1)
    ends[0] = 0
    let tokensAhead = UnsafeMutablePointer<Token>.allocate(capacity: block.length)
    tokensAhead.initialize(repeating: 0, count: block.length)
    defer {
      ends.deallocate()
      tokensAhead.deallocate()
    }
    var prefetch = WordPrefetch(block, words, tokensAhead)
    block.forEachKept { tokens, index, shared in
      prefetch.advance(with: index)
      // The words that stay are still there.
      prefix.count = ends[shared]
      for position in shared..<block.length {
        if position > 0 { prefix.append(0x20) }
        words.append(tokens[position], to: &prefix)
        ends[position &+ 1] = prefix.count
      }
      if block.length == 1, tokens[0] == 1 {
        // As lmplz has it: <s> is never predicted, and its probability is not looked at.
        output.append(UInt8(ascii: "0"))
      } else {
        DecimalNumber.append(
          log10Value(block.probabilities[index], isSingle: isSingle), to: &output)
      }
      output.append(0x09)
      prefix.reserve(16)
      output.append(shortRun: prefix.base, count: prefix.count)
      if hasBackoffs {
        output.append(0x09)
        DecimalNumber.append(log10Value(block.backoffs[index], isSingle: isSingle), to: &output)
      }
      output.append(0x0A)
    }
    bytes = output
  }
}

/// A probability or back-off as models hold it.
@inline(__always)
func log10Value(_ value: Double, isSingle: Bool) -> Double {
  if value == 1 { return 0 }
  return isSingle ? Double(Float(min(log10(value), 0))) : log10(value)
}
