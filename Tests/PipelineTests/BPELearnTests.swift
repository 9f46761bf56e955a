// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// bpe-learn, with the lecture's numbers (R9), its slow twin, and the `tokenizers` library's record.

private let hug = "printf 'hug\\t10\\npug\\t5\\npun\\t12\\nbun\\t4\\nhugs\\t5\\n'"
private let fixtures = "\(Scratch.root.path)/Tests/ConformanceTests/Fixtures"

@Test func `seven merges spell every word of the lecture, in order`() throws {
  let outcome = try Scratch().run("\(hug) | bpe-learn --weighted -n 100 --trace -v > m; cat m >&2")
  let lines = outcome.errorOutput.split(separator: "\n").map(String.init)
  let trace = lines.filter { $0.contains("\t") }
  #expect(
    trace == [
      "u g 20\t93", "u n 16\t77", "h ug 15\t62", "p un 12\t50", "p ug 5\t45", "hug s 5\t40",
      "b un 4\t36",
    ])
  #expect(lines.contains("bpe-learn: 113 tokens before the first merge"), "\(lines)")
  #expect(
    lines.suffix(8) == [
      "#version: 0.2 level=character pattern=gpt2 alphabet=bghnpsu", "u g", "u n", "h ug", "p un",
      "p ug", "hug s", "b un",
    ])
}

@Test func `three merges cut new words as the lecture does`() throws {
  let outcome = try Scratch().run(
    """
    \(hug) | bpe-learn --weighted -n 3 --trace > hug.bpe
    printf 'bug\\nhugs\\nunhug\\nmug\\n' | tokenize -m hug.bpe --unk
    printf 'bug\\nmug\\n' | tokenize -m hug.bpe > /dev/null
    """)
  #expect(outcome.lines == ["b ug", "hug s", "un hug", "<unk> ug"])
  #expect(outcome.errorOutput.hasPrefix("u g 20\nu n 16\nh ug 15\n"))
  #expect(outcome.errorOutput.contains("tokenize: warning: 1 tokens are <unk>"))
}

@Test(arguments: [
  ("--merges 5", "5"), ("--vocabulary 12", "5"), ("--merges 5 --vocabulary 9", "2"),
  ("--merges 0", "0"), ("--vocabulary 3", "0"), ("-n 100 --min-count 12", "4"),
  ("-n 3 --bytes", "3"), ("--vocabulary 258 --bytes", "2"),
]) func `merges stop at the number, the size or the count that was asked for`(
  options: String, merges: String
) throws {
  let outcome = try Scratch().run("\(hug) | bpe-learn --weighted \(options) | sed 1d | wc -l")
  #expect(outcome.text.trimmingCharacters(in: .whitespacesAndNewlines) == merges)
}

@Test func `counted words teach what the text teaches`() throws {
  let outcome = try Scratch().run(
    """
    tokenize --words $examples/pigs.txt | tr ' ' '\\n' | sort | uniq -c |
      awk '{ print $2 "\\t" $1 }' > words
    tr ' ' '\\n' < $examples/pigs.txt | bpe-learn --characters --pattern words -n 30 > text.bpe
    bpe-learn --weighted -n 30 --pattern words words | cmp - text.bpe
    """)
  #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `fast learning merges as rescanning does`() throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 3)
  for round in 0..<40 {
    let alphabet = Array("abcde".prefix(2 + round % 4))
    var words: [String: Int] = [:]
    for _ in 0..<Int.random(in: 1...30, using: &generator) {
      let length = Int.random(in: 1...12, using: &generator)
      let word = (0..<length).map { _ in alphabet.randomElement(using: &generator)! }
      words[String(word), default: 0] += Int.random(in: 1...4, using: &generator)
    }
    let sorted = words.sorted { $0.key < $1.key }.map { (text: $0.key, count: $0.value) }
      .shuffled(using: &generator)
    try scratch.write("words", sorted.map { "\($0.text)\t\($0.count)\n" }.joined())
    for ties in ["tokenizers", "first-seen"] {
      let outcome = try scratch.run(
        "bpe-learn -S1K --weighted -n 60 --ties \(ties) --trace words 2>&1 > /dev/null")
      let expected = slowMerges(of: sorted, limit: 60, firstSeen: ties == "first-seen")
      #expect(
        outcome.lines == expected.map { "\($0.left) \($0.right) \($0.count)" },
        "round \(round), \(ties)")
    }
  }
}

