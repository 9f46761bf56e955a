// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// The pairs of bytes that stand side by side in some piece.
///
/// No merge reaches over the place between two bytes that are no such pair: what it would make is a piece
/// that holds both. So a long text is cut there first, and its parts are merged by themselves.
///
///     pieces a, b, c, ab:  abcab  ->  ab | c | ab
struct InnerPairs: Sendable {
  /// A bit for each pair, the first byte above.
  private var bits = [UInt64](repeating: 0, count: 1 << 10)

  init(_ pieces: MappedSpellings) {
    for number in 0..<pieces.count {
      let piece = pieces[number]
      for (first, second) in zip(piece, piece.dropFirst()) {
        let pair = Int(first) << 8 | Int(second)
        bits[pair >> 6] |= 1 << UInt64(pair & 63)
      }
    }
  }

  /// Calls `body` with each part of a text, in order.
  @inline(__always) func forEachPart(
    of text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    bits.withUnsafeBufferPointer { bits in
      var start = 0
      var index = 1
      while index < text.count {
        let pair = Int(text[index &- 1]) &<< 8 | Int(text[index])
        if bits[pair &>> 6] &>> UInt64(pair & 63) & 1 == 0 {
          body(UnsafeBufferPointer(rebasing: text[start..<index]))
          start = index
        }
        index &+= 1
      }
      if start < text.count { body(UnsafeBufferPointer(rebasing: text[start...])) }
    }
  }
}
