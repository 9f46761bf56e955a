// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A kind of model: how one is made of the token file `train`, and its share of all tests.
private struct Kind: CustomTestStringConvertible, Sendable {
  var name: String
  /// Writes the model to `m`.
  var made: String
  /// Records of one width, as positional and masked models need.
  var hasWidth = false
  /// Whether records end by a predicted `</s>`.
  var endsRecords = true
  var testDescription: String { name }

  static let all = [
    Kind(
      name: "maximum likelihood",
      made: "count-ngrams -n 2 train | estimate-ngrams --smoothing mle > m"),
    Kind(name: "bare counts", made: "count-ngrams -n 3 train > m"),
    Kind(
      name: "add-one", made: "count-ngrams -n 2 train | estimate-ngrams --smoothing laplace=1 > m"),
    Kind(
      name: "Witten-Bell, mapped",
      made: "count-ngrams -n 3 train | estimate-ngrams --smoothing witten-bell -b > m"),
    Kind(
      name: "modified Kneser-Ney",
      made: "count-ngrams -n 3 train | estimate-ngrams -q --smoothing kneser-ney > m"),
    Kind(
      name: "interpolated by given weights",
      made: "count-ngrams -n 2 train | estimate-ngrams --smoothing interpolate=0.3,0.7 > m"),
    Kind(
      name: "absolute discounting",
      made: "count-ngrams -n 3 train | estimate-ngrams --smoothing backoff=0.5 > m"),
    Kind(
      name: "mixture",
      made: """
        for n in 1 3; do count-ngrams -n $n train |
          estimate-ngrams --smoothing witten-bell > $n.lm; done
        mix-ngrams -m 1.lm -m 3.lm > m
        """),
    Kind(
      name: "histogram",
      made: "count-ngrams -n 1 --no-eos train | estimate-ngrams --smoothing mle > m",
      endsRecords: false),
    Kind(name: "LSTM", made: "train-rnn -q --embed 4 --hidden 8 --epochs 20 train > m"),
    Kind(name: "GRU", made: "train-rnn -q --cell gru --hidden 8 --epochs 20 train > m"),
    Kind(name: "Elman", made: "train-rnn -q --cell tanh --hidden 8 --epochs 20 train > m"),
    Kind(
      name: "positional",
      made:
        "count-ngrams -n 2 --no-eos --positional train | estimate-ngrams --smoothing laplace=1 > m",
      hasWidth: true, endsRecords: false),
    Kind(
      name: "masked", made: "train-masked -q --hidden 8 --epochs 5 train > m", hasWidth: true,
      endsRecords: false),
    Kind(
      name: "masked linear", made: "train-masked -q --hidden 0 --epochs 5 train > m",
      hasWidth: true, endsRecords: false),
  ]
}

@Test(arguments: Kind.all, [1, 2])
private func `divergence, entropy, code length and score agree`(kind: Kind, seed: Int) throws {
  let scratch = try Scratch()
  var generator = SeededGenerator(seed: UInt64(seed))
  let records = (0..<60).map { _ in
    let width = kind.hasWidth ? 5 : Int.random(in: 1...6, using: &generator)
    return (0..<width).map { _ in ["a", "b", "c"].randomElement(using: &generator)! }
      .joined(separator: " ")
  }
  // Every symbol occurs, and some records come more than once.
  let all = records + records[..<20] + (kind.hasWidth ? ["a b c a b"] : ["a b c"])
  try scratch.write("train", all.joined(separator: "\n") + "\n")
  let outcome = try scratch.run(
    """
    \(kind.made) || exit 1
    score -m m train | awk '$1 == "bits" || $1 == "bits_per_line" { print $2 }'
    diverge m --data train | grep -E '^(H.p.|H.p,q.|KL.p)' | cut -f2
    arith-code -m m -v train 2>&1 > code | grep -oE '[0-9]+ bytes' | cut -d' ' -f1
    arith-code -d -m m code | cmp - train && echo same
    sample -m m -n 4000 --seed \(seed) --tokens \(kind.endsRecords || kind.hasWidth ? "" : "--max-tokens 1") > drawn
    score -m m --bits-per-line drawn
    diverge m --uniform 2^200 --samples 4000 --seed \(seed + 5) | head -1
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  try #require(outcome.lines.count == 9, "\(outcome.text)\(outcome.errorOutput)")
  let values = outcome.lines.map { Double($0) ?? .nan }
  let (bits, bitsPerRecord) = (values[0], values[1])
  let (dataEntropy, crossEntropy, divergence) = (values[2], values[3], values[4])
  // The data's own entropy, counted here.
  let outcomes =
    kind.endsRecords || kind.hasWidth
    ? all : all.flatMap { $0.split(separator: " ").map(String.init) }
  let counts = Dictionary(outcomes.map { ($0, 1.0) }, uniquingKeysWith: +)
  let entropy = counts.values.reduce(0) {
    $0 - $1 / Double(outcomes.count) * log2($1 / Double(outcomes.count))
  }
  #expect(abs(dataEntropy - entropy) < 1e-9)
  // Where records never end, one token is an outcome.
  let expected = kind.endsRecords || kind.hasWidth ? bitsPerRecord : bits / Double(outcomes.count)
  #expect(abs(crossEntropy - expected) < 1e-9 * max(1, expected))
  #expect(abs(divergence - (crossEntropy - entropy)) < 1e-9 && divergence > -1e-9)
  #expect(abs(values[5] - bits / 8) <= 2, "\(values[5]) bytes for \(bits) bits")
  #expect(outcome.lines[6] == "same")
  // The model's entropy is the cross-entropy of its own samples; two independent estimates.
  let estimate = outcome.lines[8].split(separator: "\t").dropFirst().map { Double($0)! }
  #expect(abs(values[7] - estimate[0]) < 5 * 1.5 * estimate[1], "\(values[7]) against \(estimate)")
}
