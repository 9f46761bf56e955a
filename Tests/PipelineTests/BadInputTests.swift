// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// What cannot be right is named with its place, what is wrong with it and what to do; a file that was
// there stays as it was.

private let pigs = "$examples/pigs.txt"
private let countsOfTwo =
  "count-ngrams -n2 -b t1 > c1; tokenize -m b2 -b \(pigs) | count-ngrams -n2 -b > c2"

@Test(
  arguments: [
    (
      "printf 'a\\t18446744073709551615\\na\\t1\\n' | count-ngrams --merge",
      "count-ngrams: 'a': a count is above 18446744073709551615 (64 bits)"
    ),
    (
      "printf 'a\\t18446744073709551616\\n' | count-ngrams --merge",
      "count-ngrams: <stdin>:1: a count is above 18446744073709551615 (64 bits)"
    ),
    (
      "printf 'a\\t18446744073709551615\\nb\\t1\\n' | estimate-ngrams",
      "the counts add up to more than 18446744073709551615"
    ),
    (
      "printf 'a b\\t1\\nc\\t1\\n' | count-ngrams --merge",
      "<stdin>:2: an n-gram of order 1 among those of order 2; counts hold one order"
    ),
    (
      "printf 'a b\\t1\\nc\\t1\\n' | estimate-ngrams",
      "<stdin>:2: an n-gram of order 1 among those of order 2; counts hold one order"
    ),
    (
      "printf 'a b\\t1\\nc\\t1\\n' > m; score -m m \(pigs)",
      "m:2: an n-gram of order 1 among those of order 2; counts hold one order"
    ),
    (
      "printf 'a\\t1\\n' > a; printf 'b\\t1\\na\\t1\\n' > b; count-ngrams --merge a b",
      "b:2: not in byte order after the line before; sort with LC_ALL=C sort"
    ),
    (
      "printf 'a\\tx\\n' | estimate-ngrams",
      "<stdin>:1: 'x' is no count; counts are whole numbers"
    ),
    (
      "printf 'a 1\\n' | count-ngrams --merge",
      "<stdin>:1: no n-gram before a TAB; a line is 'word word<TAB>count'"
    ),
    (
      "sample -m \(pigs)",
      "pigs.txt: is no model: neither ARPA, counts, a binary model nor a network; make one with"
    ),
    (
      "tokenize --words -b \(pigs) | count-ngrams -b | estimate-ngrams -q -b > m; "
        + "tokenize --bytes -b \(pigs) | score -m m",
      "<stdin>: its tokens are parts of words, the model's are words; tokenise as for the model"
    ),
    (
      "count-ngrams -n 2 \(pigs) | estimate-ngrams -n 3",
      "order 3 is above that of the counts, 2; count with --order 3"
    ),
    (
      "echo 'a <s> b' | count-ngrams",
      "<stdin>:1: <s> inside a record; records begin and end by themselves"
    ),
    (
      "head -c 100 m2 > cut; score -m cut t1",
      "cut:@100: truncated"
    ),
    (
      "score -m m2 t1", "t1: its tokeniser's vocabulary differs from the model's; tokenise with the"
    ),
    (
      "arith-code -m m2 t1",
      "t1: its tokeniser's vocabulary differs from the model's; tokenise with the"
    ),
    (
      "sample -m m2 --prompts t1",
      "t1: its tokeniser's vocabulary differs from the model's; tokenise with the"
    ),
    (
      "tokenize -m b2 -b \(pigs) > t2; count-ngrams t1 t2",
      "t2: its tokeniser's vocabulary differs from the stream before it; tokenise with the same"
    ),
    (
      "count-ngrams -n 2 -b t1 > c1; count-ngrams -n 2 c1", "c1: "
    ),
    (
      "\(countsOfTwo); count-ngrams --merge c1 c2",
      "c2: counts of another tokeniser's vocabulary than the files before it; tokenise with the same"
    ),
    (
      "\(countsOfTwo); estimate-ngrams c1 c2",
      "c2: counts of another tokeniser than the stream before it; tokenise with the same"
    ),
    (
      "\(countsOfTwo); count-ngrams -n 2 t1 --add c2",
      "tokenise with the same"
    ),
  ] as [(String, String)])
func `what contradicts itself or its model is an error with its place`(
  command: String, message: String
) throws {
  let scratch = try Scratch()
  let setUp = try scratch.run(
    """
    bpe-learn -n 20 \(pigs) > b1; bpe-learn -n 30 \(pigs) > b2
    tokenize -m b1 -b \(pigs) > t1
    tokenize -m b2 -b \(pigs) | count-ngrams -n 2 -b | estimate-ngrams -qb > m2
    echo old > out
    """)
  try #require(setUp.status == 0, "\(setUp.errorOutput)")
  let outcome = try scratch.run("\(command) -o out")
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput.contains(message), "\(outcome.errorOutput)")
  #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  #expect(try scratch.read("out") == Data("old\n".utf8))
}

@Test func `joined short options and optional values are read as getopt reads them`() throws {
  let outcome = try Scratch().run(
    """
    count-ngrams -bn3 -S10M -j2 \(pigs) > a; count-ngrams -b -n 3 \(pigs) | cmp - a
    count-ngrams -qbn3 --progress=never --progress \(pigs) | cmp - a
    count-ngrams -bn 3 -- \(pigs) | cmp - a
    count-ngrams --progress=foo \(pigs)
    """)
  #expect(outcome.status == 64 && outcome.text.isEmpty, "\(outcome.text)")
  #expect(
    outcome.errorOutput
      == "count-ngrams: the value 'foo' is invalid for '--progress <when>'; give one of "
      + "'auto', 'always' or 'never'; see 'count-ngrams --help'\n")
}

@Test func `a wrong word on the command line is answered with the right ones`() throws {
  let scratch = try Scratch()
  let smoothing = try scratch.run("estimate-ngrams --smoothing good-turing < /dev/null")
  #expect(
    smoothing.errorOutput
      == "estimate-ngrams: the value 'good-turing' is invalid for '--smoothing <method>'; give one "
      + "of mle, laplace[=k], backoff=d, katz, witten-bell, interpolate[=w1,w2,...], recursive=w, "
      + "stupid[=a], kneser-ney, modified-kneser-ney; see 'estimate-ngrams --help'\n")
  let option = try scratch.run("tokenize --wrods < /dev/null")
  #expect(
    option.errorOutput
      == "tokenize: unknown option '--wrods'; did you mean '--words'; see 'tokenize --help'\n")
}
