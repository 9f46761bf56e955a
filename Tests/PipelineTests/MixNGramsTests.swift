// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The built program `mix-ngrams`.
@Suite struct MixNGramsTests {
  private func run(_ script: String) throws -> Outcome {
    let scratch = try Scratch()
    return try scratch.run(
      """
      printf '%s\\n' 'the cow eats grass' 'the pig eats corn' 'a cow sees the pig' > a
      printf '%s\\n' 'x y z' 'y z x' 'z z the' > b
      for f in a b; do count-ngrams -n 3 $f | estimate-ngrams -q -o $f.arpa; done
      estimate-ngrams -m b.arpa -b -o b.bin
      perplexity() { score -m $1 $2 | sed -n 's/^perplexity\\t//p'; }
      """ + "\n" + script)
  }

  @Test func weightsAreFoundOnHeldOutText() throws {
    let outcome = try run(
      """
      mix-ngrams -v -m a.arpa -m b.bin a -o ab 2> weights
      sed 's/.*weights //' weights
      cat a b | mix-ngrams -v -m a.arpa -m b.arpa - -o both 2> weights
      sed 's/.*weights //' weights
      mix-ngrams -m a.arpa -m b.arpa -o half
      perplexity ab a; perplexity half a; perplexity a.arpa a
      mix-ngrams -m a.arpa -m b.bin --weights 0.5,0.5 | cmp - half
      mix-ngrams -b -m a.arpa -m b.bin | cmp - <(estimate-ngrams -b -m half)
      """)
    #expect(outcome.status == 0, "\(outcome.errorOutput)")
    let weights = outcome.lines[..<2].map { $0.split(separator: ",").map { Double($0)! } }
    // All that b knows of a is «the»: its weight goes to nothing on a, and not on both.
    #expect(weights[0][0] > 0.99 && abs(weights[0][0] + weights[0][1] - 1) < 1e-6)
    #expect(weights[1].allSatisfy { $0 > 0.2 })
    let perplexities = outcome.lines[2...].map { Double($0)! }
    #expect(abs(perplexities[0] / perplexities[2] - 1) < 1e-3)
    #expect(perplexities[1] > perplexities[2])
  }

  @Test func wrongUseIsRefused() throws {
    func expect(_ script: String, _ status: Int32, _ message: String) throws {
      let outcome = try run(script)
      #expect(outcome.status == status)
      #expect(outcome.errorOutput.contains(message), "\(outcome.errorOutput)")
    }
    try expect("mix-ngrams -m a.arpa", 64, "twice or more")
    try expect("mix-ngrams -m a.arpa -m b.bin --weights 1", 64, "1 weights for 2 models")
    try expect("mix-ngrams -m a.arpa -m b.bin --weights 0.5,0.6", 64, "weights")
    try expect("mix-ngrams -m a.arpa -m b.bin --weights 0.5,0.5 a", 64, "exclude each other")
    try expect("mix-ngrams -m a.arpa -m a", 1, "a")
  }
}
