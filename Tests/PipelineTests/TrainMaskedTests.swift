// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Test(arguments: ["--hidden 0", "--hidden 24"])
func `a flipped pixel changes no conditional before it`(options: String) throws {
  var generator = SeededGenerator(seed: 21)
  func picture() -> [Int] { (0..<16).map { _ in Int.random(in: 0...1, using: &generator) } }
  func line(_ pixels: [Int]) -> String { pixels.map(String.init).joined(separator: " ") + "\n" }
  let scratch = try Scratch()
  try scratch.write("train", (0..<200).map { _ in line(picture()) }.joined())
  let original = picture()
  let flipped = original.indices.map { index in
    var pixels = original
    pixels[index] = 1 - pixels[index]
    return line(pixels)
  }
  try scratch.write("probe", line(original) + flipped.joined())
  let outcome = try scratch.run(
    "train-masked -q \(options) --epochs 3 train > m && score -m m --per-token probe | cut -f2")
  let values = outcome.lines.map { Double($0)! }
  try #require(values.count == 17 * 16, "\(outcome.errorOutput)")
  var changedLater = 0
  for index in original.indices {
    let row = values[(index + 1) * 16..<(index + 2) * 16]
    // Bit for bit: the mask leaves no path.
    #expect(Array(row.prefix(index)) == Array(values[..<index]))
    changedLater += zip(row.suffix(15 - index), values[(index + 1)..<16]).count { $0 != $1 }
  }
  #expect(changedLater > 60)
}

@Test func `a masked network learns what depends on before, and says its shapes`() throws {
  let outcome = try Scratch().run(
    """
    awk 'BEGIN { for (i = 0; i < 256; i++) { s = ""
      for (b = 1; b < 16; b *= 2) s = s int(i / b) % 2 " "
      print s s } }' > twice
    train-masked -q --hidden 16 --rate 0.02 --log log -o m twice
    score -m m --bits-per-line twice
    train-masked --describe m | tail -1
    sample -m m -n 200 --seed 1 | awk '{ if ($1 $2 $3 $4 == $5 $6 $7 $8) same++ } END { print same }'
    for j in 1 3; do train-masked -q -j$j --hidden 16 --epochs 3 twice | md5sum; done | uniq | wc -l
    train-masked --hidden 0 --epochs 1 -q <(yes '0 1 1' | head -9; yes '1 0 1' | head -9) |
      train-masked --describe /dev/stdin | tail -1
    wc -l < log
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let values = outcome.lines.map {
    Double($0.split(separator: "\t").last!.trimmingCharacters(in: .whitespaces)) ?? .nan
  }
  try #require(values.count == 6, "\(outcome.text)")
  #expect(values[0] < 4.2 && values[0] > 3.99)
  #expect(values[2] > 180)
  #expect(values[3] == 1)
  // Three biases and three links.
  #expect(values[4] == 6)
  #expect(values[5] == 61)
}

@Test(
  arguments: [
    ("printf '0 1 1 0\\n' | score -m m", "score: <stdin>:1: 4 tokens where the model's width is 3"),
    (
      "printf '0 1 1\\n0 1\\n' | arith-code -m m",
      "arith-code: <stdin>:2: 2 tokens where the model's width is 3"
    ),
    (
      "printf '0 1\\n' | diverge m --data -",
      "diverge: <stdin>:1: 2 tokens where the model's width is 3"
    ),
    (
      "sample -m m --prompt '0 1 1 0'",
      "sample: a prompt of 4 tokens is longer than the model's width of 3"
    ),
    (
      "beam -m m --prompt '0 1 1 0'",
      "beam: a prompt of 4 tokens leaves nothing of the model's width of 3"
    ),
    (
      "printf '0 1\\n1\\n' | train-masked",
      "train-masked: <stdin>:2: a record of 1 symbols where 2 are expected; a masked network has one "
        + "width"
    ),
    (
      "printf '1 1\\n1 1\\n' | train-masked",
      "train-masked: one kind of symbol only; there is nothing to learn"
    ),
    ("train-masked < /dev/null", "train-masked: no record to learn from"),
  ] as [(String, String)])
func `a record of another width is refused by every reader`(script: String, message: String) throws
{
  let outcome = try Scratch().run(
    "printf '0 1 1\\n1 0 1\\n' | train-masked -q --epochs 1 > m; touch out; \(script) -o out; "
      + "status=$?; wc -c < out; exit $status")
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput == message + "\n")
  #expect(outcome.text == "0\n")
}

@Test(arguments: [
  "--hidden -1", "--epochs 0", "--batch 0", "--rate 0", "--valid 1", "--mask none", "--targets 3",
  "--mask none --targets 0", "--weight-decay 1",
])
func `masked training that makes no sense is wrong usage`(options: String) throws {
  #expect(try Scratch().run("train-masked \(options) < /dev/null").status == 64)
}
