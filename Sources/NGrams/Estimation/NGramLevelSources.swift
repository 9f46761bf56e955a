// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

// What the n-grams of a level are merged from. Each source stands at one n-gram, `key`, nothing at its end,
// and moves on when what it knows of that one is taken.

/// What the n-grams of the level above end with.
final class EndingReader {
  private let records: SortedRecords
  private let packing: TokenPacking
  private let length: Int
  private let linkedWidth: Int
  private let width: Int
  private var batch: RecordBatch?
  private var index = 0
  private let buffer: UnsafeMutablePointer<UInt64>
  private let other: UnsafeMutablePointer<UInt64>
  private(set) var key: UnsafePointer<UInt64>?

  init(_ records: SortedRecords, _ packing: TokenPacking, length: Int) throws {
    self.records = records
    self.packing = packing
    self.length = length
    linkedWidth = (packing.linkedBitCount(length) + 63) / 64
    width = packing.wordCount(length)
    buffer = .allocate(capacity: width)
    other = .allocate(capacity: width)
    if try fill() {
      packing.withoutLink(batch!.keys, length, into: buffer)
      key = UnsafePointer(buffer)
    }
  }

  deinit {
    buffer.deallocate()
    other.deallocate()
  }

  private func fill() throws -> Bool {
    batch = try records.next(capacity: NGramLevel.blockCount)
    index = 0
    return batch != nil
  }

  /// Appends the links of this n-gram, and moves on.
  ///
  /// - Returns: how many that were ever predicted end with it, and how often these occurred.
  @inline(__always)
  func take(into links: inout ByteBuffer) throws -> (different: UInt64, occurrences: UInt64) {
    var different: UInt64 = 0
    var occurrences: UInt64 = 0
    var linkCount = 0
    // Nearly always below 128: the number takes one byte, and more only when it must.
    let start = links.count
    links.append(0)
    while true {
      let record = batch!.keys + index &* linkedWidth
      let link = record[0] & (1 &<< UInt64(TokenPacking.linkBits) &- 1)
      links.append(littleEndian: UInt32(truncatingIfNeeded: link &>> 1))
      linkCount &+= 1
      if link & 1 == 1 {
        different &+= 1
        occurrences &+= batch!.payloads[index]
      }
      index &+= 1
      if index == batch!.count, try !fill() {
        key = nil
        break
      }
      packing.withoutLink(batch!.keys + index &* linkedWidth, length, into: other)
      if TokenPacking.compare(other, buffer, wordCount: width) != 0 {
        buffer.update(from: other, count: width)
        break
      }
    }
    if linkCount < 128 {
      links.base[start] = UInt8(linkCount)
    } else {
      var moved = ByteBuffer(capacity: 4 * linkCount)
      moved.append(UnsafeBufferPointer(rebasing: links.bytes[(start + 1)...]))
      links.count = start
      links.append(varint: UInt64(linkCount))
      links.append(moved.bytes)
    }
    return (different, occurrences)
  }
}

/// What the n-grams of the level above begin with.
final class ContextReader {
  private let level: NGramLevel
  private let packing: TokenPacking
  private let length: Int
  private var scratch = BlockStore.Scratch()
  private var cursor: NGramTokenCursor?
  private var numbers: NGramNumberReader
  private var index = 0
  private let tokens: UnsafeMutablePointer<Token>
  private let context: UnsafeMutablePointer<Token>
  private let buffer: UnsafeMutablePointer<UInt64>
  private var childCount = 0
  private var bound: UInt64 = 0
  private var nextOccurrences: UInt64 = 0
  private(set) var key: UnsafePointer<UInt64>?

  init(_ above: NGramLevel, _ packing: TokenPacking) throws {
    level = above
    self.packing = packing
    length = above.length - 1
    numbers = NGramNumberReader(above, isLast: false)
    tokens = .allocate(capacity: above.length)
    tokens.initialize(repeating: 0, count: above.length)
    context = .allocate(capacity: above.length)
    context.initialize(repeating: 0, count: above.length)
    buffer = .allocate(capacity: packing.wordCount(length))
    if above.count > 0 {
      _ = try read()
      try advance()
    }
  }

  deinit {
    tokens.deallocate()
    context.deallocate()
    buffer.deallocate()
  }

