// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// Models of `tokenize -m`: formats and their conversion, what is written of tokens, bad files.

private let learn = """
  bpe-learn --vocabulary 330 --format json --special-token '<|end|>' $examples/pigs.txt > b.json
  bpe-learn --characters --pattern whitespace --word-end '</w>' -n 40 $examples/pigs.txt > codes
  wordpiece-learn --vocabulary 90 --format json $examples/pigs.txt > w.json
  unigram-learn --vocabulary 80 --format json $examples/pigs.txt > u.json
  unigram-learn --vocabulary 340 --byte-fallback --format model $examples/pigs.txt > u.model
  printf 'What do pigs eat?\\n  café  日本 x1\\n\\n the end <|end|>\\n' | cat $examples/pigs.txt - > in

  """

private func prepared() throws -> Scratch {
  let scratch = try Scratch()
  let outcome = try scratch.run(learn)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  return scratch
}

@Test(arguments: [
  ("b.json", "json", ""), ("b.json", "tiktoken", "--pattern gpt2"), ("w.json", "json", ""),
  ("w.json", "vocab", ""), ("u.json", "json", ""), ("u.json", "sentencepiece", ""),
  ("u.json", "unigram", ""), ("u.model", "sentencepiece", ""), ("u.model", "json", ""),
  ("u.model", "unigram", ""), ("codes", "json", ""),
]) func `a model saved in another format gives the same tokens`(
  model: String, format: String, options: String
) throws {
  let scratch = try prepared()
  let outcome = try scratch.run(
    """
    tokenize -q -m \(model) --save \(format) -o saved && tokenize -q --ids -m \(model) in > a &&
      tokenize -q --ids \(options) -m saved in > b && grep -q '[a-z0-9] ' a && cmp a b
    """)
  #expect(outcome.status == 0, "\(outcome.text) \(outcome.errorOutput)")
}

@Test(arguments: ["b.json", "codes", "m"], ["", "in"])
func `a compiled model gives the same tokens, whatever words it knows`(
  model: String, words: String
) throws {
  let scratch = try prepared()
  let outcome = try scratch.run(
    """
    bpe-learn --vocabulary 300 in > m
    head -c 300000 /dev/zero | tr '\\0' e | cat in - > long
    tokenize -m \(model) --save compiled -o c \(words)
    for options in --ids '--ids -j3' '' '--offsets bytes' '--dropout 0.5' --report --special; do
      tokenize -q -m \(model) $options long > a; tokenize -q -m c $options long > b; cmp a b
    done
    tokenize -q -b -m \(model) long > a; tokenize -q -b -m c long > b; cmp a b
    tokenize -d -m \(model) b > a; tokenize -d -m c b | cmp - a
    tokenize -m \(model) --save json > a; tokenize -m c --save json | cmp - a
    tokenize -m c --save compiled \(words) | cmp - c
    """)
  #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.text)")
  #expect(outcome.errorOutput.isEmpty, "\(outcome.errorOutput)")
}

@Test func `a compiled model that is damaged, cut or in a pipe is refused, and so are other kinds`()
  throws
{
  let scratch = try prepared()
  let outcome = try scratch.run(
    """
    tokenize -m b.json --save compiled > c
    size=$(wc -c < c)
    for place in 24 41 60 300 3000 $((size / 2)) $((size - 9000)); do
      cp c d; printf '\\377' | dd of=d bs=1 seek=$place conv=notrunc status=none
      cmp -s c d || tokenize -m d --save json > out 2>> log && echo $place was taken
      rm -f out
    done
    head -c $((size - 1)) c > d; tokenize -m d in 2>> log && echo taken
    sort -u log | wc -l
    cat c | tokenize -m /dev/stdin in 2>&1
    tokenize -m w.json --save compiled 2>&1
    """)
  #expect(
    outcome.text == """
      1
      tokenize: /dev/stdin: a compiled model is mapped; give it as a file, not by a pipe
      tokenize: w.json: only byte-pair models with a known pattern can be compiled; save json

      """, "\(outcome.text)")
}

@Test func `a binary stream is not decoded with the model of another`() throws {
  let scratch = try prepared()
  let outcome = try scratch.run(
    """
    for model in b.json w.json u.model; do
      tokenize -q -b -m $model in > s; tokenize -d -m $model s > back && cmp back in
      tokenize -d s | cmp - back
      tokenize -d -m codes s; echo $?
    done 2>&1 | grep -v differ
    """)
  #expect(
    outcome.text
      == String(
        repeating: """
          tokenize: s: was not written with this model; give the model that encoded, or none: the \
          stream says what its pieces are
          1

          """, count: 3), "\(outcome.text)")
}

