// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// Which of the counts that are read a model is made of, and how.
public struct CountSelection: Sendable {
  /// Tokens of an n-gram, at most as many as are counted; nothing keeps all.
  public var order: Int?
  /// Tokens predicted less often become `<unk>`.
  public var minimumCount: UInt64 = 0
  /// Spellings of the tokens that stay; nothing keeps all.
  public var listed: Set<[UInt8]>?

  public init() {}

  var limitsVocabulary: Bool { minimumCount > 0 || listed != nil }
}

/// Counts as they come, until their vocabulary is known: in memory or in a temporary file.
///
/// An n-gram is one byte (bits 0-3: how many tokens it shares with the one before it in its block;
/// bits 4-7: its count, or 15), its other tokens, and where the bits are 15 the count less 15 (varints).
final class CountSpool: CountSource, @unchecked Sendable {
  let order: Int
  let vocabulary: Vocabulary
  private let columnCount: Int
  private let store: BlockStore
  private let blockCounts: [Int]
  /// The vocabulary's token for each number in the store.
  private let numbers: [Token]

  /// Reads the rest of a counts stream.
  ///
  /// - Throws: what `CountReader` throws; an n-gram with `<s>` after another token or at its end; counts of
  ///   a lower order than is wanted.
  init(
    _ reader: CountReader, _ selection: CountSelection, allowance: MemoryAllowance,
    directory: String
  ) throws {
    store = BlockStore(allowance: allowance, directory: directory)
    var counts: [Int] = []
    var occurrences: [UInt64] = []
    while let block = try reader.next() {
      let bytes = try CountSpool.encoded(block)
      if selection.minimumCount > 0 {
        for index in 0..<block.count {
          let token = Int(block.tokens[(index + 1) * block.order - 1])
          while occurrences.count <= token { occurrences.append(0) }
          occurrences[token] &+= block.counts[index]
        }
      }
      try store.append(bytes)
      counts.append(block.count)
    }
    store.finish()
    blockCounts = counts
    columnCount = reader.order ?? 1
    order = min(selection.order ?? columnCount, columnCount)
    if let wanted = selection.order, reader.order != nil { try checkOrder(wanted, columnCount) }
    let found = reader.takeVocabulary()
    while occurrences.count < found.count { occurrences.append(0) }
    let tokens = (0..<Token(found.count)).filter { token in
      guard selection.limitsVocabulary, token > 2 else { return true }
      return (selection.minimumCount == 0 || occurrences[Int(token)] >= selection.minimumCount)
        && selection.listed?.contains(Array(found.spelling(of: token))) ?? true
    }
    let vocabulary = Vocabulary(
      modelSpellings: tokens.map { Array(found.spelling(of: $0)) }, decoding: found.decoding,
      tokenizerFingerprint: found.tokenizerFingerprint)
    var numbers = [Token](repeating: vocabulary.unknown!, count: found.count)
    for token in tokens { numbers[Int(token)] = vocabulary.token(found.spelling(of: token))! }
    self.vocabulary = vocabulary
    self.numbers = numbers
  }

  private static func encoded(_ block: CountBlock) throws(StreamError) -> ByteBuffer {
    var bytes = ByteBuffer(capacity: 1 << 16)
    let order = block.order
    let (allTokens, counts) = (block.tokens.span, block.counts.span)
    for index in 0..<block.count {
      let start = index &* order
      var shared = 0
      if index > 0 {
        let before = start &- order
        while shared < min(order, 15), allTokens[start &+ shared] == allTokens[before &+ shared] {
          shared &+= 1
        }
      }
      let count = min(counts[index], 15)
      bytes.append(UInt8(truncatingIfNeeded: shared) | UInt8(truncatingIfNeeded: count) << 4)
      for column in shared..<order {
        let token = allTokens[start &+ column]
        let isFirst = column == 0 || allTokens[start &+ column &- 1] == 1
        if token == 1, column &+ 1 == order || !isFirst { throw misplacedBeginning }
        bytes.append(varint: UInt64(token))
      }
      if count == 15 { bytes.append(varint: counts[index] &- 15) }
    }
    return bytes
  }

  var blockCount: Int { blockCounts.count }
  var nGramCount: Int { blockCounts.reduce(0, +) }
  var memoryByteCount: Int { store.memoryByteCount + 4 * numbers.count }

  func forEachNGram(
    ofBlock block: Int, scratch: inout BlockStore.Scratch,
    _ body: (UnsafePointer<Token>, UInt64) throws -> Void
  ) throws {
    var bytes = try store.bytes(of: block, scratch: &scratch).baseAddress!
    defer { store.release(block) }
    let tokens = UnsafeMutablePointer<Token>.allocate(capacity: columnCount)
    defer { tokens.deallocate() }
    for _ in 0..<blockCounts[block] {
      let head = bytes[0]
      bytes += 1
      for column in Int(head & 15)..<columnCount {
        tokens[column] = numbers[Int(takeVarint(&bytes))]
      }
      let count = UInt64(head &>> 4)
      try body(tokens + (columnCount &- order), count == 15 ? takeVarint(&bytes) &+ 15 : count)
    }
  }
}

private let misplacedBeginning = StreamError(
  .none, "the counts hold an n-gram that ends in <s>, or has it after another token",
  advice: "<s> pads contexts and is never predicted")

/// Refuses an order above that of the counts.
func checkOrder(_ order: Int, _ countedOrder: Int) throws(StreamError) {
  guard order <= countedOrder else {
    throw StreamError(
      .none, "order \(order) is above that of the counts, \(countedOrder)",
      advice: "count with --order \(order)")
  }
}

/// The counts of each order up to which n-grams are left out: numbers that do not fall, as in `0,1,2`.
public struct CountThresholds: Sendable {
  public let values: [UInt64]

  /// Reads a command line's argument; the first number is 0, since unigrams stay.
  public init?(argument: String) {
    let numbers = argument.split(whereSeparator: { $0 == "," || $0 == " " }).map { UInt64($0) }
    values = numbers.compactMap(\.self)
    guard values.count == numbers.count, values.first == 0,
      zip(values, values.dropFirst()).allSatisfy({ $0 <= $1 })
    else { return nil }
  }
}