  /// Moves `tokens` on; whether they still begin with `context`.
  @inline(__always)
  private func read() throws -> Bool {
    var isSame: Bool
    if index & (NGramLevel.blockCount &- 1) == 0 {
      let block = index / NGramLevel.blockCount
      cursor = NGramTokenCursor(
        try level.tokens.bytes(of: block, scratch: &scratch), length: length + 1)
      tokens.update(repeating: 0, count: length + 1)
      _ = cursor!.next(tokens)
      isSame = memcmp(tokens, context, 4 * length) == 0
    } else {
      isSame = cursor!.next(tokens) >= length
    }
    if level.keepsOccurrences { nextOccurrences = try numbers.next().occurrences }
    index &+= 1
    return isSame
  }

  /// Moves on to the next context: `tokens` hold its first n-gram.
  private func advance() throws {
    context.update(from: tokens, count: length)
    packing.pack(context, length, into: buffer)
    key = UnsafePointer(buffer)
    childCount = 1
    bound = nextOccurrences
    while index < level.count, try read() {
      childCount &+= 1
      bound = max(bound, nextOccurrences)
    }
    isAtEnd = index == level.count && memcmp(tokens, context, 4 * length) == 0
  }

  private var isAtEnd = false

  /// How many n-grams begin with this one, and the most that any of them occurred.
  func take() throws -> (childCount: Int, bound: UInt64) {
    let result = (childCount, bound)
    if isAtEnd { key = nil } else { try advance() }
    return result
  }
}

/// Collects n-grams that stand at the beginning of records, in order.
final class BeginningWriter {
  private let store: BlockStore
  private var block = ByteBuffer()

  init(_ store: BlockStore) { self.store = store }

  func append(_ tokens: UnsafePointer<Token>, _ length: Int, count: UInt64) throws {
    for position in 0..<length { block.append(varint: UInt64(tokens[position])) }
    block.append(varint: count)
    if block.count > 1 << 15 { try flush() }
  }

  private func flush() throws {
    try store.append(block)
    block.removeAll()
  }

  func finish() throws {
    if !block.isEmpty { try flush() }
    store.finish()
  }
}

/// N-grams of the length that stand at the beginning of records, with their counts.
final class BeginningReader {
  private let store: BlockStore
  private let packing: TokenPacking
  private let length: Int
  private var scratch = BlockStore.Scratch()
  private var block = 0
  private var bytes = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  private let tokens: UnsafeMutablePointer<Token>
  private let buffer: UnsafeMutablePointer<UInt64>
  private var count: UInt64 = 0
  private(set) var key: UnsafePointer<UInt64>?

  init(_ store: BlockStore, _ packing: TokenPacking, length: Int) throws {
    self.store = store
    self.packing = packing
    self.length = length
    tokens = .allocate(capacity: length)
    buffer = .allocate(capacity: packing.wordCount(length))
    try advance()
  }

  deinit {
    tokens.deallocate()
    buffer.deallocate()
  }

  private func advance() throws {
    if bytes.isEmpty {
      if block > 0 { store.release(block - 1) }
      guard block < store.count else {
        key = nil
        return
      }
      bytes = try store.bytes(of: block, scratch: &scratch)
      block += 1
    }
    var next = bytes.baseAddress!
    for position in 0..<length { tokens[position] = Token(takeVarint(&next)) }
    count = takeVarint(&next)
    bytes = UnsafeBufferPointer(rebasing: bytes[(next - bytes.baseAddress!)...])
    packing.pack(tokens, length, into: buffer)
    key = UnsafePointer(buffer)
  }

  func take() throws -> UInt64 {
    let result = count
    try advance()
    return result
  }
}

/// Each token of the vocabulary.
final class EveryToken {
  private let count: Int
  private let buffer: UnsafeMutablePointer<UInt64>
  private(set) var key: UnsafePointer<UInt64>?

  init(count: Int) {
    self.count = count
    buffer = .allocate(capacity: 1)
    buffer[0] = 0
    key = count > 0 ? UnsafePointer(buffer) : nil
  }

  deinit { buffer.deallocate() }

  func take() {
    buffer[0] += 1
    if Int(buffer[0]) == count { key = nil }
  }
}
