// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// Pipelines of the lecture as they are spelt there, beyond what the tests of one program try.

/// The numbers in a column of a table.
private func column(_ index: Int, of outcome: Outcome) -> [Double] {
  outcome.lines.map { Double($0.split(separator: "\t")[index])! }
}

private let sentences = "printf '%s\\n' 'what do pigs eat ?' 'pigs eat what do ?'"

@Test func `raw text becomes tokens, counts, a model, scores, samples and beams`() throws {
  let outcome = try Scratch().run(
    """
    tokenize --words < $examples/pigs.txt | count-ngrams -n 2 |
      estimate-ngrams --smoothing mle > b.lm
    echo 'what do pigs eat ?' | tokenize --words | score -m b.lm --prob
    sample -m b.lm -n 1 --argmax
    beam -m b.lm --width 4 --top 1
    """)
  #expect(
    outcome.lines == ["0.044444444444444", "what do dogs eat ?", "what do dogs like ?"],
    "\(outcome.errorOutput)")
}

@Test func `a uniform number chooses the smallest value that the sum reaches`() throws {
  let outcome = try Scratch().run(
    """
    printf '1\\t1\\n2\\t2\\n3\\t3\\n4\\t4\\n' | estimate-ngrams --smoothing mle > four.lm
    printf '%s\\n' .05 .1 .1000001 .3 .95 | sample -m four.lm --uniforms - -n 5
    """)
  #expect(outcome.lines == ["1", "1", "2", "2", "4"])
}

@Test func `a resampled text has nearly the model that it was drawn from`() throws {
  let outcome = try Scratch().run(
    """
    tokenize --words $examples/pigs.txt | count-ngrams -n 2 |
      estimate-ngrams --smoothing mle > b.lm
    beam -m b.lm --exact --top 100 --prob | sort > cells
    sample -m b.lm -n 72000 --seed 1 | sort | uniq -c | awk '{ n = $1; sub(/ *[0-9]+ /, "")
      print $0 "\\t" n }' > drawn
    join -t '\t' -a 1 -e 0 -o 1.2,2.2 cells drawn
    """)
  let probabilities = column(0, of: outcome)
  let counts = column(1, of: outcome)
  #expect(counts.count == 51 && counts.reduce(0, +) == 72000)
  let chiSquare = zip(counts, probabilities).reduce(0.0) { sum, cell in
    let expected = 72000 * cell.1
    return sum + (cell.0 - expected) * (cell.0 - expected) / expected
  }
  // 50 degrees of freedom, p = 0.001.
  #expect(chiSquare < 86.66)
}

@Test func `whole lines as symbols fail on what is new`() throws {
  let outcome = try Scratch().run(
    """
    tokenize --lines < $examples/pigs.txt | count-ngrams -n 1 --no-eos |
      estimate-ngrams --smoothing mle > sent.lm
    printf '%s\\n' 'what do pigs eat ?' 'pigs eat what do ?' 'what do pigs like ?' |
      tokenize --lines | score -m sent.lm --prob
    """)
  #expect(outcome.lines == ["0", "0", "0.125"])
}

@Test func `a context that was deleted has no probability until it is smoothed`() throws {
  let outcome = try Scratch().run(
    """
    sed 3d $examples/pigs.txt | tokenize --words | count-ngrams -n 4 > c
    grep -c 'what do pigs' c
    echo 'what do pigs do' | score -m c --per-token --prob | sed -n 4p
    echo 'what do pigs do' | score -m c --prob --strict > /dev/null 2> /dev/null; echo $?
    estimate-ngrams --smoothing laplace=1 c > l.lm
    echo 'what do pigs do' | score -m l.lm --per-token --prob | sed -n 4p
    """)
  // In line 6, «<s> do pigs», the context is another.
  #expect(outcome.lines[0] == "0" && outcome.lines[1].hasPrefix("do\tundef"))
  #expect(outcome.lines[2] == "1")
  // One line fewer, and "like" lives on in line 7: 13 types and the end.
  #expect(outcome.lines[3].hasPrefix("do\t0.071428571428571"))
}

