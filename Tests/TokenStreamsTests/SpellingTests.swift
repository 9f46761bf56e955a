// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TestSupport
import Testing
import TokenStreams

@Test(arguments: [
  ("a b", "a▁b"), ("<s>", "\\x3Cs>"), ("<unk>", "\\x3Cunk>"), ("a\\b", "a\\\\b"),
  ("▁", "\\xE2\\x96\\x81"), ("\r", "\\x0D"), ("é", "é"),
]) func `pieces are spelt as the man page says`(piece: String, spelling: String) {
  #expect(
    String(decoding: Spelling.spelling(of: Array(piece.utf8)), as: UTF8.self) == spelling)
}

@Test func `any bytes are read back exactly, and their spelling is printable UTF-8`() {
  var generator = SeededGenerator(seed: 1)
  for length in 0..<400 {
    let piece = generator.hostileBytes(count: length % 40)
    let spelling = Spelling.spelling(of: piece)
    #expect(Spelling.bytes(of: spelling) == piece)
    #expect(String(validating: spelling, as: UTF8.self) != nil)
    #expect(spelling.allSatisfy { $0 > 0x20 && $0 != 0x7F })
    #expect(spelling.withUnsafeBufferPointer { Spelling.isCanonical($0) })
  }
}

@Test func `the hash of a spelling is that of stored files, byte by byte`() {
  func slow(_ bytes: [UInt8]) -> UInt64 {
    func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
      let product = a.multipliedFullWidth(by: b)
      return product.high ^ product.low
    }
    var hash = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
    var index = 0
    while index + 8 <= bytes.count {
      let word = (0..<8).reduce(0) { $0 | UInt64(bytes[index + $1]) << UInt64(8 * $1) }
      hash = mixed(hash ^ word, 0xD6E8_FEB8_6659_FD93)
      index += 8
    }
    let tail = bytes[index...].reduce(0) { $0 << 8 | UInt64($1) }
    return mixed(hash ^ tail, 0xA076_1D64_78BD_642F)
  }
  var generator = SeededGenerator(seed: 5)
  for count in 0..<40 {
    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    #expect(bytes.withUnsafeBufferPointer { spellingHash($0) } == slow(bytes))
  }
}

@Test(arguments: [
  "concatenated", "spaced", "concatenated leading-space", "concatenated word-end=</w>",
])
func `a record decodes at once as it does token by token`(recipe: String) throws {
  let decoding = try #require(TextDecoding(recipe))
  var decoder = TextDecoder(decoding)
  var pieces = ["a", "▁b", "▁", "##c", "d</w>", "</w>", "sixteen▁bytes▁it", "seventeen▁bytes▁i"]
  pieces += ["a▁text▁that▁is▁longer▁than▁a▁slot", "é"]
  for piece in pieces { Array(piece.utf8).withUnsafeBufferPointer { decoder.append(spelling: $0) } }
  var generator = SeededGenerator(seed: 6)
  for count in 0..<200 {
    let tokens = (0..<count).map { _ in Token.random(in: 0..<Token(pieces.count), using: &generator)
    }
    var slow = ByteBuffer()
    decoder.begin()
    for token in tokens { decoder.append(token, to: &slow) }
    var fast = ByteBuffer()
    tokens.withUnsafeBufferPointer { decoder.append(record: $0, to: &fast) }
    #expect(Array(fast.bytes) == Array(slow.bytes))
  }
}
