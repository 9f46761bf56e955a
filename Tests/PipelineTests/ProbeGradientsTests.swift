// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

private func numbers(_ outcome: Outcome) -> [[Double]] {
  outcome.lines.dropFirst().map { $0.split(separator: "\t").map { Double($0)! } }
}

@Test(arguments: [
  ("0.9", [0.9, 0.348678, 5.15378e-3, 2.65614e-5]), ("1.0", [1, 1, 1, 1]),
  ("1.1", [1.1, 2.59374, 117.391, 13780.6]),
])
func `equal singular values stretch a gradient by their power`(scale: String, expected: [Double])
  throws
{
  for seed in [0, 7] {
    let outcome = try Scratch().run(
      """
      probe-gradients --orthogonal 16 --scale \(scale) --lags 1,10,50,100 --linear --seed \(seed) \
        --clip 1
      """)
    let rows = numbers(outcome)
    #expect(rows.map { $0[0] } == [1, 10, 50, 100])
    for (row, value) in zip(rows, expected) {
      // Six digits are printed.
      #expect(abs(row[1] - value) <= 1e-5 * value)
      #expect(row[2] <= 1)
    }
  }
}

@Test func `with tanh and inputs all gradients vanish, whatever the singular values`() throws {
  for scale in ["0.9", "1.0", "1.1"] {
    let atRest = try Scratch().run(
      "probe-gradients --orthogonal 16 --scale \(scale) --lags 10")
    #expect(abs(numbers(atRest)[0][1] / (Double(scale)! * 1).power(10) - 1) < 0.01)
    let driven = try Scratch().run(
      "probe-gradients --orthogonal 16 --scale \(scale) --lags 99 --input 1")
    #expect(numbers(driven)[0][1] < 1e-10)
  }
}

@Test func `a singular value above one does not suffice to explode`() throws {
  let outcome = try Scratch().run(
    """
    printf '.5 10\\n0 .5\\n' > m
    probe-gradients --matrix m --linear --lags 1,2,5,10,20
    """)
  let found = numbers(outcome).map { $0[1] }
  for (value, expected) in zip(found, [10.02, 10.01, 3.13, 0.195, 0.0004]) {
    #expect(abs(value - expected) < 0.006 * expected + 5e-5)
  }
  #expect(found.count == 5)
}

@Test func `a trained model's gradients are right, reach back, and have singular values`() throws {
  let outcome = try Scratch().run(
    """
    printf 'a b c\\nb c a a\\n' > text
    for cell in lstm gru tanh; do
      train-rnn --cell $cell --layers 2 --hidden 6 --steps 20 text > m || exit 1
      probe-gradients -m m --check text | tail -1 | cut -f4
      probe-gradients -m m text | wc -l
      probe-gradients -m m --singular-values | wc -l
    done
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let values = outcome.lines.map { Double($0.trimmingCharacters(in: .whitespaces))! }
  for index in 0..<3 {
    #expect(values[3 * index] < 1e-6)
    // Lags 0 to 4, and two layers of gates with six values each, below a line of names.
    #expect(values[3 * index + 1] == 6)
    #expect(values[3 * index + 2] == [49, 37, 13][index])
  }
}

@Test(arguments: [
  "", "--orthogonal 4 --matrix m", "-m m --check --truncate 1", "--orthogonal 0",
  "--orthogonal 4 --check", "--orthogonal 4 --lags 1,x",
])
func `probes that make no sense are wrong usage`(options: String) throws {
  #expect(try Scratch().run("probe-gradients \(options) < /dev/null").status == 64)
}

extension Double {
  fileprivate func power(_ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * self }
  }
}