@Test(
  arguments: [
    ("backoff=0.5", 441 / 327680.0, 21 / 606208.0, -9.537293, -14.817136),
    ("interpolate=0.1,0.3,0.6", 6.055224e-3, 5.914900e-6, -7.367604, -17.367215),
    ("recursive=0.5", 2.712317e-3, 1.078126e-5, -8.526259, -16.501114),
    ("laplace=1", 25 / 2433024.0, 1 / 4656960.0, -16.570463, -22.150957),
    ("laplace=0.1", 3.964791e-4, 1.490450e-7, -11.300468, -22.677748),
    ("stupid=0.4", 1 / 120.0, 5.056790e-6, -6.906891, -17.593347),
  ] as [(String, Double, Double, Double, Double)])
func `every remedy gives the lecture's probabilities, from text and binary models`(
  smoothing: String, a: Double, b: Double, logA: Double, logB: Double
) throws {
  let outcome = try Scratch().run(
    """
    tokenize --words < $examples/pigs.txt | count-ngrams -n 3 > c
    estimate-ngrams -q --smoothing \(smoothing) c > text
    estimate-ngrams -q -b --smoothing \(smoothing) c > binary
    for m in text binary; do
      \(sentences) | tokenize --words | score -m $m --prob
      \(sentences) | tokenize --words | score -m $m --per-line | cut -f1
    done
    """)
  let found = column(0, of: outcome)
  for (value, expected) in zip(found, [a, b, -logA, -logB, a, b, -logA, -logB]) {
    // Seven digits are given; a binary model holds single precision.
    #expect(abs(value / expected - 1) < 3e-7, "\(value) for \(expected)")
  }
  #expect(found.count == 8)
}

@Test(
  arguments: [
    (
      "backoff=0.5",
      [7 / 16.0, 7 / 8.0, 1 / 8.0, 1 / 4.0, 3 / 20.0, 3 / 4.0]
    ),
    (
      "interpolate=0.1,0.3,0.6",
      [413 / 900.0, 41 / 45.0, 83 / 300.0, 77 / 150.0, 1 / 9.0, 413 / 450.0]
    ),
    ("laplace=1", [5 / 22.0, 5 / 18.0, 1 / 9.0, 1 / 8.0, 1 / 16.0, 3 / 16.0]),
  ] as [(String, [Double])]) func `the factors are the lecture's`(
    smoothing: String, factors: [Double]
  )
  throws
{
  let outcome = try Scratch().run(
    """
    tokenize --words < $examples/pigs.txt | count-ngrams -n 3 |
      estimate-ngrams --smoothing \(smoothing) > l.lm
    echo 'what do pigs eat ?' | score -m l.lm --per-token --prob
    """)
  for (value, expected) in zip(column(1, of: outcome), factors) {
    #expect(abs(value / expected - 1) < 1e-10, "\(value) for \(expected)")
  }
}

