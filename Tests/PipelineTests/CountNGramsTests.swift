// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite struct CountNGramsTests {
  let scratch: Scratch
  init() throws { scratch = try Scratch() }

  /// Runs a script that must succeed; its output.
  private func output(_ script: String) throws -> String {
    let outcome = try scratch.run(script)
    #expect(outcome.status == 0, "\(script): \(outcome.errorOutput)")
    return outcome.text
  }

  @Test(arguments: [(1, 14), (2, 26), (3, 36), (4, 38), (15, 38)])
  func `the lecture's corpus has so many distinct n-grams`(order: Int, distinct: Int) throws {
    let text = try output("tokenize --words < $examples/pigs.txt | count-ngrams -n \(order)")
    #expect(text.split(separator: "\n").count == distinct)
  }

  @Test func `a histogram is counts of order 1`() throws {
    #expect(
      try output("printf '%s\\n' 1 2 2 3 3 3 4 4 4 4 | count-ngrams -n 1 --no-eos")
        == "1\t1\n2\t2\n3\t3\n4\t4\n")
  }

  @Test func `positional counts say the position first`() throws {
    #expect(
      try output("printf '0 1\\n1 1\\n' | count-ngrams -n 1 --no-eos --positional")
        == "\\@1 0\t1\n\\@1 1\t1\n\\@2 1\t2\n")
    #expect(
      try output(
        "printf '0 1\\n' | count-ngrams -n1 --no-eos --positional -b | count-ngrams --merge")
        == "\\@1 0\t1\n\\@2 1\t1\n")
    #expect(
      try output("printf '0 1\\n' | count-ngrams -n 3 --no-eos --pad 0") == "0 0 0\t1\n0 0 1\t1\n")
  }

  @Test func `sort -m, --merge and one process give the same bytes`() throws {
    let script = """
      tokenize --words < $examples/pigs.txt > all; head -3 all > a; tail -n +4 all > b
      for s in a b; do count-ngrams -n 3 $s > $s.txt; count-ngrams -b -n3 $s > $s.bin; done
      count-ngrams -n 3 all > whole
      count-ngrams --merge a.txt b.bin | cmp - whole
      LC_ALL=C sort -m a.txt b.txt | count-ngrams --merge | cmp - whole
      count-ngrams -n 3 b --add a.bin | cmp - whole
      count-ngrams -b -n3 all > whole.bin; count-ngrams --merge -b b.bin a.txt | cmp - whole.bin
      count-ngrams --merge whole.bin | cmp - whole
      """
    #expect(try output(script) == "")
  }

  @Test func `a vocabulary is the words seen often enough`() throws {
    let script = """
      tokenize --words < $examples/pigs.txt > all
      count-ngrams -n 1 --no-eos --min-count 4 all > words
      count-ngrams -n 1 --vocabulary words all
      """
    #expect(try output(script) == "</s>\t8\n<unk>\t17\n?\t5\ndo\t5\neat\t6\nwhat\t4\n")
  }

  @Test func `a full disk is named, and the output file stays as it was`() throws {
    let script = """
      echo before > out
      seq 200000 | awk '{print $1, $1 * 7 % 1000, $1 % 77}' > tokens
      count-ngrams -n 3 -S 1M -T /nonexistent -o out tokens; echo $?; cat out
      count-ngrams -n 3 tokens > /dev/full; echo $?
      count-ngrams -n 3 tokens | head -1 > /dev/null; echo ${PIPESTATUS[0]}
      """
    let outcome = try scratch.run(script)
    #expect(outcome.text == "1\nbefore\n1\n141\n")
    #expect(outcome.errorOutput.contains("/nonexistent: no temporary file can be made"))
  }
}