@Test func `merges and ids are those of the tokenizers library`() throws {
  let outcome = try Scratch().run(
    """
    f='\(fixtures)'
    bpe-learn --vocabulary 600 $f/bpe-text.txt > m
    sed 1d m | cmp - $f/bpe-merges.txt
    tokenize -m m --ids $f/bpe-text.txt | cmp - $f/bpe-ids.txt
    tokenize -m $f/bpe-tokenizer.json --ids $f/bpe-text.txt | cmp - $f/bpe-ids.txt
    bpe-learn --vocabulary 600 --format json $f/bpe-text.txt > ours.json
    tokenize -m ours.json --ids $f/bpe-text.txt | cmp - $f/bpe-ids.txt
    tokenize -m ours.json -d --ids $f/bpe-ids.txt | cmp - $f/bpe-text.txt
    """)
  #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `codes and their counts are those of fastBPE`() throws {
  let outcome = try Scratch().run(
    """
    f='\(fixtures)'
    sed 's/\t/ /g; s/\u{3000}/ /g' $f/bpe-text.txt |
      bpe-learn --characters --pattern whitespace --word-end '</w>' --ties fastbpe -n 400 --trace \\
        2>&1 > m | cmp - $f/fastbpe-codes.txt
    cut -d' ' -f1,2 $f/fastbpe-codes.txt > codes; sed 1d m | cmp - codes
    """)
  #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `tokenizer json has the vocabulary, the special tokens first`() throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    \(hug) | bpe-learn --weighted -n 3 --special-token '<pad>' --format json > t.json
    \(hug) | bpe-learn --weighted -n 3 --special-token '<pad>' --format vocabulary > v.json
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  struct File: Decodable {
    struct Model: Decodable {
      var type: String
      var vocab: [String: Int]
    }
    var model: Model
  }
  let file = try JSONDecoder().decode(File.self, from: try scratch.read("t.json"))
  let vocabulary = try JSONDecoder().decode([String: Int].self, from: try scratch.read("v.json"))
  #expect(file.model.type == "BPE" && file.model.vocab == vocabulary)
  #expect(vocabulary["<pad>"] == 0 && vocabulary["b"] == 1 && vocabulary["hug"] == 10)
}

@Test(arguments: ["gpt2", "cl100k", "llama3", "qwen2", "o200k", "none"])
func `any bytes come back, whatever the pattern that the merges were learnt with`(pattern: String)
  throws
{
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: 11)
  try scratch.write("in", generator.hostileBytes(count: 300_000))
  // One line of ten million bytes, without its LF.
  var line = generator.hostileBytes(count: 1_000_000).filter { $0 != 0x0A }
  line += [UInt8](repeating: 0x61, count: 9_000_000)
  try scratch.write("line", line)
  let outcome = try scratch.run(
    """
    bpe-learn --vocabulary 400 --pattern \(pattern) in $examples/pigs.txt > m
    for f in in line; do
      tokenize -m m $f | tokenize -d -m m | cmp - $f
      tokenize -m m -b $f | tokenize -d | cmp - $f
    done
    """)
  #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.text)\(outcome.errorOutput)")
}

@Test(arguments: [
  ("printf 'a\\tb\\n' | bpe-learn --weighted", "<stdin>:1: 'b' is no count"),
  ("printf 'a 1\\n' | bpe-learn --weighted", "<stdin>:1: no TAB"),
  ("printf 'a\\t18446744073709551616\\n' | bpe-learn --weighted", "<stdin>:1: "),
]) func `a word without its count is named`(command: String, problem: String) throws {
  let outcome = try Scratch().run("\(command) -o out; s=$?; test ! -e out && exit $s")
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput.contains(problem), "\(outcome.errorOutput)")
}

