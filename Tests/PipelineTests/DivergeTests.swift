// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The rows of a comparison: H(p), H(q), H(p,q), H(q,p), KL(p||q), KL(q||p), JS(p,q).
private func rows(_ script: String) throws -> [Double] {
  let outcome = try Scratch().run(script)
  try #require(outcome.status == 0, "\(outcome.errorOutput)")
  return outcome.lines.map { Double($0.split(separator: "\t")[1])! }
}

@Test func `a trigram diverges from a bigram as by hand`() throws {
  let found = try rows(
    """
    for n in 2 3; do count-ngrams -n $n $examples/pigs.txt > $n.lm; done
    diverge 3.lm 2.lm
    """)
  for (a, b) in zip(found, [4, 5.328649, 5.328649, .infinity, 1.328649, .infinity]) {
    #expect(a == b || abs(a - b) < 5e-7)
  }
}

@Test func `six words diverge from the uniform distribution as by hand`() throws {
  let found = try rows(
    """
    printf 'eat\\t50\\nlike\\t30\\nsee\\t10\\nknow\\t5\\ndo\\t4\\nwear\\t1\\n' > six.lm
    diverge six.lm --uniform 6
    """)
  let expected = [1.821572, 2.584963, 2.584963, 3.611422, 0.763391, 1.026460, 0.197520]
  #expect(found.count == expected.count)
  for (a, b) in zip(found, expected) { #expect(abs(a - b) < 5e-7) }
}

@Test func `a histogram diverges from the uniform distribution as by hand`() throws {
  let found = try rows(
    """
    awk 'BEGIN{for(i=1;i<=100;i++)for(j=0;j<i;j++)print i}' | count-ngrams -n 1 --no-eos > h.lm
    diverge h.lm --uniform 100
    """)
  #expect(abs(found[0] - 6.372236) < 5e-7 && abs(found[4] - 0.271620) < 5e-7)
}

@Test(
  arguments: [
    ("printf 'a\\t1\\nb\\t1\\n' > m; diverge m --uniform 1", 1, "2 outcomes, more than 1"),
    (
      "printf 'a\\t1\\n' > m; printf 'b\\t1\\n' > n; diverge m n", 1,
      "the models have different vocabularies; estimate both over one vocabulary"
    ),
    (
      "printf 'a b\\n' | tee t | count-ngrams -n 2 > m; count-ngrams -n 2 --no-eos t > n; diverge m n",
      1,
      "different"
    ),
    ("diverge m", 64, "give two models, or one and --uniform N or --data FILE"),
    ("diverge - --data -", 64, "standard input ('-') can be read only once"),
    ("diverge m --uniform 2 --data t", 64, "--uniform and --data exclude each other"),
    (
      "printf 'a\\t1\\n' > m; diverge m --data /dev/null", 1, "no record to compare with"
    ),
    (
      "printf 'a\\t1000000000\\n</s>\\t1\\n' | estimate-ngrams --smoothing mle > m; diverge m m", 1,
      "a record drawn of the model does not end within 100000 tokens; compare it with --data"
    ),
    ("diverge - -", 64, "standard input ('-') can be read only once"),
  ] as [(String, Int32, String)])
func `what cannot be compared is named`(command: String, status: Int32, message: String) throws {
  let outcome = try Scratch().run(command)
  #expect(outcome.status == status && outcome.errorOutput.contains(message))
}

@Test func `data diverge from the models that were counted on them as by hand`() throws {
  for (order, divergence) in [(2, 2.328649), (3, 1.0)] {
    let found = try rows(
      """
      count-ngrams -n \(order) $examples/pigs.txt > m
      diverge m --data $examples/pigs.txt
      """)
    #expect(abs(found[0] - 3) < 1e-9 && abs(found[4] - divergence) < 5e-7)
    // A maximum-likelihood model has the entropy that it has as cross-entropy on its data.
    #expect(abs(found[1] - found[2]) < 1e-9)
    #expect(found[5] == .infinity)
    #expect(found[6] > 0 && found[6] < 1)
  }
}

@Test func `estimates from samples lie within four standard errors of the exact values`() throws {
  let outcome = try Scratch().run(
    """
    for n in 2 3; do
      count-ngrams -n $n $examples/pigs.txt | estimate-ngrams --smoothing mle > $n.lm; done
    diverge 3.lm 2.lm > exact; diverge 3.lm 2.lm --samples 4000 --seed 3 > sampled
    diverge 3.lm 2.lm --samples 4000 --seed 3 -j 3 | cmp - sampled
    cut -f1,2 exact | paste - sampled; diverge 2.lm --uniform 2^64 --samples 4000
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let table = outcome.lines.map { $0.split(separator: "\t").map { Double($0) ?? .nan } }
  #expect(table.count == 7 + 4)
  for row in table[..<7] where row[1].isFinite {
    #expect(abs(row[1] - row[3]) < 4 * row[4] && row[4] < 0.05, "\(row)")
  }
  #expect(table[3][3] == .infinity)
  // 64 bits less the entropy of the bigram model.
  #expect(abs(table[10][1] - (64 - 5.328649)) < 4 * table[10][2])
  #expect(table[8][1] == 64 && table[9][1] == 64)
}

@Test func `models of many records are estimated, in little memory, and the rows say so`() throws {
  let outcome = try Scratch().run(
    """
    for s in witten-bell laplace=1; do tokenize --words $examples/pigs.txt | count-ngrams -n 2 |
      estimate-ngrams --smoothing $s > $s.lm; done
    count-ngrams -n 3 $examples/pigs.txt > few
    ulimit -v 2000000
    diverge witten-bell.lm laplace=1.lm; diverge few witten-bell.lm; diverge witten-bell.lm few
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let rows = outcome.lines.map { $0.split(separator: "\t") }
  try #require(rows.count == 21 && rows.allSatisfy { $0.count == 3 })
  // Two models that give every sentence a probability: all is estimated.
  for row in rows[..<7] { #expect(Double(row[2]).map { $0 > 0 && $0 < 1 } == true, "\(row)") }
  // A model of few sentences makes exact all but the entropy of the other, from either side.
  let isExact = { (rows: ArraySlice<[Substring]>) in rows.map { $0[2] == "exact" } }
  #expect(isExact(rows[7..<14]) == [true, false, true, true, true, true, true])
  #expect(isExact(rows[14...]) == [false, true, true, true, true, true, true])
  for (a, b) in [(7, 15), (8, 14), (9, 17), (10, 16), (11, 19), (12, 18), (13, 20)] {
    let (x, y) = (Double(rows[a][1])!, Double(rows[b][1])!)
    // Exact rows are the same but for the order of sums; the entropy has different draws.
    #expect(x == y || abs(x - y) < (a == 8 ? 1 : 1e-9), "\(rows[a]) \(rows[b])")
  }
  #expect(rows[12][1] == "inf" && rows[7][1] == "4")
}

@Test func `models of different families over the same tokens are compared`() throws {
  let found = try rows(
    """
    awk 'BEGIN { for (i = 0; i < 64; i++) { for (b = 1; b < 64; b *= 2) printf "%d ", int(i / b) % 2
      print "" } }' | grep -v '^1 1 1' > pictures
    train-masked -q --hidden 0 --epochs 30 pictures > made
    count-ngrams -n 2 --no-eos --positional pictures | estimate-ngrams --smoothing laplace=1 > chain
    diverge made chain; diverge chain made; diverge made chain --samples 4000 | cut -f1,2
    """)
  for (a, b) in [(0, 1), (1, 0), (2, 3), (4, 5), (5, 4), (6, 6)] {
    #expect(abs(found[a] - found[7 + b]) < 1e-9)
  }
  for index in 0..<7 { #expect(abs(found[index] - found[14 + index]) < 0.1) }
  // Neither gives the other's mass away, and they differ.
  #expect(found[4] > 1e-4 && found[4] < 1 && found[6] > 1e-5 && found[6] < 0.3)
}
