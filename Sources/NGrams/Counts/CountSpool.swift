// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// Which of the counts that are read a model is made of, and how.
public struct CountSelection: Sendable {
  /// Tokens of an n-gram, at most as many as are counted; nothing keeps all.
  var order: Int?
  /// Tokens predicted less often become `<unk>`.
  var minimumCount: UInt64
  /// Spellings of the tokens that stay; nothing keeps all.
  var listed: Set<[UInt8]>?

  public init(order: Int? = nil, minimumCount: UInt64 = 0, listed: Set<[UInt8]>? = nil) {
    self.order = order
    self.minimumCount = minimumCount
    self.listed = listed
  }

  var limitsVocabulary: Bool { minimumCount > 0 || listed != nil }
}

/// Counts as they come, until their vocabulary is known: in memory or in a temporary file.
///
/// Blocks of a binary stream lie as they came. Of text, an n-gram is one byte (bits 0-3: how many tokens it shares with the one before it in its block;
/// bits 4-7: its count, or 15), its other tokens, and where the bits are 15 the count less 15 (varints).
final class CountSpool: CountSource, @unchecked Sendable {
  let order: Int
  let vocabulary: Vocabulary
  let allowance: MemoryAllowance
  private let columnCount: Int
  private let store: BlockStore
  private let blocks: [Block]

  private enum Block {
    case own(count: Int)
    case stream(EncodedForm)

    var count: Int {
      switch self {
      case .own(let count): count
      case .stream(let form): form.count
      }
    }
  }

  /// The vocabulary's token for each of the reader's.
  private let numbers: [Token]

  /// Reads the rest of a counts stream.
  ///
  /// - Throws: what `CountReader` throws; counts of a lower order than is wanted.
  init(
    _ reader: CountReader, _ selection: CountSelection, allowance: MemoryAllowance,
    directory: String
  ) throws {
    self.allowance = allowance
    store = BlockStore(allowance: allowance, directory: directory)
    var blocks: [Block] = []
    var occurrences: [UInt64] = []
    func count(_ block: CountBlock) {
      guard selection.minimumCount > 0 else { return }
      for index in 0..<block.count {
        let token = Int(block.tokens[(index + 1) * block.order - 1])
        while occurrences.count <= token { occurrences.append(0) }
        occurrences[token] &+= block.counts[index]
      }
    }
    while let part = try reader.nextPart() {
      switch part {
      case .counts(let block):
        count(block)
        try store.append(CountSpool.encoded(block))
        blocks.append(.own(count: block.count))
      case .encoded(let encoded):
        if selection.minimumCount > 0 { count(try encoded.form.decoded(encoded.payload.bytes)) }
        try store.append(encoded.payload)
        blocks.append(.stream(encoded.form))
      }
    }
    store.finish()
    self.blocks = blocks
    columnCount = reader.order ?? 1
    order = min(selection.order ?? columnCount, columnCount)
    if let wanted = selection.order, reader.order != nil { try checkOrder(wanted, columnCount) }
    (vocabulary, numbers) = reader.takeModelVocabulary { token, spelling in
      let count = Int(token) < occurrences.count ? occurrences[Int(token)] : 0
      return count >= selection.minimumCount
        && selection.listed?.contains(Array(spelling)) ?? true
    }
  }

  private static func encoded(_ block: CountBlock) -> ByteBuffer {
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
      for column in shared..<order { bytes.append(varint: UInt64(allTokens[start &+ column])) }
      if count == 15 { bytes.append(varint: counts[index] &- 15) }
    }
    return bytes
  }

  var blockCount: Int { blocks.count }
  var nGramCount: Int { blocks.reduce(0) { $0 + $1.count } }
  var memoryByteCount: Int { 4 * numbers.count + streamByteCount }

  /// Bytes of the numberings of binary streams, each of which its blocks share.
  private var streamByteCount: Int {
    var (byteCount, name) = (0, "")
    for case .stream(let form) in blocks where form.name != name {
      byteCount += 4 * form.tokenMap.count
      name = form.name
    }
    return byteCount
  }

  func forEachNGram(
    ofBlock block: Int, scratch: inout BlockStore.Scratch,
    _ body: (UnsafePointer<Token>, UInt64) throws -> Void
  ) throws {
    let bytes = try store.bytes(of: block, scratch: &scratch)
    defer { store.release(block) }
    let tokens = UnsafeMutablePointer<Token>.allocate(capacity: columnCount)
    defer { tokens.deallocate() }
    let last = tokens + (columnCount &- order)
    switch blocks[block] {
    case .own(let count):
      var next = bytes.baseAddress!
      for _ in 0..<count {
        let head = next[0]
        next += 1
        for column in Int(head & 15)..<columnCount {
          tokens[column] = numbers[Int(takeVarint(&next))]
        }
        let count = UInt64(head &>> 4)
        try body(last, count == 15 ? takeVarint(&next) &+ 15 : count)
      }
    case .stream(let form):
      let counts = try form.decoded(bytes)
      let allTokens = counts.tokens.span
      for index in 0..<counts.count {
        for column in 0..<columnCount {
          tokens[column] = numbers[Int(allTokens[index &* columnCount &+ column])]
        }
        try body(last, counts.counts[index])
      }
    }
  }
}

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