@Test func `codes are written as they were read`() throws {
  let scratch = try prepared()
  let outcome = try scratch.run(
    """
    sed 1d codes > merges; tokenize -m codes --save merges | sed 1d | cmp - merges
    tokenize -m codes --save fastbpe > f; cut -d' ' -f1,2 f | cmp - merges
    tokenize -m f --save merges | sed 1d | cmp - merges
    """)
  #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `vocab.json and merges.txt are read together`() throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    bpe-learn --vocabulary 300 --format json $examples/pigs.txt > b.json
    tokenize -m b.json --save vocabulary > vocab.json
    tokenize -m b.json --save merges > merges.txt
    tokenize -m b.json --ids $examples/pigs.txt > a
    tokenize -m vocab.json --merges merges.txt --ids $examples/pigs.txt | cmp - a
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
}

@Test(arguments: [
  ("w.json", "tiktoken", "holds byte-level"), ("u.json", "vocab", "holds WordPiece"),
  ("b.json", "sentencepiece", "cannot hold"), ("w.json", "merges", "byte-pair models only"),
  ("b.json", "unigram", "only Unigram"),
]) func `a format that cannot hold the model says so and leaves the file alone`(
  model: String, format: String, problem: String
) throws {
  let scratch = try prepared()
  try scratch.write("out", "old")
  let outcome = try scratch.run("tokenize -m \(model) --save \(format) -o out; echo $?; cat out")
  #expect(outcome.text == "1\nold")
  #expect(outcome.errorOutput.contains(problem), "\(outcome.errorOutput)")
}

