// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What lmplz made of a small corpus; see PROVENANCE.md.
@Suite struct KenLMTests {
  private static let fixtures = Scratch.root.appendingPathComponent(
    "Tests/ConformanceTests/Fixtures"
  ).path

  /// [n-gram] log10 p and log10 back-off of the lines of an ARPA file; `<s>`, which is never predicted,
  /// has nothing to compare.
  private func values(_ text: String) -> [Substring: [Double]] {
    var values: [Substring: [Double]] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count > 1, fields[1] != "<s>" else { continue }
      values[fields[1]] = [Double(fields[0])!, fields.count > 2 ? Double(fields[2])! : 0]
    }
    return values
  }

  @Test(arguments: [("kenlm", ""), ("kenlm-pruned", "--prune 0,1,2")])
  func `values are lmplz's when its discounts are given`(name: String, options: String) throws {
    let outcome = try Scratch().run(
      "count-ngrams -n3 \(KenLMTests.fixtures)/kenlm.txt | "
        + "estimate-ngrams \(options) --discounts \(KenLMTests.fixtures)/\(name).discounts")
    #expect(outcome.status == 0, "\(outcome.errorOutput)")
    let ours = values(outcome.text)
    let path = "\(KenLMTests.fixtures)/\(name).arpa"
    let theirs = values(try String(contentsOfFile: path, encoding: .utf8))
    #expect(ours.count > 100 && Set(ours.keys) == Set(theirs.keys))
    for (gram, values) in ours {
      for (a, b) in zip(values, theirs[gram] ?? []) {
        // Both are single precision; lmplz prints its discounts with six digits and works in it, too.
        #expect(abs(a - b) <= 2e-6, "\(gram)")
      }
    }
  }
}
