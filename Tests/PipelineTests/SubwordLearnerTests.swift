// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

// wordpiece-learn and unigram-learn, with the lecture's numbers (R9).

private let hug = "printf 'hug\\t10\\npug\\t5\\npun\\t12\\nbun\\t4\\nhugs\\t5\\n'"

@Test func `WordPiece learns the lecture's merges with their scores`() throws {
  let outcome = try Scratch().run(
    "\(hug) | wordpiece-learn --weighted -n 4 --trace 2>&1 > /dev/null")
  #expect(outcome.lines.prefix(4) == ["##g ##s 1/20", "h ##u 1/36", "hu ##gs 1/15", "hu ##g 1/15"])
}

@Test func `WordPiece by counts learns the merges of byte-pair encoding`() throws {
  let outcome = try Scratch().run(
    "\(hug) | wordpiece-learn --weighted --score count -n 3 --trace 2>&1 > /dev/null")
  #expect(outcome.lines.prefix(3) == ["##u ##g 20", "##u ##n 16", "h ##ug 15"])
}

@Test func `the loss of all substrings and of each removal is the lecture's`() throws {
  let outcome = try Scratch().run(
    "\(hug) | unigram-learn --weighted --init substrings --trace-loss 2>&1 > /dev/null")
  #expect(outcome.lines.prefix(2) == ["total 210", "loss 169.8028"])
  #expect(outcome.lines.contains("without hug 23.5138"))
  for piece in ["pu", "hu", "ug", "un", "bu", "ugs", "gs"] {
    #expect(outcome.lines.contains("without \(piece) 0.0000"))
  }
}

@Test func `a learnt vocabulary tokenises, and its text comes back`() throws {
  let scratch = try Scratch()
  let learn = """
    wordpiece-learn --vocabulary 60 $examples/pigs.txt > w
    unigram-learn --vocabulary 60 $examples/pigs.txt > u
    unigram-learn --vocabulary 400 --byte-fallback --format model $examples/pigs.txt > m
    """
  #expect(try scratch.run(learn).status == 0)
  let text = try scratch.run("cat $examples/pigs.txt").text
  for model in ["u", "m"] {
    let back = try scratch.run("tokenize -m \(model) $examples/pigs.txt | tokenize -d -m \(model)")
    #expect(back.status == 0, "\(back.errorOutput)")
    #expect(back.text == text)
  }
  let words = try scratch.run("tokenize -m w $examples/pigs.txt | tokenize -d -m w")
  let plain = try scratch.run("tokenize --words $examples/pigs.txt")
  #expect(words.text == plain.text.lowercased())
}

@Test func `words that are counted first give the same model as the text`() throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    wordpiece-learn -n 40 $examples/pigs.txt > a
    tokenize --words $examples/pigs.txt | tr 'A-Z ' 'a-z\\n' | grep . |
      awk '!($1 in n) { order[++k] = $1 } { n[$1]++ } END {
        for (i = 1; i <= k; i++) print order[i] "\\t" n[order[i]] }' |
      wordpiece-learn --weighted -n 40 | cmp - a
    """)
  #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorOutput)")
}

@Test(arguments: [
  ("printf 'a\\tb\\n' | wordpiece-learn --weighted", "<stdin>:1: 'b' is no count"),
  ("printf 'a 1\\n' | unigram-learn --weighted", "<stdin>:1: no TAB"),
  ("printf 'abcdef\\n' | unigram-learn --vocabulary 5", "2 pieces cannot spell 7 characters"),
  ("printf 'abc\\n' | wordpiece-learn --vocabulary 5", "5 pieces are fewer than"),
  ("unigram-learn < /dev/null", "the input has no words; give some text"),
]) func `what cannot be learnt from is named`(command: String, problem: String) throws {
  let outcome = try Scratch().run("\(command) -o out; s=$?; test ! -e out && exit $s")
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput.contains(problem), "\(outcome.errorOutput)")
}
