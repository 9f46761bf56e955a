// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import LanguageModel
public import Probability
internal import TokenStreams

extension SampledDivergence {
  /// Draws `count` records of p and as many of q, and looks at each under both.
  ///
  /// - random: record numbers below `count` are p's draws, those above q's.
  /// - Throws: `StreamError` when a model does not define what follows a beginning of its own.
  public init<P: LanguageModel, Q: LanguageModel>(
    of p: P, from q: Q, count: Int, random: RandomNumbers, threads: Int
  ) throws {
    self.init()
    try p.forEachSample(0..<count, besides: q, random, threads) { add(sampleOfP: $0, $1) }
    try q.forEachSample(count..<2 * count, besides: p, random, threads) { add(sampleOfQ: $0, $1) }
  }

  /// Draws `count` records of p alone and compares them with the uniform distribution over
  /// `outcomeCount` records, p's own among them; only what depends on p's draws is estimated.
  public static func quantities<P: LanguageModel>(
    of p: P, uniformOver outcomeCount: Double, count: Int, random: RandomNumbers, threads: Int
  ) throws -> [Divergence.Quantity] {
    var estimate = SampledDivergence()
    let even = -log(outcomeCount)
    try p.forEachSample(0..<count, besides: p, random, threads) { lnP, _ in
      estimate.add(sampleOfP: lnP, even)
    }
    return estimate.quantities.compactMap { quantity in
      switch quantity.name {
      case "H(p)", "KL(p||q)": quantity
      case "H(q)", "H(p,q)": Divergence.Quantity(name: quantity.name, nats: -even)
      // What q's own records are is not known.
      default: nil
      }
    }
  }
}

extension LanguageModel {
  /// Draws records on several threads, and calls `body` with ln p of each under this model and under
  /// another, in order.
  fileprivate func forEachSample<Other: LanguageModel>(
    _ records: Range<Int>, besides other: Other, _ random: RandomNumbers, _ threads: Int,
    _ body: (Double, Double) -> Void
  ) throws {
    let sampler = Sampler(self, adjustments: [], maximumCount: nil)
    let translation = TokenTranslation(from: vocabulary, to: other.vocabulary)
    var next = records.lowerBound
    try orderedParallelMap(
      threads: threads,
      next: { () -> Range<Int>? in
        guard next < records.upperBound else { return nil }
        defer { next = min(next + 256, records.upperBound) }
        return next..<min(next + 256, records.upperBound)
      },
      transform: { (range: Range<Int>) -> [(Double, Double)] in
        var block = TokenBlock()
        var translated = TokenBlock()
        var isKnown: [Bool] = []
        let numbers = UInt64(range.lowerBound)..<UInt64(range.upperBound)
        for tokens in try sampler.samples(of: [], records: numbers, random: random) {
          block.tokens += tokens
          block.endRecord()
          isKnown.append(translation.translated(tokens) != nil)
          guard let tokens = translation.translated(tokens) else { continue }
          translated.tokens += tokens
          translated.endRecord()
        }
        var others = try other.scored(translated).recordScores.makeIterator()
        return zip(try self.scored(block).recordScores, isKnown).map { own, isKnown in
          (own.logProbability, isKnown ? others.next()!.logProbability : -.infinity)
        }
      },
      emit: { (pairs: [(Double, Double)]) in for (own, others) in pairs { body(own, others) } })
  }
}
