// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import CTextClasses

extension TextScanner {
  /// Appends the pieces of up to 64 bytes at `index`, where a piece or white space begins, each with a
  /// space behind it: a few operations find them all. They end after white space or with the text.
  ///
  /// - Returns: the number of pieces and the place after them. `next` is `index` when the pieces up to
  ///   `end` have to be found one by one, since they hold other than plain ASCII or are long.
  @inline(__always) func appendWindow<S: SplitScanner>(
    _ scanner: S.Type, at index: Int, to output: inout ByteBuffer
  ) -> (count: Int, next: Int, end: Int) {
    let rest = count &- index
    if rest >= 80 { return appendWindow(scanner, base + index, rest, at: index, to: &output) }
    // Sixteen bytes are copied at a time, and nothing behind the text may be read.
    return withUnsafeTemporaryAllocation(byteCount: 80, alignment: 16) { copy in
      copy.initializeMemory(as: UInt8.self, repeating: 0)
      copy.copyMemory(from: UnsafeRawBufferPointer(start: base + index, count: min(rest, 64)))
      let bytes = copy.baseAddress!.assumingMemoryBound(to: UInt8.self)
      return appendWindow(scanner, bytes, rest, at: index, to: &output)
    }
  }

  @inline(__always) private func appendWindow<S: SplitScanner>(
    _ scanner: S.Type, _ bytes: UnsafePointer<UInt8>, _ rest: Int, at index: Int,
    to output: inout ByteBuffer
  ) -> (count: Int, next: Int, end: Int) {
    var classes = text_classes()
    classify_text(bytes, &classes)
    let length = min(rest, 64)
    let known = S.window(of: classes)
    let unknown = known.unknown & TextWindow.bits(below: length)
    var end = unknown == 0 ? length : unknown.trailingZeroBitCount
    if end < rest {
      // The last piece may go on.
      let white = classes.white & TextWindow.bits(below: end)
      if white == 0 {
        // Where there is much of what is unknown, the next window would not get far either.
        return (0, index, index &+ (unknown.nonzeroBitCount > 8 ? length : end &+ 1))
      }
      end = 64 &- white.leadingZeroBitCount
    }
    let inside = TextWindow.bits(below: end)
    let words = known.words & inside
    var starts = inside & ~classes.white & ~(words & (words &<< 1))
    let bounds = starts | classes.white | ~inside
    let count = starts.nonzeroBitCount
    output.reserve(144)
    var target = UnsafeMutableRawPointer(output.base + output.count)
    let first = target
    while starts != 0 {
      let start = starts.trailingZeroBitCount
      starts &= starts &- 1
      let stop = (bounds & ~(1 &<< UInt64(start) &* 2 &- 1)).trailingZeroBitCount
      let source = UnsafeRawPointer(bytes + start)
      var offset = 0
      repeat {
        target.storeBytes(
          of: source.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self),
          toByteOffset: offset, as: SIMD16<UInt8>.self)
        offset &+= 16
      } while offset < stop &- start
      target += stop &- start
      target.storeBytes(of: 0x20, as: UInt8.self)
      target += 1
    }
    output.count &+= target - first
    return (count, index &+ end, index &+ end)
  }
}
