// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// The tokens of a stretch of records in compact form: what the first pass over a corpus keeps of it.
///
/// Each token is a varint, its number plus one; 0 ends a record.
struct ScannedTokens: ~Copyable, Sendable {
  var bytes: ByteBuffer
  /// Number of tokens, `</s>` included where it is predicted.
  var tokenCount = 0
  /// Where in `bytes` the last record begins that does not end here.
  var openRecordStart = 0
  /// Whether a record ends here.
  var endsRecord = false
  var hasUnknown = false
  /// Tokens up to the end of the first record, or all if none ends here.
  var firstRecordCount: Int?
  /// Tokens of the longest record, as far as it lies here.
  var longestRecord = 0

  init(capacity: Int) { bytes = ByteBuffer(capacity: capacity) }

  static let endOfRecord: UInt8 = 0

  @inline(__always)
  mutating func append(_ token: Token) { bytes.append(varint: UInt64(token) &+ 1) }

  mutating func endRecord(predictsEnd: Bool, start: inout Int) {
    if predictsEnd {
      append(2)
      tokenCount &+= 1
    }
    bytes.append(ScannedTokens.endOfRecord)
    longestRecord = max(longestRecord, tokenCount &- start)
    if firstRecordCount == nil { firstRecordCount = tokenCount }
    start = tokenCount
    openRecordStart = bytes.count
    endsRecord = true
  }
}

/// Numbers the pieces of a block of token text.
struct TokenScan {
  let table: SharedPieceTable
  let predictsEnd: Bool

  /// - Throws: `StreamError` for `<s>` or `</s>` inside a record.
  func callAsFunction(_ block: TokenTextBlock) throws(StreamError) -> ScannedTokens {
    var output = ScannedTokens(capacity: block.bytes.count / 2 + 64)
    var slots = table.slots
    let base = UnsafePointer(block.bytes.base)
    let count = block.bytes.count
    let terminator = block.terminator
    var recordStart = 0
    var index = 0
    while index < count {
      let byte = base[index]
      if byte == 0x20 || byte == 0x09 {
        index &+= 1
        continue
      }
      if byte == terminator {
        output.endRecord(predictsEnd: predictsEnd, start: &recordStart)
        index &+= 1
        continue
      }
      let start = base + index
      let length = TokenScan.pieceLength(start, terminator: terminator)
      let first = SharedPieceTable.tail(start, length)
      let hash = SharedPieceTable.hash(first, start, length)
      var token: Token
      if let known = SharedPieceTable.find(start, length, first: first, hash: hash, in: slots) {
        token = known
      } else {
        token = table.insert(asWritten: start, length, first: first, hash: hash)
        slots = table.slots
      }
      if token <= 2 { try check(token, at: index, of: block, &output) }
      output.append(token)
      output.tokenCount &+= 1
      index &+= length
    }
    output.longestRecord = max(output.longestRecord, output.tokenCount - recordStart)
    return output
  }

  /// Bytes up to the next blank, TAB or terminator; there is one.
  @inline(__always)
  private static func pieceLength(_ start: UnsafePointer<UInt8>, terminator: UInt8) -> Int {
    var length = 0
    while true {
      let word = UInt64(
        littleEndian: UnsafeRawPointer(start + length).loadUnaligned(as: UInt64.self))
      // The lowest byte below 0x21 sets its high bit; bytes above it may do so wrongly.
      let low =
        (word &- 0x2121_2121_2121_2121) & ~word & 0x8080_8080_8080_8080
      if low == 0 {
        length &+= 8
        continue
      }
      length &+= low.trailingZeroBitCount &>> 3
      let byte = start[length]
      if byte == 0x20 || byte == terminator || byte == 0x09 { return length }
      length &+= 1
    }
  }

  private func check(
    _ token: Token, at index: Int, of block: TokenTextBlock, _ output: inout ScannedTokens
  ) throws(StreamError) {
    if token == 0 {
      output.hasUnknown = true
      return
    }
    let before = UnsafeBufferPointer(rebasing: block.bytes.bytes[..<index])
    throw StreamError(
      .line(
        block.name, block.lineNumber + RecordBlock.occurrences(of: block.terminator, in: before)),
      "\(token == 1 ? "<s>" : "</s>") inside a record",
      advice: "records begin and end by themselves; a piece spelt so is written \\x3C...")
  }
}
