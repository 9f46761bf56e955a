// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TestSupport
import Testing
import TokenStreams

@Suite struct PieceCacheTests {
  /// Pieces of 1 to 40 bytes, some of them often, between blanks of any number; the last record unended.
  @Test(arguments: 1...20) func cachedPiecesHaveTheNumbersOfADictionary(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let pieces: [[UInt8]] = (0..<60).map { _ in
      (0..<Int.random(in: 1...(Bool.random(using: &random) ? 4 : 40), using: &random)).map { _ in
        UInt8.random(in: 0x61...0x64, using: &random)
      }
    }
    var text: [UInt8] = []
    var expected: [[Token]] = [[]]
    var numbers: [[UInt8]: Token] = [:]
    for _ in 0..<Int.random(in: 0...2000, using: &random) {
      switch Int.random(in: 0...9, using: &random) {
      case 0:
        text.append(0x0A)
        expected.append([])
      case 1: text += [0x09, 0x20]
      default:
        let piece = pieces.randomElement(using: &random)!
        numbers[piece] = numbers[piece] ?? Token(3 + numbers.count)
        expected[expected.count - 1].append(numbers[piece]!)
        text += piece + [0x20]
      }
    }
    if text.last == 0x0A || text.isEmpty { expected.removeLast() }
    if Bool.random(using: &random), text.last == 0x20 { text.removeLast() }
    let reader = try TokenReader(
      file: InputFile(bytes: text), numbering: .growing, blockByteCount: 1 << 9)
    var found: [[Token]] = []
    while let block = try reader.next() {
      block.forEachRecord { tokens, _ in found.append(Array(tokens)) }
    }
    #expect(found == expected)
  }

  @Test func aPieceWithAControlByteIsNoKey() {
    let bytes: [UInt8] = Array("ab\u{1}cd efghijklmnopqrst uvw              ".utf8)
    bytes.withUnsafeBufferPointer { bytes in
      let start = bytes.baseAddress!
      let limit = start + bytes.count
      #expect(PieceCache.Key(at: start, limit: limit)?.byteCount == 2)
      #expect(PieceCache.Key(at: start + 3, limit: limit)?.byteCount == 2)
      #expect(PieceCache.Key(at: start + 6, limit: limit) == nil)
      #expect(PieceCache.Key(at: start + 23, limit: limit)?.byteCount == 3)
      #expect(PieceCache.Key(at: start + 23, limit: start + 30) == nil)
    }
  }
}
