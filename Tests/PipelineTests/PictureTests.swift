// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@Test func `pictures become tokens, row by row, and pictures again`() throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    printf 'P1\\n# two of them\\n3 2\\n1 0 1\\n0 1 1\\nP1 3 2 000111' > in
    tokenize --pbm in | tee tokens
    tokenize -d --pbm --size 3x2 tokens | tokenize --pbm | cmp - tokens
    tokenize --pbm -b in | tokenize -d --pbm --size 3x2 | tokenize --pbm | cmp - tokens
    printf 'P2 2 2 15 0 5 10 15' | tokenize --pgm --levels 4 | tee tokens
    tokenize -d --pgm --levels 4 --size 2x2 tokens | tokenize --pgm --levels 4 | cmp - tokens
    printf 'P2 2 1 255 0 200' | tokenize --pgm
    """)
  #expect(outcome.lines == ["1 0 1 0 1 1", "0 0 0 1 1 1", "0 1 2 3", "0 200"])
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
}

@Test func `a sheet holds pictures side by side with a margin`() throws {
  let outcome = try Scratch().run(
    "printf '1 1\\n1 1\\n1 1\\n' | tokenize -d --pbm --size 2x1 --sheet 2 | tokenize --pbm")
  let rows = ["0000000", "0110110", "0000000", "0110000", "0000000"]
  #expect(outcome.text == rows.joined().map(String.init).joined(separator: " ") + "\n")
}

@Test func `a raw bitmap is the one that Netpbm writes`() throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    "echo '1 0 1 0 0 0 0 0 1 0 1 1 1 1 1 1 1 0' | tokenize -d --pbm --size 9x2 > out")
  #expect(outcome.status == 0)
  let raw: [UInt8] = [0xA0, 0x80, 0x7F, 0x00]
  #expect(try [UInt8](scratch.read("out")) == Array("P4\n9 2\n".utf8) + raw)
}

@Test(
  arguments: [
    (
      "printf 'P1 3 2 101011 P1 2 2 0001' | tokenize --pbm",
      "<stdin>: picture 2 is 2x2 where 3x2 is expected; scale or cut all pictures to one size"
    ),
    (
      "printf 'P1 2 2 0001' | tokenize --pbm --size 8x8",
      "<stdin>: picture 1 is 2x2 where 8x8 is expected; scale or cut all pictures to one size"
    ),
    (
      "printf 'P2 1 1 9 3' | tokenize --pbm",
      "<stdin>: picture 1 is a grey picture (PGM), not a bitmap (PBM); convert it with Netpbm, or "
        + "tokenise it as it is"
    ),
    (
      "echo 0 1 0 | tokenize -d --pbm --size 2x2",
      "<stdin>:1: 3 tokens where a picture of 2x2 has 4"
    ),
    (
      "printf '0 1\\n0 2\\n' | tokenize -d --pbm --size 2x1",
      "<stdin>:2: a pixel reads 2, which is not in 0...1"
    ),
    (
      "echo GIF89a | tokenize --pbm",
      "<stdin>:@0: no PBM or PGM picture; convert it with ImageMagick"
    ),
    ("printf 'P4 8 2\\nx' | tokenize --pbm", "<stdin>:@8: truncated picture"),
  ] as [(String, String)])
func `a wrong picture is refused with its place`(script: String, message: String) throws {
  let outcome = try Scratch().run(
    "touch out; \(script) -o out; status=$?; wc -c < out; exit $status")
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput == "tokenize: \(message)\n")
  #expect(outcome.text == "0\n")
}

@Test(
  arguments: [
    "--pbm --pgm", "--pbm --words", "--pbm --levels 4", "--pgm --levels 1", "--size 8x8",
    "--sheet 3",
    "--pbm --sheet 3", "-d --pbm", "--pbm --size 0x8", "-d --pbm --size 8x8 --sheet 0",
  ])
func `options of pictures that make no sense are wrong usage`(options: String) throws {
  #expect(try Scratch().run("tokenize \(options) < /dev/null").status == 64)
}
