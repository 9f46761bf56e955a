// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A scratch folder with an additive bigram model of the toy corpus, `m`, and the corpus, `in`.
private func smoothed() throws -> Scratch {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    cp $examples/pigs.txt in
    count-ngrams -n 2 < in | estimate-ngrams --smoothing laplace=1 > m
    count-ngrams -n 2 < in | estimate-ngrams --smoothing mle > mle
    """)
  try #require(outcome.status == 0, "\(outcome.errorOutput)")
  return scratch
}

/// The bytes of the code that `-v` tells.
private func codeSize(_ outcome: Outcome) -> Int? {
  outcome.errorOutput.firstMatch(of: /code of ([0-9]+) bytes/).flatMap { Int($0.1) }
}

@Test func `the lecture's sentence takes two bytes`() throws {
  let outcome = try smoothed().run("echo 'what do pigs eat ?' | arith-code -m m -v > code")
  #expect(codeSize(outcome) == 2, "\(outcome.errorOutput)")
}

@Test(arguments: ["-m m", "--adaptive 0", "--adaptive 3", "--adaptive 3 --learn-weights"])
func `a code gives back its stream and takes what score says`(method: String) throws {
  let scratch = try smoothed()
  let outcome = try scratch.run(
    """
    for i in $(seq 50); do cat in; echo; done > all; method='\(method)'
    arith-code \(method) -v all > code
    arith-code -d ${method% --learn*} code | cmp - all && cat all | arith-code \(method) | cmp - code
    """)
  #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.text)\(outcome.errorOutput)")
  guard method == "-m m" else { return }
  let bits = try scratch.run("score -m m all | awk '$1 == \"bits\" { print $2 }'").lines[0]
  #expect(abs(Double(codeSize(outcome)!) - Double(bits)! / 8) <= 2)
}

@Test func `models without ends and streams without a last newline are coded too`() throws {
  let outcome = try Scratch().run(
    """
    printf '1 2 2\\n\\n3 3 3 4 4 4 4' > in
    count-ngrams -n 1 --no-eos in | estimate-ngrams --smoothing mle > m
    arith-code -m m in | arith-code -d -m m | cmp - in
    for more in '' --learn-weights; do
      arith-code --adaptive 2 $more in | arith-code -d | cmp - in
    done
    """)
  #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `an adaptive code of real text is smaller than gzip's, zstd's and xz's`() throws {
  let text = "/usr/share/common-licenses/GPL-3"
  guard FileManager.default.fileExists(atPath: text) else { return }
  let outcome = try Scratch().run(
    """
    tokenize --bytes < \(text) | arith-code --adaptive 4 -o code
    arith-code -d code | tokenize -d --bytes | cmp - \(text)
    wc -c < code
    tokenize --bytes < \(text) | arith-code --adaptive 8 --learn-weights -o code
    arith-code -d code | tokenize -d --bytes | cmp - \(text)
    wc -c < code
    gzip -9 < \(text) | wc -c
    if command -v zstd > /dev/null; then zstd -19 < \(text) | wc -c; fi
    if command -v xz > /dev/null; then xz -9 < \(text) | wc -c; fi
    """)
  #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorOutput)")
  let sizes = outcome.lines.map { Int($0.trimmingCharacters(in: .whitespaces))! }
  #expect(sizes[1] < sizes[0] && sizes[0] < sizes[2...].min()!)
  // 2.45 bits a byte, and 2.23; and the header.
  if sizes[2] == 12124 { #expect(sizes[0] < 10_950 && sizes[1] < 10_000) }
}

@Test func `the Bible's first million bytes are coded smaller than zstd and xz make them`() throws {
  let outcome = try Scratch().run(
    """
    bible -f 'Ge1:1-Re22:21' 2> /dev/null | head -c 1000000 > text
    test "$(wc -c < text)" = 1000000 || exit 77
    tokenize --bytes < text > tokens
    arith-code --adaptive 5 tokens -o code; wc -c < code
    arith-code --adaptive 8 --learn-weights tokens -o code; wc -c < code
    arith-code -d code | tokenize -d --bytes | cmp - text
    """)
  // The package bible-kjv is not everywhere.
  guard outcome.status != 77 else { return }
  #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorOutput)")
  let bits = outcome.lines.map { Double($0.trimmingCharacters(in: .whitespaces))! * 8 / 1e6 }
  // zstd -19 takes 1.745 bits a byte, xz -9 1.708, bzip2 -9 1.577.
  #expect(abs(bits[0] - 1.648) < 0.005)
  #expect(bits[1] < 1.45)
}

@Test func `random streams come back whatever they hold`() throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 12)
  for order in ["0", "1", "2", "5", "0 --learn-weights", "6 --learn-weights"] {
    try scratch.write("raw", generator.hostileBytes(count: 3000))
    let outcome = try scratch.run(
      """
      tokenize --bytes < raw > in; arith-code --adaptive \(order) in > code
      arith-code -d code | tokenize -d --bytes | cmp - raw
      """)
    #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorOutput)")
  }
}

@Test(
  arguments: [
    (
      "echo 'eat what' | arith-code -m mle",
      "arith-code: <stdin>:1: 'eat' has probability zero here and cannot be coded; estimate the "
        + "model with smoothing, such as witten-bell or modified-kneser-ney\n"
    ),
    (
      "echo 'what do snails' | arith-code -m m",
      "arith-code: <stdin>:1: 'snails' is not in the model's vocabulary; code with --adaptive, or "
        + "tokenise with a model that spells every word\n"
    ),
    (
      "arith-code --adaptive 2 in > code; arith-code -d --adaptive 3 code",
      "arith-code: code: was coded with --adaptive 2; give that order, or none\n"
    ),
    ("arith-code -d in", "arith-code: in: is no code; give what arith-code wrote\n"),
  ] as [(String, String)])
func `what cannot be coded or decoded is named`(command: String, message: String) throws {
  let outcome = try smoothed().run(command)
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput == message)
}

@Test func `another model and an altered code are never decoded wrongly`() throws {
  let scratch = try smoothed()
  #expect(try scratch.run("arith-code -m m in > code; arith-code -d -m mle code").status == 1)
  for method in ["-m m", "--adaptive 2"] {
    _ = try scratch.run("arith-code \(method) in > code")
    let whole = [UInt8](try scratch.read("code"))
    for index in stride(from: 8, to: whole.count, by: 7) {
      var altered = whole
      altered[index] ^= 4
      try scratch.write("altered", altered)
      try scratch.write("cut", whole.prefix(index))
      for name in ["altered", "cut"] {
        let outcome = try scratch.run("arith-code -d \(method) \(name) -o out; test ! -e out")
        #expect(outcome.errorOutput.hasPrefix("arith-code: "), "\(name) at \(index)")
        #expect(outcome.status == 0)
      }
    }
  }
}

@Test(arguments: ["", "-m x --adaptive 1", "--adaptive -1", "--adaptive 99", "-m -", "-d -v"])
func `wrong usage of arith-code ends with 64`(options: String) throws {
  #expect(try Scratch().run("arith-code \(options) < /dev/null").status == 64)
}
