// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import Probability
import TestSupport
import Testing
import TokenStreams

/// The next-token distribution of the lecture (R12).
private let six = TableModel([
  ("eat", 50), ("like", 30), ("see", 10), ("know", 5), ("do", 4), ("wear", 1),
])

/// The adjusted distribution, most probable first.
private func shown(_ steps: [any Adjustment], of model: TableModel = six, after: String = "")
  throws -> [(String, Double)]
{
  let sampler = Sampler(model, adjustments: steps, maximumCount: nil)
  let distribution = try sampler.distribution(after: model.tokens(after))
  return distribution.sortedTokens().map {
    (model.text([$0]), exp(distribution.logWeights[Int($0)]))
  }
}

/// Steps, and the probabilities that they leave, most probable first.
private struct Row: Sendable {
  var steps: [any Adjustment]
  var expected: [Double]

  init(_ steps: [any Adjustment], _ expected: [Double]) {
    self.steps = steps
    self.expected = expected
  }
}

private let rows: [Row] = [
  Row([Temperature(1)], [0.5, 0.3, 0.1, 0.05, 0.04, 0.01]),
  Row([Temperature(0)], [1]),
  Row([Temperature(0.5)], [0.705816, 0.254094, 0.028233, 0.007058, 0.004517, 0.000282]),
  Row([Temperature(2)], [0.337575, 0.261485, 0.150968, 0.106751, 0.095481, 0.047740]),
  Row([Temperature(10)], [0.198063, 0.188199, 0.168619, 0.157327, 0.153855, 0.133938]),
  Row([TopK(2)], [0.625, 0.375]),
  Row([TopK(3)], [0.555556, 0.333333, 0.111111]),
  Row([TopP(0.5)], [1]),
  Row([TopP(0.7)], [0.625, 0.375]),
  Row([TopP(0.8)], [0.625, 0.375]),
  Row([TopP(0.9)], [0.555556, 0.333333, 0.111111]),
  Row([TopP(0.95)], [0.526316, 0.315789, 0.105263, 0.052632]),
  Row([TopP(1)], [0.5, 0.3, 0.1, 0.05, 0.04, 0.01]),
  Row([MinP(0.2)], [0.555556, 0.333333, 0.111111]),
  Row([MinP(0.6)], [0.625, 0.375]),
  // Surprisals 1, 1.74, 3.32, ... bits against an entropy of 1.82: `like` is nearest, then `eat`.
  Row([Typical(0.3)], [1]),
  Row([Typical(0.8)], [0.625, 0.375]),
  Row([Temperature(0.5), TopP(0.7)], [1]),
  Row([TopP(0.7), Temperature(0.5)], [0.735294, 0.264706]),
]

@Test(arguments: rows.indices) func `distributions are those of the lecture`(index: Int) throws {
  let probabilities = try shown(rows[index].steps).map(\.1)
  #expect(probabilities.count == rows[index].expected.count)
  for (a, b) in zip(probabilities, rows[index].expected) { #expect(abs(a - b) < 5e-7) }
}

@Test func `ties go to the bytewise smaller, and k means k`() throws {
  let flat = TableModel([("d", 1), ("b", 1), ("aa", 1), ("c", 1)])
  #expect(try shown([TopK(2)], of: flat).map(\.0) == ["aa", "b"])
  #expect(try shown([Temperature(0)], of: flat).map(\.0) == ["aa"])
  #expect(try shown([TopP(0.5)], of: flat).map(\.0) == ["aa", "b"])
}

@Test func `a penalty makes what occurred less probable, once for each token`() throws {
  let penalised = try shown([RepetitionPenalty(2)], after: "like like")
  let total = 0.5 + 0.09 + 0.1 + 0.05 + 0.04 + 0.01
  #expect(penalised.map(\.0) == ["eat", "see", "like", "know", "do", "wear"])
  #expect(abs(penalised[2].1 - 0.09 / total) < 1e-12)
  #expect(abs(penalised[0].1 - 0.5 / total) < 1e-12)
}

@Test func `what is suppressed cannot follow`() throws {
  let tokens = six.tokens("eat see")
  #expect(try shown([Suppression(tokens)]).map(\.0) == ["like", "know", "do", "wear"])
}

@Test func `truncation agrees with sorting everything`() throws {
  var generator = SeededGenerator(seed: 8)
  for _ in 0..<200 {
    let weights = (0..<300).map { index in
      // Ties, over several orders of magnitude.
      let exponent = Double(index % 4 * 2)
      return ("w\(index)", pow(10, exponent) * Double(Int.random(in: 1...40, using: &generator)))
    }
    let model = TableModel(weights)
    let all = try shown([], of: model)
    let k = Int.random(in: 1...300, using: &generator)
    #expect(try shown([TopK(k)], of: model).map(\.0) == all.prefix(k).map(\.0))
    let p = Double.random(in: 0.01...1, using: &generator)
    var mass = 0.0
    let kept = all.prefix { entry in
      defer { mass += entry.1 }
      return mass < p - 1e-9
    }
    #expect(try shown([TopP(p)], of: model).map(\.0) == kept.map(\.0))
    let entropy = all.reduce(0) { $0 - $1.1 * log($1.1) }
    func distance(_ entry: (String, Double)) -> Double {
      (abs(log(entry.1) + entropy) * 1e9).rounded()
    }
    mass = 0
    let typical = all.sorted { (distance($0), $0.0) < (distance($1), $1.0) }.prefix { entry in
      defer { mass += entry.1 }
      return mass < p - 1e-9
    }
    #expect(Set(try shown([Typical(p)], of: model).map(\.0)) == Set(typical.map(\.0)))
  }
}
