// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// The payload of a data block of a binary counts stream: n-grams in ascending order of their tokens,
/// which are numbered in byte order of their spellings.
///
/// An n-gram is one byte (bits 0-3: how many tokens it shares with the n-gram before it; bits 4-7:
/// its count less one, or 15), the first token that differs as a difference, the others as they are, and
/// where the count is above 15 that less 16 (varints). A block starts as if after an n-gram of zeros.
struct CountEncoder {
  private var previous: [Token]

  init(order: Int) { previous = Array(repeating: 0, count: order) }

  mutating func startBlock() {
    for index in previous.indices { previous[index] = 0 }
  }

  /// Appends one n-gram, which is greater than the one before it in the block.
  mutating func append(
    _ tokens: UnsafePointer<Token>, count: UInt64, to output: inout ByteBuffer
  ) {
    let order = previous.count
    previous.withUnsafeMutableBufferPointer { previous in
      var shared = 0
      // The last token always differs, or it is the first n-gram of the block.
      while shared < order &- 1, tokens[shared] == previous[shared] { shared &+= 1 }
      let short = min(count &- 1, 15)
      output.append(UInt8(truncatingIfNeeded: shared) | UInt8(truncatingIfNeeded: short) << 4)
      output.append(varint: UInt64(tokens[shared] &- previous[shared]))
      previous[shared] = tokens[shared]
      var index = shared &+ 1
      while index < order {
        output.append(varint: UInt64(tokens[index]))
        previous[index] = tokens[index]
        index &+= 1
      }
      if short == 15 { output.append(varint: count &- 16) }
    }
  }

  /// Reads the payload of a block.
  ///
  /// - limit: the size of the vocabulary.
  /// - Throws: `StreamError` without a place when the payload is not what `append` writes.
  static func decode(
    _ payload: UnsafeBufferPointer<UInt8>, order: Int, itemCount: Int, limit: Int,
    into block: inout CountBlock
  ) throws(StreamError) {
    let corrupt = StreamError(.none, "corrupt counts block")
    guard itemCount <= payload.count else { throw corrupt }
    var cursor = ByteCursor(payload)
    var current = [UInt64](repeating: 0, count: order)
    block.tokens.reserveCapacity(itemCount * order)
    block.counts.reserveCapacity(itemCount)
    for item in 0..<itemCount {
      let head = try cursor.integer(as: UInt8.self)
      let shared = Int(head & 15)
      guard shared < order else { throw corrupt }
      let difference = try cursor.varint()
      guard difference <= UInt64(limit), difference > 0 || item == 0 else { throw corrupt }
      current[shared] += difference
      for index in shared + 1..<order { current[index] = try cursor.varint() }
      for index in shared..<order where current[index] >= UInt64(limit) { throw corrupt }
      for index in 0..<order { block.tokens.append(Token(current[index])) }
      var count = UInt64(head >> 4) + 1
      if count == 16 {
        let (sum, overflow) = try cursor.varint().addingReportingOverflow(16)
        guard !overflow else { throw corrupt }
        count = sum
      }
      block.counts.append(count)
    }
    guard cursor.remainingCount == 0 else { throw corrupt }
  }
}
