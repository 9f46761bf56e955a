// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// The vocabulary of a binary counts stream: spellings in byte order, numbered from 0.
///
/// Nothing is looked up by spelling, so that besides its bytes a word takes eight for where it begins.
final class SortedSpellings: SpellingTable {
  private let bytes: ByteBuffer
  /// [count + 1]
  private let bounds: [Int]

  /// Reads `count` spellings, each after its length.
  ///
  /// - Throws: `StreamError` without a place when the bytes end early, a spelling is none, or one does
  ///   not come after the one before it.
  init(_ cursor: inout ByteCursor, count: Int) throws(StreamError) {
    var bytes = ByteBuffer(capacity: cursor.remainingCount)
    var bounds = [0]
    bounds.reserveCapacity(count + 1)
    var previous = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    for number in 0..<count {
      let length = Int(truncatingIfNeeded: try cursor.varint())
      let spelling = try cursor.bytes(length)
      guard !spelling.isEmpty, Spelling.isCanonical(spelling) || PositionMark.isMark(spelling)
      else {
        throw StreamError(.none, "token \(number) is not spelt as a piece is")
      }
      guard bytesPrecede(previous, spelling) else {
        throw StreamError(.none, "token \(number) is not in byte order after the one before it")
      }
      bytes.append(spelling)
      bounds.append(bytes.count)
      previous = spelling
    }
    self.bytes = bytes
    self.bounds = bounds
  }

  var count: Int { bounds.count - 1 }

  /// Bytes of memory in use.
  var byteCount: Int { bytes.capacity + MemoryLayout<Int>.size * bounds.count }

  func spelling(of token: Token) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: bytes.bytes[bounds[Int(token)]..<bounds[Int(token) + 1]])
  }
}