@Test func `the words after the lecture's prompt, and where the mass goes`() throws {
  let outcome = try Scratch().run(
    """
    tokenize --words < $examples/pigs.txt | count-ngrams -n 3 > c
    for s in laplace=1 backoff=0.5; do
      estimate-ngrams --smoothing $s c | sample -m - --show 'what do pigs' > shown
      grep -E '^(eat|like|</s>)' shown | sort | cut -f2
    done
    estimate-ngrams --smoothing laplace=1 c | score -m - $examples/pigs.txt | grep ^perplexity | cut -f2
    """)
  let found = column(0, of: outcome)
  let expected: [Double] = [1 / 16, 1 / 8, 1 / 8, 4 / 37, 1 / 4, 1 / 4]
  for (value, exact) in zip(found, expected) { #expect(abs(value - exact) < 1e-12) }
  // Laplace's training perplexity; maximum likelihood has 1.64.
  #expect(abs(found[6] - 6.81) < 0.005)
}

@Test(arguments: [
  "laplace=1", "laplace=0.1", "backoff=0.5", "interpolate=0.1,0.3,0.6", "recursive=0.5", "katz",
  "witten-bell", "kneser-ney", "modified-kneser-ney",
]) func `in every context a distribution sums to one`(smoothing: String) throws {
  let outcome = try Scratch().run(
    """
    tokenize --words < $examples/pigs.txt > t
    count-ngrams -n 3 t | estimate-ngrams -q --smoothing \(smoothing) > l.lm
    tr ' ' '\\n' < t | sort -u > words
    { echo; cat words; for a in $(cat words); do sed "s/^/$a /" words; done; } > contexts
    wc -l < contexts
    sample -m l.lm --show --prompts contexts |
      awk -F '\\t' '/^$/ { print s; s = 0; next } { s += $2 } END { print s }'
    """)
  let sums = outcome.lines.dropFirst().map { Double($0)! }
  // None, 13 words, 169 pairs.
  #expect(outcome.lines[0] == "183" && sums.count == 183, "\(outcome.errorOutput)")
  // awk prints six digits; models of the Kneser-Ney family hold single precision.
  #expect(sums.allSatisfy { abs($0 - 1) < 2e-6 })
}

@Test func `stupid back-off is no distribution, and says so`() throws {
  let outcome = try Scratch().run(
    """
    count-ngrams -n 3 $examples/pigs.txt | estimate-ngrams --smoothing stupid=0.4 > s.lm
    { tr ' ' '\\n' < $examples/pigs.txt | sort -u | sed 's/^/what do /'; echo what do; } |
      score -m s.lm --per-token --prob |
      awk -F '\\t' 'NR % 4 == 3 { s += $2; n++ } END { printf "%d %.6f\\n", n, s }'
    """)
  #expect(outcome.lines == ["14 1.131556"])
  #expect(outcome.errorOutput.contains("no distribution"), "\(outcome.errorOutput)")
}

@Test(
  arguments: [
    ("", "0.617284 0.370370 0.012346"), ("--temperature 0.5", "0.735078 0.264628 0.000294"),
    ("--temperature 2", "0.521916 0.404274 0.073810"), ("--top-k 2", "0.625000 0.375000"),
    ("--top-p 0.9", "0.625000 0.375000"), ("--temperature 0.0001", "1.000000"),
  ] as [(String, String)])
func `the slide's three numbers, adjusted`(options: String, expected: String) throws {
  let outcome = try Scratch().run(
    """
    printf 'eat\\t50\\nlike\\t30\\nwear\\t1\\n' | estimate-ngrams --smoothing mle > three.lm
    sample -m three.lm --show \(options) | awk '$2 > 1e-9 { printf "%s%.6f", s, $2; s = " " }'
    """)
  #expect(outcome.text == expected)
}

@Test func `temperature changes the entropy, and draws keep to the distribution`() throws {
  let scratch = try Scratch()
  let entropies = try scratch.run(
    """
    printf 'eat\\t50\\nlike\\t30\\nsee\\t10\\nknow\\t5\\ndo\\t4\\nwear\\t1\\n' > six.lm
    for t in 0.5 1 2; do
      sample -m six.lm --show --temperature $t |
        awk '{ h -= $2 * log($2) / log(2) } END { printf "%.4f\\n", h }'
    done
    """)
  #expect(entropies.lines == ["1.0913", "1.8216", "2.3243"])
  let draws = try scratch.run("sample -m six.lm -n 100000 --seed 1 | sort | uniq -c")
  let shares = [
    "eat": 0.5, "like": 0.3, "see": 0.1, "know": 0.05, "do": 0.04, "wear": 0.01,
  ]
  var chiSquare = 0.0
  for line in draws.lines {
    let fields = line.split(separator: " ")
    let expected = 100_000 * (try #require(shares[String(fields[1])]))
    chiSquare += (Double(fields[0])! - expected) * (Double(fields[0])! - expected) / expected
  }
  // 5 degrees of freedom, p = 0.001.
  #expect(draws.lines.count == 6 && chiSquare < 20.52)
  // Two of six: four fifths of a peaked distribution, a third of a flat one.
  let kept = try scratch.run(
    """
    printf '%s\\t1\\n' a b c d e f > flat.lm
    for m in six flat; do
      sample -m $m.lm --show | head -2 | awk '{ s += $2 } END { printf "%.4f\\n", s }'; done
    """)
  #expect(kept.lines == ["0.8000", "0.3333"])
}

@Test func `a beam of one is greedy, and short sentences are likelier`() throws {
  let outcome = try Scratch().run(
    """
    count-ngrams -n 2 $examples/pigs.txt | estimate-ngrams --smoothing mle > b.lm
    beam -m b.lm --width 1; sample -m b.lm --argmax
    beam -m b.lm --exact --top 51 --prob | grep -E '^(what do )?cows eat \\?' | cut -f2
    """)
  #expect(outcome.lines[0] == outcome.lines[1])
  let found = outcome.lines.dropFirst(2).map { Double($0)! }
  #expect(found.count == 2 && abs(found[0] - 1 / 24.0) < 1e-12 && abs(found[1] - 1 / 30.0) < 1e-12)
}

@Test func `replies to a letter, after the end of its record`() throws {
  let outcome = try Scratch().run(
    """
    printf '%s\\n' 'lunch on friday ?|yes , gladly' 'lunch on friday ?|sorry , no' \\
      'lunch on friday ?|yes , gladly' 'how are you ?|fine' | sed 's/|/ => /' |
      tokenize --words | count-ngrams -n 4 | estimate-ngrams -q > mail.lm
    beam -m mail.lm --prompt 'lunch on friday ? = >' --width 8 --top 3 --scores
    """)
  let replies = outcome.lines.map { $0.split(separator: "\t") }
  #expect(replies.count == 3 && Set(replies.map { $0[0] }).count == 3)
  #expect(replies[0][0] == "lunch on friday ? = > yes , gladly", "\(outcome.text)")
  #expect(Double(replies[0][1])! <= Double(replies[1][1])!)
}

// Real text, on machines that have it.

private let hasBible =
  FileManager.default.isExecutableFile(atPath: "/usr/bin/bible")

@Test(.enabled(if: hasBible)) func `the King James Bible answers the lecture's question`() throws {
  let outcome = try Scratch().run(
    """
    bible -f Ge1:1-Re22:21 | sed 's/^[^ ]* //' | tokenize --words -b |
      count-ngrams -n 3 -b | estimate-ngrams --smoothing mle -b > kjv3.lm
    sample -m kjv3.lm --show --prompt 'the swine did'
    """)
  #expect(outcome.lines == ["eat\t1"], "\(outcome.errorOutput)")
}

@Test(.enabled(if: hasBible)) func `no verse of the last tenth occurs in the rest`() throws {
  let outcome = try Scratch().run(
    """
    bible -f Ge1:1-Re22:21 | sed 's/^[^ ]* //' > kjv
    head -28000 kjv | tokenize --lines | count-ngrams -n 1 --no-eos |
      estimate-ngrams --smoothing mle -b > sent.lm
    tail -n +28001 kjv | tokenize --lines | score -m sent.lm --prob | sort | uniq -c
    """)
  #expect(outcome.lines.map { $0.split(separator: " ") } == [["3102", "0"]])
}

@Test(.enabled(if: hasBible)) func `subwords know every word and are fewer than characters`() throws
{
  let outcome = try Scratch().run(
    """
    bible -f Ge1:1-Re22:21 | sed 's/^[^ ]* //' > kjv
    head -28000 kjv > train; tail -n +28001 kjv > test
    tokenize --characters test | tr ' ' '\\n' | grep -c .
    for n in 512 4096; do
      bpe-learn --vocabulary $n train > m; tokenize -m m test | tee t | wc -w; grep -c '<unk>' t
    done
    """)
  let found = outcome.lines.map { Int($0.trimmingCharacters(in: .whitespaces))! }
  try #require(found.count == 5)
  #expect(found[0] > 2 * found[1] && found[1] > found[3])
  #expect(found[2] == 0 && found[4] == 0)
}
