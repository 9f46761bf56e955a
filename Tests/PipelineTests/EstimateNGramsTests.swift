// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The built programs `count-ngrams` and `estimate-ngrams`.
@Suite struct EstimateNGramsTests {
  private func scratch() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.write("pigs.txt", pigs.map { $0 + "\n" }.joined())
    return scratch
  }

  @Test func textAndBinaryFormsLeadToEachOther() throws {
    let outcome = try scratch().run(
      """
      for method in mle laplace=0.5 witten-bell kneser-ney modified-kneser-ney; do
        count-ngrams -n 3 pigs.txt > c
        estimate-ngrams -q --smoothing $method c > text
        estimate-ngrams -q --smoothing $method -b c > binary
        estimate-ngrams -m text -b | cmp - binary
        estimate-ngrams -m binary | cmp - text
        estimate-ngrams -m - < binary | cmp - text
        estimate-ngrams -q --smoothing $method -j1 c | cmp - text
        count-ngrams -b -n 3 pigs.txt | estimate-ngrams -q --smoothing $method | cmp - text
        shuf c | estimate-ngrams -q --smoothing $method | cmp - text
      done
      """)
    #expect(outcome.status == 0)
    #expect(outcome.text == "" && outcome.errorOutput == "")
  }

  @Test func discountsAndFallBacksAreSaid() throws {
    let outcome = try scratch().run(
      "count-ngrams -n 2 pigs.txt | estimate-ngrams -v -o m")
    #expect(outcome.status == 0)
    #expect(outcome.errorOutput.contains("order 1: "))
    let quiet = try scratch().run("count-ngrams -n 2 pigs.txt | estimate-ngrams -q -o m")
    #expect(quiet.errorOutput == "")
  }

  @Test func wrongUseIsRefused() throws {
    func expect(_ script: String, _ status: Int32, _ message: String) throws {
      let outcome = try scratch().run(script)
      #expect(outcome.status == status)
      #expect(outcome.errorOutput.contains(message), "\(outcome.errorOutput)")
    }
    try expect("count-ngrams -n 2 pigs.txt | estimate-ngrams -n 3", 1, "order 3 is above")
    try expect("printf 'a b\\t1\\nc\\t1\\n' | estimate-ngrams", 1, "<stdin>:2: ")
    try expect("printf 'a <s>\\t1\\n' | estimate-ngrams", 1, "ends in <s>")
    try expect("estimate-ngrams --smoothing magic", 64, "magic")
    try expect(
      "count-ngrams -n 2 pigs.txt | estimate-ngrams --smoothing interpolate=1", 1, "1 weights")
    try expect("estimate-ngrams --prune 2,1 < pigs.txt", 64, "prune")
    try expect("echo old > m; estimate-ngrams -m pigs.txt -o m; s=$?; cat m; exit $s", 1, ":1: ")
  }

  @Test func pruningLeavesRareNGramsOut() throws {
    let outcome = try scratch().run(
      "count-ngrams -n 3 pigs.txt | estimate-ngrams -q --prune 0,1 | grep -c ^ngram; "
        + "count-ngrams -n 3 pigs.txt | estimate-ngrams -q --prune 0,1 | sed -n '/^ngram/p'")
    #expect(outcome.lines == ["3", "ngram 1=16", "ngram 2=11", "ngram 3=4"])
  }
}
