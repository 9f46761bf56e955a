// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// Scores that KenLM's Python module gave our ARPA files and one of others; see PROVENANCE.md.

@Test(arguments: ["modified-kneser-ney", "kneser-ney", "others"])
func `sentences have the scores that KenLM gave them`(model: String) throws {
  let fixtures = "\(Scratch.root.path)/Tests/ConformanceTests/Fixtures"
  let outcome = try Scratch().run(
    """
    f='\(fixtures)'
    if [ \(model) = others ]; then cp $f/others.arpa m; else
      count-ngrams -n 3 $examples/pigs.txt | estimate-ngrams -q --smoothing \(model) > m; fi
    grep ^\(model)'\t' $f/kenlm-scores.txt > expected
    cut -f2 expected | score -m m --per-line --unit log10 | cut -f1 | paste expected -
    estimate-ngrams -b -m m > m.bin
    cut -f2 expected | score -m m.bin --per-line --unit log10 | cut -f1 | paste expected -
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let lines = outcome.text.split(separator: "\n")
  #expect(lines.count == 16)
  for line in lines {
    let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
    // KenLM computes in single precision.
    #expect(abs(Double(fields[2])! + Double(fields[3])!) < 1e-5, "\(line)")
  }
}
