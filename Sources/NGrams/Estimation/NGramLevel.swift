// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// The n-grams of one length in the order of their tokens, as streams of blocks that wait in memory or
/// in temporary files: their tokens, and their numbers.
///
/// Tokens: one byte, how many are those of the n-gram before; the difference of the next; the others
/// (varints). Numbers: one byte, the count (bits 0-3) and how many n-grams of the next length begin
/// with it (bits 4-7), each 15 for more, which follows less 15; then the occurrences, where these
/// are kept. A block starts as if after an n-gram of zeros.
final class NGramLevel: @unchecked Sendable {
  /// N-grams of a block.
  static let blockCount = 1 << 14

  let length: Int
  let tokens: BlockStore
  let numbers: BlockStore
  /// Whether occurrences are kept beside counts.
  let keepsOccurrences: Bool
  /// N-grams with at most so many occurrences are not written.
  private let threshold: UInt64?
  private(set) var count = 0
  /// N-grams that are written.
  private(set) var keptCount = 0
  /// How many n-grams have a count of 0 to 7.
  private(set) var countsOfCounts = [Int](repeating: 0, count: 8)
  /// The n-grams that begin with `<s>`.
  private(set) var beginnings = 0..<0

  private var tokenBlock = ByteBuffer(capacity: 1 << 17)
  private var numberBlock = ByteBuffer(capacity: 1 << 15)
  private let previous: UnsafeMutablePointer<Token>

  init(
    length: Int, keepsOccurrences: Bool, threshold: UInt64?, allowance: MemoryAllowance,
    directory: String
  ) {
    self.length = length
    self.keepsOccurrences = keepsOccurrences
    self.threshold = threshold
    tokens = BlockStore(allowance: allowance, directory: directory)
    numbers = BlockStore(allowance: allowance, directory: directory)
    previous = .allocate(capacity: length)
    previous.initialize(repeating: 0, count: length)
  }

  deinit { previous.deallocate() }

  var blockCount: Int { (count + NGramLevel.blockCount - 1) / NGramLevel.blockCount }

  /// Whether pruning drops an n-gram with so many occurrences.
  @inline(__always)
  func isPruned(_ occurrences: UInt64) -> Bool {
    if let threshold { occurrences <= threshold } else { false }
  }

  /// Appends the next n-gram.
  ///
  /// - tokens: [length], above those before.
  /// - childCount: n-grams of the next length that begin with it.
  func append(
    _ tokens: UnsafePointer<Token>, count: UInt64, occurrences: UInt64, childCount: Int
  ) throws {
    var shared = 0
    while shared < length &- 1, tokens[shared] == previous[shared] { shared &+= 1 }
    tokenBlock.append(UInt8(truncatingIfNeeded: shared))
    tokenBlock.append(varint: UInt64(tokens[shared] &- previous[shared]))
    previous[shared] = tokens[shared]
    var position = shared &+ 1
    while position < length {
      tokenBlock.append(varint: UInt64(tokens[position]))
      previous[position] = tokens[position]
      position &+= 1
    }
    let (low, high) = (min(count, 15), UInt64(min(childCount, 15)))
    numberBlock.append(UInt8(truncatingIfNeeded: low | high &<< 4))
    if low == 15 { numberBlock.append(varint: count &- 15) }
    if high == 15 { numberBlock.append(varint: UInt64(childCount &- 15)) }
    if keepsOccurrences { numberBlock.append(varint: occurrences) }
    if count < 8 { countsOfCounts[Int(count)] &+= 1 }
    if !isPruned(occurrences) { keptCount &+= 1 }
    if tokens[0] == 1 {
      if beginnings.isEmpty { beginnings = self.count..<self.count }
      beginnings = beginnings.lowerBound..<(self.count &+ 1)
    }
    self.count &+= 1
    if self.count & (NGramLevel.blockCount &- 1) == 0 { try flush() }
  }

  /// Says that no more n-grams come.
  func finish() throws {
    if count & (NGramLevel.blockCount - 1) > 0 { try flush() }
    tokens.finish()
    numbers.finish()
  }

  private func flush() throws {
    try tokens.append(tokenBlock)
    try numbers.append(numberBlock)
    tokenBlock.removeAll()
    numberBlock.removeAll()
    previous.update(repeating: 0, count: length)
  }
}

/// Walks through the tokens of one block of a level.
struct NGramTokenCursor {
  private var bytes: UnsafePointer<UInt8>
  private let length: Int

  init(_ block: UnsafeBufferPointer<UInt8>, length: Int) {
    bytes = block.baseAddress!
    self.length = length
  }

  /// Moves `tokens` on to the next n-gram's and returns how many of the first stay; there is one.
  ///
  /// - tokens: [length], zeros before the first n-gram of a block.
  @inline(__always)
  mutating func next(_ tokens: UnsafeMutablePointer<Token>) -> Int {
    let shared = Int(bytes[0])
    bytes += 1
    tokens[shared] &+= Token(truncatingIfNeeded: takeVarint(&bytes))
    var position = shared &+ 1
    while position < length {
      tokens[position] = Token(truncatingIfNeeded: takeVarint(&bytes))
      position &+= 1
    }
    return shared
  }
}

/// Walks through the numbers of a level, block by block; each block is dropped behind it.
final class NGramNumberReader {
  private let level: NGramLevel
  private let isLast: Bool
  private var scratch = BlockStore.Scratch()
  private var block = 0
  private var bytes: UnsafePointer<UInt8>?
  private var remaining = 0

  /// - isLast: whether this reader drops what it has read.
  init(_ level: NGramLevel, isLast: Bool) {
    self.level = level
    self.isLast = isLast
  }

  /// The numbers of the next n-gram; there is one.
  @inline(__always)
  func next() throws(StreamError) -> (count: UInt64, occurrences: UInt64, childCount: Int) {
    if remaining == 0 { try open() }
    remaining &-= 1
    var bytes = bytes!
    let head = bytes[0]
    bytes += 1
    var count = UInt64(head & 15)
    var childCount = Int(head &>> 4)
    if count == 15 { count = takeVarint(&bytes) &+ 15 }
    if childCount == 15 { childCount = Int(takeVarint(&bytes)) &+ 15 }
    let occurrences = level.keepsOccurrences ? takeVarint(&bytes) : count
    self.bytes = bytes
    return (count, occurrences, childCount)
  }

  private func open() throws(StreamError) {
    if isLast, block > 0 { level.numbers.release(block - 1) }
    bytes = try level.numbers.bytes(of: block, scratch: &scratch).baseAddress
    block += 1
    remaining = NGramLevel.blockCount
  }
}

/// Takes a varint off the front of bytes that this program wrote.
@inline(__always)
func takeVarint(_ bytes: inout UnsafePointer<UInt8>) -> UInt64 {
  var value = UInt64(bytes[0])
  bytes += 1
  guard value >= 0x80 else { return value }
  value &= 0x7F
  var shift: UInt64 = 7
  while true {
    let byte = UInt64(bytes[0])
    bytes += 1
    value |= (byte & 0x7F) &<< shift
    if byte < 0x80 { return value }
    shift &+= 7
  }
}
