// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A scratch folder with the lecture's models: `b.lm`, `t.lm`, `six.lm`, `hist.lm`.
private func models() throws -> Scratch {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    count-ngrams -n 2 < $examples/pigs.txt | estimate-ngrams --smoothing mle > b.lm
    count-ngrams -n 3 < $examples/pigs.txt | estimate-ngrams --smoothing mle > t.lm
    printf 'eat\\t50\\nlike\\t30\\nsee\\t10\\nknow\\t5\\ndo\\t4\\nwear\\t1\\n' |
      estimate-ngrams --smoothing mle > six.lm
    awk 'BEGIN{for(i=1;i<=100;i++)for(j=0;j<i;j++)print i}' | count-ngrams -n 1 --no-eos |
      estimate-ngrams --smoothing mle > hist.lm
    """)
  try #require(outcome.status == 0, "\(outcome.errorOutput)")
  return scratch
}

@Test func `a histogram is shown and looked up`() throws {
  let scratch = try models()
  let lines = try scratch.run("sample -m hist.lm --show").lines
  #expect(lines.count == 100)
  #expect(lines.first == "100\t0.01980198019802")
  #expect(lines.last == "1\t0.0001980198019802")
  let sum = lines.reduce(0) { $0 + Double($1.split(separator: "\t")[1])! }
  #expect(abs(sum - 1) < 1e-12)
  #expect(try scratch.run("echo 0.5 | sample -m hist.lm --uniforms - -n 1").text == "71\n")
}

@Test func `a resampled histogram is like the original`() throws {
  let lines = try models().run("sample -m hist.lm -n 100000 --seed 1 | sort -n | uniq -c").lines
  var chiSquare = 0.0
  for line in lines {
    let fields = line.split(separator: " ").map { Double($0)! }
    let expected = 100_000 * fields[1] / 5050
    chiSquare += (fields[0] - expected) * (fields[0] - expected) / expected
  }
  // 99 degrees of freedom, p = 0.001.
  #expect(lines.count == 100 && chiSquare < 148.23)
}

@Test(
  arguments: [
    ("--argmax", "1"), ("", "0.5 0.3 0.1 0.05 0.04 0.01"),
    ("--temperature 0.5", "0.705816 0.254094 0.0282326 0.00705816 0.00451722 0.000282326"),
    ("--temperature 2", "0.337575 0.261485 0.150968 0.106751 0.0954807 0.0477404"),
    ("--temperature 10", "0.198063 0.188199 0.168619 0.157327 0.153855 0.133938"),
    ("--top-k 2", "0.625 0.375"), ("--top-k 3", "0.555556 0.333333 0.111111"),
    ("--top-p 0.5", "1"), ("--top-p 0.7", "0.625 0.375"), ("--top-p 0.8", "0.625 0.375"),
    ("--top-p 0.9", "0.555556 0.333333 0.111111"),
    ("--top-p 0.95", "0.526316 0.315789 0.105263 0.0526316"), ("--min-p 0.6", "0.625 0.375"),
    ("--typical 0.3", "1"), ("--temperature 0.5 --top-p 0.7", "1"),
    ("--temperature 0.5 --top-p 0.7 --steps top-p,temperature", "0.735294 0.264706"),
    ("--suppress eat --top-k 1", "1"),
  ] as [(String, String)])
func `adjusted distributions are the lecture's`(options: String, expected: String) throws {
  let outcome = try models().run(
    "sample -m six.lm --show \(options) | awk '{printf \"%s%.6g\", s, $2; s = \" \"}'")
  #expect(outcome.text == expected)
}

@Test func `a trigram continues the lecture's prompt in three ways only`() throws {
  let scratch = try models()
  #expect(
    try scratch.run("sample -m t.lm --show --prompt 'what do pigs'").lines == [
      "eat\t0.5", "like\t0.5",
    ])
  #expect(
    try scratch.run("sample -m t.lm --prompt 'what do pigs' -n 1000 --seed 1 | sort -u").lines == [
      "what do pigs eat apples ?", "what do pigs eat corn .", "what do pigs like ?",
    ])
}

@Test func `argmax falls into a loop, whatever the seed`() throws {
  let outcome = try Scratch().run(
    """
    for seed in 1 2; do
      printf 'the pigs and the pigs and the cows .\\n' | count-ngrams -n 2 |
        estimate-ngrams --smoothing mle | sample -m - --argmax --max-tokens 9 -s $seed
    done | uniq
    """)
  #expect(outcome.lines == ["the pigs and the pigs and the pigs and"])
}

@Test func `the tail is drawn sooner or later, but not from a nucleus`() throws {
  let scratch = try models()
  let drawn = try scratch.run("sample -m six.lm -n 100000 | grep -c wear").text
  #expect(abs(Double(drawn.dropLast())! - 1000) < 110)
  #expect(try scratch.run("sample -m six.lm -n 100000 --top-p 0.95 | grep -c wear").text == "0\n")
}

@Test func `neither threads nor array jobs change a sample`() throws {
  let scratch = try models()
  let whole = try scratch.run("sample -m b.lm -n 1000 -j1").text
  #expect(try scratch.run("sample -m b.lm -n 1000 -j3").text == whole)
  #expect(
    try scratch.run("sample -m b.lm -n 300; sample -m b.lm -n 700 --first-line 301").text == whole)
  #expect(try scratch.run("sample -m b.lm -n 1000 -s 1").text != whole)
}

@Test func `prompts come from operands, an option or a stream`() throws {
  let scratch = try models()
  let expected = "what do dogs eat\nwhat do cows eat\n"
  for command in [
    "sample -m t.lm 'what do dogs' 'what do cows' --argmax --max-tokens 1",
    "sample -m t.lm --prompt 'what do dogs' --prompt 'what do cows' --argmax --max-tokens 1",
    "printf 'what do dogs\\nwhat do cows' | sample -m t.lm --prompts - --argmax --max-tokens 1",
  ] {
    #expect(try scratch.run(command).text == expected, "\(command)")
  }
  #expect(try scratch.run("sample -m t.lm '' --argmax --max-tokens 1").text == "what\n")
}

@Test(
  arguments: [
    (
      "sample -m t.lm 'eat what'",
      "sample: the model does not define what follows 'eat what'; estimate it with a smoothing "
        + "that reaches unseen contexts, such as witten-bell\n"
    ),
    (
      "sample -m b.lm 'what do snails' 2>&1 >/dev/null | head -1 >&2; false",
      "sample: warning: 'snails' in a prompt is unknown to the model, which sees <unk>\n"
    ),
    (
      "sample -m b.lm 'a <s> b'",
      "sample: prompt 'a <s> b':1: <s> inside a record; records begin and end by themselves; "
        + "a piece spelt so is written \\x3C...\n"
    ),
    (
      "echo 0.1 2 | sample -m b.lm --uniforms -",
      "sample: <stdin>:1: '2' is no number between 0 and 1\n"
    ),
    (
      "echo 0.1 | sample -m b.lm --uniforms -",
      "sample: <stdin>: 1 uniform numbers are fewer than the sampler draws; "
        + "draw fewer tokens with -n or --max-tokens\n"
    ),
    ("sample -m six.lm --suppress fly", "sample: --suppress: 'fly' is no token of the model\n"),
  ] as [(String, String)])
func `what cannot be sampled is named`(command: String, message: String) throws {
  let outcome = try models().run(command)
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput == message)
}

@Test(arguments: [
  "--top-k 0", "--top-p 0", "--top-p 1.5", "--temperature -1", "--min-p 2", "--typical 0",
  "--repetition-penalty 0", "--steps top-k", "--top-k 2 --steps top-k,top-p", "--steps x",
  "--argmax --temperature 1", "--tokens --ids", "--max-tokens 0", "-n -1", "--show --uniforms x",
]) func `wrong usage of sample ends with 64`(options: String) throws {
  #expect(try Scratch().run("sample -m six.lm \(options)").status == 64)
}

@Test(
  arguments: [
    "laplace=1", "laplace=0.1", "backoff=0.5", "interpolate=0.1,0.3,0.6", "recursive=0.5",
    "witten-bell", "kneser-ney",
  ])
func `what is shown sums to one in every context`(smoothing: String) throws {
  let outcome = try Scratch().run(
    """
    count-ngrams -n 3 $examples/pigs.txt | estimate-ngrams -q --smoothing \(smoothing) > m
    cut -f1 <(count-ngrams -n 3 $examples/pigs.txt) | grep -v '<' | cut -d' ' -f1,2 | sort -u > contexts
    printf 'pigs\\ncorn corn\\n? what\\n' >> contexts
    while read -r context; do
      sample -m m --show --prompt "$context" | awk '{ s += $2 } END { printf "%.15f\\n", s }'
    done < contexts
    """)
  #expect(outcome.lines.count > 15, "\(outcome.errorOutput)")
  // Fourteen digits of each number are printed.
  for line in outcome.lines { #expect(abs(Double(line)! - 1) < 1e-12, "\(line)") }
}
