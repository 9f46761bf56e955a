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
    ("diverge m", 64, "give two models, or one and --uniform N"),
    ("diverge - -", 64, "standard input ('-') can be read only once"),
  ] as [(String, Int32, String)])
func `what cannot be compared is named`(command: String, status: Int32, message: String) throws {
  let outcome = try Scratch().run(command)
  #expect(outcome.status == status && outcome.errorOutput.contains(message))
}
