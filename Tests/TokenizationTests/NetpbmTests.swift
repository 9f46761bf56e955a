// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TestSupport
import Testing
import Tokenization

private func images(of bytes: [UInt8]) throws -> [NetpbmImage] {
  var reader = NetpbmReader(try InputFile(bytes: bytes, name: "x.pbm"))
  var result: [NetpbmImage] = []
  while let image = try reader.next() { result.append(image) }
  return result
}

@Test func `pictures of any size are read back as written`() throws {
  var generator = SeededGenerator(seed: 5)
  var bytes = ByteBuffer()
  var expected: [NetpbmImage] = []
  for _ in 0..<60 {
    let width = Int.random(in: 1...19, using: &generator)
    let height = Int.random(in: 1...9, using: &generator)
    let maximum = [1, 15, 255, 999].randomElement(using: &generator)!
    let image = NetpbmImage(
      kind: maximum == 1 ? .bitmap : .greymap, width: width, height: height, maximum: maximum,
      samples: (0..<width * height).map { _ in
        UInt16.random(in: 0...UInt16(maximum), using: &generator)
      })
    image.append(to: &bytes)
    expected.append(image)
  }
  #expect(try images(of: Array(bytes.bytes)) == expected)
}

@Test func `plain pictures may hold comments and run their bits together`() throws {
  let bitmap = try images(of: Array("P1 # a comment\n3 2\n101\n0 1 0\n".utf8))
  #expect(bitmap.map(\.samples) == [[1, 0, 1, 0, 1, 0]])
  let grey = try images(of: Array("P2\n2 1\n15\n3 15\n".utf8))
  #expect(grey.map(\.samples) == [[3, 15]])
  #expect(grey[0].quantised(levels: 4) == [0, 3])
}

@Test(arguments: [
  ("P6 1 1 255\nabc", "x.pbm:@1: no PBM or PGM picture; convert it with ImageMagick"),
  ("P4 8 2\na", "x.pbm:@8: truncated picture"),
  ("P1 2 1\n12", "x.pbm:@9: a bit is neither 0 nor 1"),
  ("P2 1 1 9 12", "x.pbm:@11: pixel 12 is not in 0...9"),
  ("P5 0 1 255\n", "x.pbm:@4: width 0 is not in 1...1048576"),
  ("P4 1000000 1000000\n", "x.pbm:@19: truncated picture"),
])
func `what is no picture is refused at its offset`(text: String, message: String) throws {
  let error = try #require(throws: StreamError.self) { try images(of: Array(text.utf8)) }
  #expect(error.description == message)
}