@Test func `words counted in parts and merged give the merges of the whole text`() throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    head -4 $examples/pigs.txt > a; tail -n +5 $examples/pigs.txt > b
    for f in a b; do tokenize --pattern gpt2 $f | count-ngrams -n 1 > $f.counts; done
    count-ngrams --merge a.counts b.counts | bpe-learn --weighted --bytes --vocabulary 300 > counted
    bpe-learn --vocabulary 300 $examples/pigs.txt | cmp - counted
    """)
  #expect(outcome.status == 0, "\(outcome.text) \(outcome.errorOutput)")
}

/// Lines of words from syllables; nearly all are different.
private func syllables(lineCount: Int, seed: UInt64, ending: (Int) -> String) -> String {
  var generator = SeededGenerator(seed: seed)
  let syllables = ["an", "ba", "che", "do", "é", "fi", "gan", "日", "x", "an"]
  return (0..<lineCount).map { _ in
    let count = 3 + Int.random(in: 0...9, using: &generator)
    return (0..<count).map { _ in syllables.randomElement(using: &generator)! }.joined()
      + ending(Int.random(in: 1...300, using: &generator))
  }.joined()
}

@Test(arguments: [
  "", "--ties subword-nmt --forbid an", "--ties first-seen --format json",
  "--characters --word-end '</w>' --ties fastbpe", "--ties bytes --pattern none",
  "--characters --min-count 40", "--weighted", "--weighted --ties first-seen", "--extend some",
]) func `memory and threads change no merge`(options: String) throws {
  let scratch = try Scratch()
  try scratch.write(
    "words",
    syllables(lineCount: 20_000, seed: UInt64(options.count)) {
      options.hasPrefix("--weighted") ? "\t\($0 * $0 * $0)\n" : $0 % 3 == 0 ? " an ban\n" : "\n"
    })
  let outcome = try scratch.run(
    """
    bpe-learn -n 20 words > some
    bpe-learn \(options) --merges 60 --trace -v words > all 2> trace
    for limit in "-S1K -j1" "-S1K -j3" "-S17M -j2"; do
      mkdir t
      bpe-learn \(options) --merges 60 $limit -T t --trace -v words 2> spilt | cmp - all
      cmp spilt trace; rmdir t
    done
    grep -c '\t' trace
    bpe-learn \(options) --merges 60 -S1K -T /nonexistent words
    """)
  #expect(outcome.status == 1)
  #expect(
    outcome.errorOutput.hasPrefix("bpe-learn: /nonexistent: no temporary file can be made"),
    "\(outcome.errorOutput)")
  #expect(outcome.lines == [options.hasPrefix("--extend") ? "40" : "60"])
}

@Test func `a disk that is full of temporary files is named, and the output stays as it was`()
  throws
{
  let scratch = try Scratch()
  try scratch.write("words", syllables(lineCount: 60_000, seed: 7) { _ in "\n" })
  let outcome = try scratch.run(
    """
    echo old > m
    for blocks in 100 1000 3000; do
      (trap '' XFSZ; ulimit -f $blocks; bpe-learn -S1K -T . -o m words); echo $?
    done
    cat m; ls
    """)
  #expect(outcome.text == "1\n1\n1\nold\nm\nwords\n")
  for line in outcome.errorOutput.split(separator: "\n") {
    #expect(line.contains(".: file too large: a temporary file of "), "\(line)")
  }
}

@Test(.enabled(if: !Scratch.isSanitized), arguments: [24, 40])
func `memory is held to`(megabytes: Int) throws {
  let scratch = try Scratch()
  try scratch.write("words", syllables(lineCount: 300_000, seed: 9) { _ in "\n" })
  let outcome = try scratch.run(
    """
    for limit in 100 \(megabytes); do
      bpe-learn -n 500 -S${limit}M words > $limit & process=$!; peak=0
      while now=$(awk '/VmHWM/ { print $2 }' /proc/$process/status 2> /dev/null) && [ "$now" ]
      do peak=$now; sleep 0.01; done
      wait $process; echo $? $peak
    done
    cmp 100 \(megabytes)
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let numbers = outcome.lines.map { $0.split(separator: " ").map { Int($0)! } }
  #expect(numbers.count == 2 && numbers.allSatisfy { $0[0] == 0 })
  #expect(numbers[0][1] > 50_000, "KB that it takes where it may")
  #expect(numbers[1][1] < megabytes * 1024 * 105 / 100, "KB, of \(megabytes) MB and 5 %")
}

@Test(arguments: ["", "--characters --pattern whitespace --word-end '</w>'", "--ties subword-nmt"])
func `a model that is extended is the model learnt at once`(options: String) throws {
  let scratch = try Scratch()
  let ties = options.hasPrefix("--ties") ? options : ""
  let outcome = try scratch.run(
    """
    bpe-learn \(options) -n 10 $examples/pigs.txt > some
    bpe-learn --extend some \(ties) -n 30 $examples/pigs.txt > more
    bpe-learn \(options) -n 30 $examples/pigs.txt | cmp - more
    """)
  #expect(outcome.status == 0, "\(outcome.text) \(outcome.errorOutput)")
}

@Test func `equal counts are broken as asked`() throws {
  let scratch = try Scratch()
  let words = "printf 'ab\\t3\\ncd\\t3\\n' | bpe-learn --weighted -n 1 --trace"
  #expect(try scratch.run("\(words) 2>&1 >/dev/null").text == "a b 3\n")
  #expect(try scratch.run("\(words) --ties subword-nmt 2>&1 >/dev/null").text == "c d 3\n")
  // By characters 0xAD stands after all others; by value before.
  let bytes = "printf '\\xad\\xad\\n\\xae\\xae\\n' | bpe-learn -n 1 --trace 2>&1 >/dev/null"
  #expect(try scratch.run(bytes).text == "\\xAE \\xAE 1\n")
  #expect(
    try scratch.run(bytes.replacing("-n 1", with: "-n 1 --ties bytes")).text == "\\xAD \\xAD 1\n")
}

@Test func `a forbidden piece is never made`() throws {
  let outcome = try Scratch().run(
    "\(hug) | bpe-learn --weighted -n 3 --forbid ug --trace 2>&1 > /dev/null")
  #expect(outcome.lines.prefix(3) == ["p u 17", "h u 15", "hu g 15"])
}

@Test(arguments: ["--pattern gpt2", "--bytes", "--word-end x"])
func `what a model says is not said again`(option: String) throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    "bpe-learn -n 1 $examples/pigs.txt > m; bpe-learn --extend m \(option) $examples/pigs.txt")
  #expect(outcome.status == 64)
}
