// SPDX-License-Identifier: Apache-2.0

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
