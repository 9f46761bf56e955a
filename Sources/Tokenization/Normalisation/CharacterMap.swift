// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// The compiled character map of SentencePiece: what stands for each string of characters that its
/// normalisation changes, the longest match first.
///
/// The file form is the size of a double-array trie, its units, and the replacements, each ended by
/// NUL. Reference: Aoe 1989, «An efficient digital search algorithm by using a double-array structure»;
/// bits of a unit as in Darts-clone.
public struct CharacterMap: Sendable {
  /// As the file holds it.
  let file: [UInt8]
  private let units: [UInt32]
  private let replacements: [UInt8]
  /// For each ASCII byte whether it stays itself whatever follows, if that is ASCII too.
  let isPlain: [Bool]

  /// For each code point of the basic plane, one bit: whether a rule begins with it.
  private let beginnings: [UInt64]

  /// - Throws: `StreamError` when sizes or places contradict one another.
  init(_ bytes: [UInt8], name: String) throws(StreamError) {
    func fail(_ problem: String) -> StreamError {
      StreamError(.file(name), "malformed character map: \(problem)")
    }
    guard bytes.count > 4 else { throw fail("it has \(bytes.count) bytes") }
    func word(_ index: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
    }
    let trieByteCount = Int(word(0))
    guard trieByteCount % 4 == 0, trieByteCount > 0, trieByteCount < bytes.count - 4 else {
      throw fail("its trie has \(trieByteCount) of \(bytes.count) bytes")
    }
    let units = stride(from: 4, to: 4 + trieByteCount, by: 4).map { word($0) }
    let replacements = Array(bytes[(4 + trieByteCount)...])
    guard replacements.last == 0 else { throw fail("its last replacement has no end") }
    file = bytes
    self.units = units
    self.replacements = replacements
    beginnings = CharacterMap.beginnings(in: units)
    isPlain = (0..<128).map { byte in
      // Plain: no rule begins with this byte and goes on in ASCII, nor is the byte a rule.
      guard let node = CharacterMap.child(of: 0, UInt8(byte), in: units) else { return true }
      if CharacterMap.value(at: node, in: units) != nil { return false }
      return (0..<128).allSatisfy {
        CharacterMap.child(of: node, UInt8($0), in: units) == nil
      }
    }
  }

  /// The code points that rules begin with, found by walking the trie.
  private static func beginnings(in units: [UInt32]) -> [UInt64] {
    var bits = [UInt64](repeating: 0, count: 1024)
    func mark(_ scalar: Int) { bits[scalar >> 6] |= 1 << UInt64(scalar & 63) }
    for first in UInt8(1)...0xEF {
      guard let node = child(of: 0, first, in: units) else { continue }
      if first < 0x80 { mark(Int(first)) }
      guard first >= 0xC2 else { continue }
      for second in UInt8(0x80)...0xBF {
        guard let node = child(of: node, second, in: units) else { continue }
        if first < 0xE0 {
          mark(Int(first & 0x1F) << 6 | Int(second & 0x3F))
          continue
        }
        for third in UInt8(0x80)...0xBF where child(of: node, third, in: units) != nil {
          mark(Int(first & 0x0F) << 12 | Int(second & 0x3F) << 6 | Int(third & 0x3F))
        }
      }
    }
    return bits
  }

  /// Whether a rule begins with this ASCII byte.
  func begins(with byte: UInt8) -> Bool { begins(withScalar: UInt32(byte)) }

  /// Whether a rule begins with this code point of the basic plane.
  @inline(__always)
  func begins(withScalar scalar: UInt32) -> Bool {
    beginnings[Int(scalar &>> 6)] &>> UInt64(scalar & 63) & 1 != 0
  }

  /// The longest rule that begins at `start`: its replacement and the bytes that it replaces.
  @inline(__always)
  func match(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (replacement: ArraySlice<UInt8>, length: Int)? {
    var node = 0
    var index = start
    var place = -1
    var end = start
    while index < text.count, let next = CharacterMap.child(of: node, text[index], in: units) {
      node = next
      index &+= 1
      if let value = CharacterMap.value(at: node, in: units) {
        place = value
        end = index
      }
    }
    guard place >= 0, place < replacements.count else { return nil }
    let rest = replacements[place...]
    return (rest.prefix { $0 != 0 }, end - start)
  }

  /// The replacement of the shortest rule that the text in `range` begins with.
  func shortestMatch(
    _ text: UnsafeBufferPointer<UInt8>, in range: Range<Int>
  ) -> ArraySlice<UInt8>? {
    var node = 0
    for index in range {
      guard let next = CharacterMap.child(of: node, text[index], in: units) else { return nil }
      node = next
      if let place = CharacterMap.value(at: node, in: units), place < replacements.count {
        return replacements[place...].prefix { $0 != 0 }
      }
    }
    return nil
  }

  /// A unit's label is its low byte and its top bit; its offset is shifted by 8 more with bit 9 set.
  @inline(__always)
  private static func child(of node: Int, _ byte: UInt8, in units: [UInt32]) -> Int? {
    let unit = units[node]
    let offset = Int((unit >> 10) << ((unit & 0x200) >> 6))
    let next = node ^ offset ^ Int(byte)
    // NUL ends keys in this trie: it is no label.
    guard byte != 0, next < units.count, units[next] & 0x8000_00FF == UInt32(byte) else {
      return nil
    }
    return next
  }

  /// The value is in the child by NUL, which bit 8 announces.
  @inline(__always)
  private static func value(at node: Int, in units: [UInt32]) -> Int? {
    let unit = units[node]
    guard unit & 0x100 != 0 else { return nil }
    let leaf = node ^ Int((unit >> 10) << ((unit & 0x200) >> 6))
    guard leaf < units.count else { return nil }
    return Int(units[leaf] & 0x7FFF_FFFF)
  }
}
