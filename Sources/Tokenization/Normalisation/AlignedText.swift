// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Text on its way through a chain of components and, where someone asks for offsets, for each of its
/// bytes the bytes of the record that it came from.
///
/// What a component changes it writes anew, saying which bytes each part stands for:
///
///     É  ->  e ◌́      both stand for the two bytes of É
struct AlignedText {
  private(set) var bytes: [UInt8] = []
  /// The first byte of the record that a byte stands for, and the one after the last; empty if untraced.
  private var starts: [Int32] = []
  private var ends: [Int32] = []
  let isTraced: Bool

  /// An empty text.
  init(isTraced: Bool) { self.isTraced = isTraced }

  /// A stretch of the record itself.
  ///
  /// - offset: where the stretch begins in its record.
  init(_ text: UnsafeBufferPointer<UInt8>, at offset: Int, isTraced: Bool) {
    self.isTraced = isTraced
    bytes = Array(text)
    guard isTraced else { return }
    starts = (offset..<offset + text.count).map { Int32($0) }
    ends = starts.map { $0 + 1 }
  }

  var count: Int { bytes.count }

  /// The bytes of the record that the bytes in `range` stand for.
  func origin(of range: Range<Int>) -> Range<Int> {
    guard isTraced, !starts.isEmpty else { return 0..<0 }
    let start = Int(range.lowerBound < count ? starts[range.lowerBound] : ends[count - 1])
    guard !range.isEmpty else { return start..<start }
    return start..<max(start, Int(ends[range.upperBound - 1]))
  }

  /// Appends `text`, which stands for the bytes in `range` of `source`.
  mutating func append(
    _ text: some Collection<UInt8>, for range: Range<Int>, of source: borrowing AlignedText
  ) {
    bytes.append(contentsOf: text)
    guard isTraced else { return }
    let origin = source.origin(of: range)
    starts.append(contentsOf: repeatElement(Int32(origin.lowerBound), count: text.count))
    ends.append(contentsOf: repeatElement(Int32(origin.upperBound), count: text.count))
  }

  /// Appends the bytes in `range` of `source` as they are.
  mutating func append(_ range: Range<Int>, of source: borrowing AlignedText) {
    bytes.append(contentsOf: source.bytes[range])
    guard isTraced else { return }
    starts.append(contentsOf: source.starts[range])
    ends.append(contentsOf: source.ends[range])
  }

  /// The text with each character replaced by what `map` appends for it.
  ///
  /// - map: gets a code point (nothing for a byte that is not UTF-8) and its place, and appends to the
  ///   new text; returns false to keep the character.
  func mapped(
    _ map: (UInt32?, Range<Int>, inout AlignedText) -> Bool
  ) -> AlignedText {
    var result = AlignedText(isTraced: isTraced)
    result.bytes.reserveCapacity(count + 16)
    bytes.withUnsafeBufferPointer { text in
      var index = 0
      var kept = 0
      while index < text.count {
        let length = utf8SequenceLength(text, at: index)
        let end = index + max(length, 1)
        let scalar = length > 0 ? utf8Scalar(text, at: index, length: length) : nil
        let before = result.count
        // What was kept so far goes first; a kept character costs nothing yet.
        if kept < index {
          var probe = AlignedText(isTraced: isTraced)
          if map(scalar, index..<end, &probe) {
            result.append(kept..<index, of: self)
            result.append(probe)
            kept = end
          }
        } else if map(scalar, index..<end, &result) {
          kept = end
        } else {
          precondition(result.count == before)
        }
        index = end
      }
      result.append(kept..<text.count, of: self)
    }
    return result
  }

  mutating func append(_ other: borrowing AlignedText) {
    bytes.append(contentsOf: other.bytes)
    starts.append(contentsOf: other.starts)
    ends.append(contentsOf: other.ends)
  }
}

extension UInt32 {
  /// The UTF-8 of this code point.
  var utf8: [UInt8] {
    var buffer = ByteBuffer(capacity: 4)
    buffer.append(scalar: self)
    return Array(buffer.bytes)
  }
}
