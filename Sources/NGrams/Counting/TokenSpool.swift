// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// All tokens of a corpus in compact form, in blocks that can be read each for itself: in memory while
/// there is room, then in a temporary file.
///
/// A block begins with the number of its tokens, those of its record before it, and the last of
/// those, as many as a context holds.
final class TokenSpool: @unchecked Sendable {
  private let store: BlockStore
  private let contextCount: Int
  /// Tokens of the record that is open, and the last of them.
  private var position = 0
  private var context: [Token] = []
  private(set) var tokenCount = 0
  private(set) var longestRecord = 0
  /// The largest number of tokens in one block.
  private(set) var largestBlock = 0
  private(set) var hasUnknown = false

  init(contextCount: Int, allowance: MemoryAllowance, directory: String) {
    self.contextCount = contextCount
    store = BlockStore(allowance: allowance, directory: directory)
  }

  var blockCount: Int { store.count }
  var fileByteCount: Int { store.fileByteCount }
  var memoryByteCount: Int { store.memoryByteCount }

  /// Appends the next tokens of the corpus.
  func append(_ tokens: borrowing ScannedTokens) throws(StreamError) {
    guard !tokens.bytes.isEmpty else { return }
    var block = ByteBuffer(capacity: tokens.bytes.count + 64)
    block.append(varint: UInt64(tokens.tokenCount))
    block.append(varint: UInt64(position))
    block.append(varint: UInt64(context.count))
    for token in context { block.append(varint: UInt64(token)) }
    block.append(tokens.bytes.bytes)
    try store.append(block)
    longestRecord = max(
      longestRecord, tokens.longestRecord,
      position + (tokens.firstRecordCount ?? tokens.tokenCount))
    tokenCount += tokens.tokenCount
    largestBlock = max(largestBlock, tokens.tokenCount)
    if tokens.hasUnknown { hasUnknown = true }
    if tokens.endsRecord {
      position = 0
      context = []
    }
    var cursor = ByteCursor(
      UnsafeBufferPointer(rebasing: tokens.bytes.bytes[tokens.openRecordStart...]))
    while cursor.remainingCount > 0 {
      let token = Token(try cursor.varint() - 1)
      position += 1
      context.append(token)
      if context.count > contextCount { context.removeFirst() }
    }
  }

  func finish() { store.finish() }

  /// Calls `body` with the number of a block's tokens, of those before them in their record, the last of
  /// these, and the tokens in the form of `ScannedTokens`; then drops the block.
  func read(
    _ index: Int, scratch: inout BlockStore.Scratch,
    _ body: (
      _ tokenCount: Int, _ position: Int, _ context: [Token],
      _ tokens: UnsafeBufferPointer<UInt8>
    ) throws -> Void
  ) throws {
    let bytes = try store.bytes(of: index, scratch: &scratch)
    var cursor = ByteCursor(bytes)
    let tokenCount = Int(try cursor.varint())
    let position = Int(try cursor.varint())
    var context: [Token] = []
    for _ in 0..<(try cursor.varint()) { context.append(Token(try cursor.varint())) }
    try body(
      tokenCount, position, context, UnsafeBufferPointer(rebasing: bytes[cursor.index...]))
    store.release(index)
  }
}