/// A small chain with every stage: NFC and lower case, white space, words, a template.
private let tiny = #"""
  {"added_tokens":[{"id":0,"content":"<unk>","special":true},{"id":9,"content":"<cls>","special":true},
  {"id":10,"content":"New York","special":false,"normalized":false}],
  "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]},
  "pre_tokenizer":{"type":"Whitespace"},
  "post_processor":{"type":"BertProcessing","sep":["<unk>",0],"cls":["<cls>",9]},
  "decoder":null,
  "model":{"type":"WordLevel","unk_token":"<unk>",
  "vocab":{"<unk>":0,"the":1,"caf\u00e9":2,"in":3,".":4,"日本":5}}}
  """#

@Test(arguments: [
  ("--ids", "The CAFE\u{301} in New York.", "1 2 3 10 4"),
  ("--ids", "the bar <cls>", "1 0 0 0 0"), ("--ids --special", "the bar <cls>", "1 0 9"),
  ("--ids --template", "the", "9 1 0"), ("--offsets bytes", "The CAFE\u{301} 日本", "0:3 4:10 11:17"),
  ("--offsets characters", "The CAFE\u{301} 日本", "0:3 4:9 10:12"),
  ("--offsets bytes --template", "the", "0:0 0:3 3:3"), ("--count", "the café", "2"),
  ("--ids --max-tokens 1", "the café", "1"), ("--offsets bytes --max-tokens 1", "the café", "0:3"),
  ("", "the New York", "the New▁York"),
]) func `a chain is run component by component`(
  options: String, text: String, expected: String
) throws {
  let scratch = try Scratch()
  try scratch.write("t.json", tiny)
  try scratch.write("in", text + "\n")
  let outcome = try scratch.run("tokenize -q -m t.json \(options) in")
  #expect(outcome.text == expected + "\n")
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
}

@Test func `words and characters have counts and places too`() throws {
  let scratch = try Scratch()
  #expect(try scratch.run("echo 'a é, b' | tokenize --count").text == "4\n")
  #expect(
    try scratch.run("echo 'a é, b' | tokenize --offsets bytes").text == "0:1 2:4 4:5 6:7\n")
  #expect(
    try scratch.run("echo 'a é, b' | tokenize --offsets characters").text == "0:1 2:3 3:4 5:6\n")
}

@Test func `a report tells how tokens fit a text`() throws {
  let scratch = try Scratch()
  try scratch.write("t.json", tiny)
  let outcome = try scratch.run("printf 'the the\\ncafé x\\n' | tokenize -q -m t.json --report")
  #expect(
    outcome.text == """
      records\t2\nbytes\t16\ncharacters\t13\nwords\t4\ntokens\t4\nunknown\t1
      bytes-per-token\t4.0000\ntokens-per-word\t1.0000\nvocabulary\t11\nused\t3\nunused\t8\n
      """)
}

@Test(arguments: ["b.json", "codes"])
func `dropout draws merges; none of it is the model, all of it the alphabet`(model: String) throws {
  let scratch = try prepared()
  let outcome = try scratch.run(
    """
    t="tokenize -q -m \(model)"
    $t in > plain; $t --dropout 0 in | cmp - plain || exit 1
    for n in 1 2 3 4 5 6 7 8; do cat in; done > many
    $t --dropout 0.3 many > a; $t --dropout 0.3 -j3 many | cmp - a || exit 2
    $t --dropout 0.3 -s 5 many | cmp -s - a && exit 3
    cmp -s a <($t many) && exit 4
    [ $($t --dropout 1 --count in | awk '{ n += $1 } END { print n }') -ge $(grep -o . in | wc -l) ] ||
      [ \(model) = codes ] || exit 5
    $t --dropout 0.5 many | tokenize -d -m \(model) > back; $t many | tokenize -d -m \(model) | cmp - back
    """)
  #expect(outcome.status == 0, "\(outcome.text) \(outcome.errorOutput)")
}

@Test(arguments: ["u.json", "u.model"])
func `segmentations are drawn by their probability`(model: String) throws {
  let scratch = try prepared()
  let outcome = try scratch.run(
    """
    t="tokenize -q -m \(model)"
    $t in > plain
    # To a large power only the likeliest is left.
    $t --alpha 100000 in | cmp - plain || exit 1
    $t --alpha 0.2 in > a; $t --alpha 0.2 -j3 in | cmp - a || exit 2
    cmp -s a plain && exit 3
    $t --alpha 0.2 -s 1 in | cmp -s - a && exit 4
    $t --alpha 0.2 in | tokenize -d -m \(model) > back; tokenize -d -m \(model) plain | cmp - back
    """)
  #expect(outcome.status == 0, "\(outcome.text) \(outcome.errorOutput)")
}

@Test func `drawn segmentations have the probabilities of the model`() throws {
  // "ab" is one piece of probability 0.5, or two whose product is 0.25: drawn as 2 to 1.
  let scratch = try Scratch()
  try scratch.write(
    "u", "#version: unigram 1 words=plain\n<unk>\t0\nab\t-0.6931472\na\t-0.6931472\nb\t-0.6931472\n"
  )
  let outcome = try scratch.run(
    "yes ab | head -20000 | tokenize -q -m u --alpha 1 --ids | grep -c '^1$'")
  let share = (Double(outcome.text.dropLast()) ?? 0) / 20_000
  // Four standard deviations of a share of 20000 draws.
  #expect(abs(share - 2.0 / 3) < 0.0134, "\(share)")
}

@Test(arguments: [
  (
    #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","b"]]}}"#,
    "merge 1, 'a b', names a piece"
  ),
  (#"{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}"#, "id 0 stands twice"),
  (#"{"model":{"type":"BPE","vocab":{"a":0,},"merges":[]}}"#, "t.json:@"),
  (#"{"model":{"type":"Magic","vocab":{"a":0}}}"#, "the model 'Magic' is not built"),
  (#"{"normalizer":{"type":"Foo"},"model":{"vocab":{"a":0}}}"#, "normalizer: the normaliser 'Foo'"),
  (
    #"{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"Bar"}]},"model":{"vocab":{"a":0}}}"#,
    "pre_tokenizer[1]: the pre-tokeniser 'Bar'"
  ),
  (
    #"{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a)\\1"}},"model":{"vocab":{"a":0}}}"#,
    "'\\1' at its character 4"
  ),
  (#"{"decoder":{"type":"CTC"},"model":{"vocab":{"a":0}}}"#, "decoder: the decoder 'CTC'"),
  (#"{"model":{"type":"WordLevel","unk_token":"?","vocab":{"a":0}}}"#, "has no unknown piece ?"),
  (
    #"{"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"b":2000000000}}}"#,
    "out of range"
  ),
  (#"{"model":{"type":"Unigram","unk_id":7,"vocab":[["a",0]]}}"#, "unk_id 7.0 is not below 1"),
]) func `a malformed tokenizer.json is refused in one line with the place`(
  text: String, problem: String
) throws {
  let scratch = try Scratch()
  try scratch.write("t.json", text)
  try scratch.write("out", "old")
  let outcome = try scratch.run("echo a | tokenize -m t.json -o out; echo $?; cat out")
  #expect(outcome.text == "1\nold")
  #expect(outcome.errorOutput.contains(problem), "\(outcome.errorOutput)")
  #expect(outcome.errorOutput.split(separator: "\n").count == 1)
}

@Test func `other malformed models are refused with the place`() throws {
  let scratch = try prepared()
  let outcome = try scratch.run(
    """
    tokenize -m u.model --save sentencepiece | head -c -60 > cut.model; tokenize -m cut.model in
    printf '#version: 0.2\\nq u\\nqu zz\\n' > m; tokenize -m m in
    printf 'YQ== 0\\nYg== x\\n' > r; tokenize -m r --pattern gpt2 in
    printf 'YQ== 0\\nYg== 0\\n' > r; tokenize -m r --pattern gpt2 in
    printf '1 2\\n1 99999\\n' | tokenize -d --ids -m b.json > /dev/null
    tokenize -b -m b.json in > t; head -c $(($(wc -c < t) - 9)) t | tokenize -d > /dev/null
    """)
  let lines = outcome.errorOutput.split(separator: "\n").map(String.init)
  #expect(lines.count == 6, "\(lines)")
  for (line, problem) in zip(
    lines,
    [
      "cut.model:", "m:3: 'zz' is neither", "r:2: malformed rank", "r:2: rank 0 stands twice",
      "<stdin>:2: 99999 is no id", "<stdin>:",
    ])
  {
    #expect(line.contains(problem), "\(line)")
  }
}

@Test func `text that a model cannot spell is counted, and --strict fails at its record`() throws {
  let scratch = try prepared()
  let counted = try scratch.run("printf 'What\\nx\\xff\\xe9y\\n' | tokenize -m u.model")
  #expect(counted.status == 0)
  #expect(counted.errorOutput.contains("1 records are not UTF-8"), "\(counted.errorOutput)")
  let strict = try scratch.run("printf 'What\\nx\\xffy\\n' | tokenize -m u.model --strict")
  #expect(strict.status == 1)
  #expect(strict.errorOutput.contains("<stdin>:2:"), "\(strict.errorOutput)")
  let bytes = try scratch.run(
    "printf 'x\\xffy\\n' | tokenize -m b.json --strict | tokenize -d -m b.json")
  #expect(Array(bytes.output) == [0x78, 0xFF, 0x79, 0x0A])
}

@Test(arguments: [
  "--save json", "--save json -m x in", "--dropout 2 -m x", "--alpha -1 -m x",
  "--max-tokens -1 -m x",
  "--count --ids -m x", "--report", "-d --count", "-b --offsets bytes",
]) func `options that make no sense are wrong usage`(options: String) throws {
  #expect(try Scratch().run("tokenize \(options)").status == 64)
}

@Test func `the versions of Unicode are told`() throws {
  let outcome = try Scratch().run("tokenize --version -v")
  #expect(outcome.lines.count == 2)
  #expect(outcome.lines[1].hasPrefix("Unicode 16.0 (classes), "))
}

private let chains = "\(Scratch.root.path)/Tests/ConformanceTests/Fixtures/chains"

private let chainNames: [String] = {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: chains)) ?? []
  return names.filter { $0.hasSuffix(".ids") }.map { String($0.dropLast(4)) }.sorted()
}()

@Test(arguments: chainNames)
func `ids are those that the tokenizers library recorded, also of the file that we write`(
  name: String
) throws {
  let outcome = try Scratch().run(
    """
    tokenize -q -m \(chains)/\(name).json --ids \(chains)/lines.txt | cmp - \(chains)/\(name).ids
    tokenize -m \(chains)/\(name).json --save json > again.json
    tokenize -q -m again.json --ids \(chains)/lines.txt | cmp - \(chains)/\(name).ids
    # The general engine, which --template asks for, and the one built for such chains.
    tokenize -q -m \(chains)/\(name).json --template --ids \(chains)/lines.txt | cmp - \(chains)/\(name).ids
    """)
  #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `the record of the tokenizers library is there`() {
  #expect(chainNames.count == 17)
}
