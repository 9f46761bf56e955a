// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A scratch folder with the bigram model of the toy corpus, `b.lm`.
private func bigram() throws -> Scratch {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    "count-ngrams -n 2 < $examples/pigs.txt | estimate-ngrams --smoothing mle > b.lm")
  try #require(outcome.status == 0, "\(outcome.errorOutput)")
  return scratch
}

@Test func `a beam of four finds what narrower ones miss`() throws {
  let scratch = try bigram()
  let outcome = try scratch.run(
    "for B in 1 2 3 4 5; do beam -m b.lm --width $B --top 1 --prob; done")
  let greedy = "what do dogs eat ?\t0.044444444444444"
  let best = "what do dogs like ?\t0.066666666666667"
  #expect(outcome.lines == [greedy, greedy, greedy, best, best])
  let two = ["what do dogs like ?", "what do pigs like ?"]
  #expect(try scratch.run("beam -m b.lm --width 5 --top 2").lines == two)
  #expect(try scratch.run("beam -m b.lm --exact --top 2").lines == two)
}

@Test func `exact search lists all fifty-one sentences, which sum to one`() throws {
  let scratch = try bigram()
  let lines = try scratch.run("beam -m b.lm --exact --top 100 --prob").lines
  #expect(lines.count == 51)
  let probabilities = lines.map { Double($0.split(separator: "\t")[1])! }
  #expect(abs(probabilities.reduce(0, +) - 1) < 1e-12)
  #expect(zip(probabilities, probabilities.dropFirst()).allSatisfy { $0 >= $1 - 1e-12 })
}

@Test func `scores are those of score`() throws {
  let scratch = try bigram()
  let outcome = try scratch.run(
    """
    beam -m b.lm --width 20 --top 12 --scores > found
    cut -f1 found | score -m b.lm --per-line | cut -f1 | paste - found
    """)
  #expect(outcome.lines.count == 12)
  for line in outcome.lines {
    let fields = line.split(separator: "\t")
    #expect(abs(Double(fields[0])! - Double(fields[2])!) < 1e-12)
    #expect(fields[2] == fields[3])
  }
}

@Test func `short sentences win unless lengths are normalised`() throws {
  let scratch = try bigram()
  func place(_ sentence: String, _ options: String) throws -> Int {
    try #require(
      try scratch.run("beam -m b.lm --exact --top 51 --max-tokens 12 \(options)").lines
        .firstIndex(of: sentence))
  }
  #expect(try place("cows eat ?", "") < place("what do cows eat ?", ""))
  for kind in ["--length-normalise", "--length-normalise=gnmt:2"] {
    #expect(try place("cows eat ?", kind) > place("what do cows eat ?", kind))
  }
}

@Test func `a garden path from a written table`() throws {
  let scratch = try Scratch()
  let table =
    [("<s> a", 50), ("<s> b", 40), ("<s> c", 10), ("a x", 20), ("a y", 15), ("a z", 15)]
    + [("b x", 36), ("b y", 4), ("c x", 10)]
  try scratch.write("counts", table.map { "\($0.0)\t\($0.1)\n" }.joined())
  let outcome = try scratch.run(
    "for B in 1 2; do beam -m counts --width $B --max-tokens 2 --prob; done")
  #expect(outcome.lines == ["a x\t0.2", "b x\t0.36"], "\(outcome.errorOutput)")
}

@Test func `a beam says the same every time`() throws {
  let scratch = try bigram()
  #expect(
    try scratch.run("for s in 1 2 3; do beam -m b.lm; done | sort -u | wc -l").text == "1\n")
  let distinct = try scratch.run("sample -m b.lm -n 1000 --seed 1 | sort -u | wc -l").text
  #expect(["50\n", "51\n"].contains(distinct))
}

@Test func `replies to a prompt are distinct and ordered`() throws {
  let scratch = try bigram()
  let lines = try scratch.run("beam -m b.lm --top 3 --prob 'what do'").lines
  #expect(Set(lines).count == 3 && lines.allSatisfy { $0.hasPrefix("what do ") })
  let probabilities = lines.map { Double($0.split(separator: "\t")[1])! }
  #expect(probabilities == probabilities.sorted(by: >))
}

@Test func `the tree of a search is a graph that dot draws`() throws {
  let scratch = try bigram()
  let outcome = try scratch.run("beam -m b.lm --width 2 --trace tree.dot > /dev/null; cat tree.dot")
  #expect(outcome.text.hasPrefix("digraph beam {") && outcome.text.contains("style=dashed"))
  let drawn = try scratch.run("if command -v dot > /dev/null; then dot -Tsvg tree.dot; fi > t.svg")
  #expect(drawn.status == 0 && drawn.errorOutput.isEmpty, "\(drawn.errorOutput)")
}

@Test(arguments: [
  "--width 0", "--top 0", "--exact --width 2", "--prob --scores", "--length-normalise=long",
  "--length-normalise=plain:-1", "--max-tokens 0",
]) func `wrong usage of beam ends with 64`(options: String) throws {
  #expect(try Scratch().run("beam -m b.lm \(options)").status == 64)
}
