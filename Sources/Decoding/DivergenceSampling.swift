// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import LanguageModel
public import Probability
internal import TokenStreams

/// How records are drawn of models that have too many to look at each.
public struct RecordDraws: Sendable {
  /// Of each model.
  public var count: Int
  public var random: RandomNumbers
  public var threads: Int
  /// Whether to draw even where every record can be looked at.
  public var always: Bool

  public init(count: Int, random: RandomNumbers, threads: Int, always: Bool) {
    (self.count, self.random, self.threads, self.always) = (count, random, threads, always)
  }

  fileprivate func outcomes<Model>(of records: ModelRecords<Model>) -> [RecordOutcome]? {
    always ? nil : records.outcomes()
  }
}

extension Divergence {
  /// p against q: exact as far as the outcomes of one of them can be looked at, else from draws.
  ///
  /// - Throws: `StreamError` when a model does not define what follows a beginning of its own.
  public init<P: LanguageModel, Q: LanguageModel>(of p: P, from q: Q, draws: RecordDraws) throws {
    let (start, end) = (0..<draws.count, draws.count..<2 * draws.count)
    let outcomesOfP = draws.outcomes(of: ModelRecords(p))
    let outcomesOfQ = draws.outcomes(of: ModelRecords(q, in: p.vocabulary))
    if let outcomesOfP {
      self.init(
        of: ModelRecords(p), outcomesOfP, from: ModelRecords(q, in: p.vocabulary), outcomesOfQ)
      if self.q.entropy == nil { self.q.entropy = try draws.side(of: q, besides: p, end).entropy }
    } else if let outcomesOfQ {
      let records = ModelRecords(p)
      let divergence = Divergence(
        of: ModelRecords(q, in: p.vocabulary), outcomesOfQ, from: records, nil)
      self = divergence.swapped
      if self.p.entropy == nil { self.p.entropy = try draws.side(of: p, besides: q, start).entropy }
    } else {
      self.init(
        p: try draws.side(of: p, besides: q, start), q: try draws.side(of: q, besides: p, end))
    }
  }

  /// p against the uniform distribution over `outcomeCount` records, p's own among them. Where p has
  /// too many to look at each, what depends on draws of the other is left out.
  ///
  /// - Throws: `StreamError` when p has more outcomes, or does not define what follows a beginning.
  public init<P: LanguageModel>(
    of p: P, uniformOver outcomeCount: Double, draws: RecordDraws
  ) throws {
    if let outcomes = draws.outcomes(of: ModelRecords(p)) {
      self = try Divergence(of: outcomes, uniformOver: outcomeCount)
      return
    }
    let even = log(outcomeCount)
    var side = Side()
    try draws.forEachRecord(of: p, besides: p, 0..<draws.count) { lnP, _ in
      side.add(sample: lnP, -even)
    }
    side.crossEntropy = Expectation(even)
    self.init(p: side, q: Side())
    (q.entropy, q.crossEntropy) = (Expectation(even), nil)
    (q.divergence, q.fromMixture) = (nil, nil)
  }

  /// Data against a model. Where the model has too many records to look at each, H(q) is left out
  /// unless draws are given.
  public init<Q: LanguageModel>(of data: RecordFrequencies, from q: Q, draws: RecordDraws) throws {
    self.init(
      of: data, data.outcomes(), from: ModelRecords(q), draws.outcomes(of: ModelRecords(q)))
    if self.q.entropy == nil, draws.always {
      self.q.entropy = try draws.side(of: q, besides: q, 0..<draws.count).entropy
    }
  }
}

extension RecordDraws {
  fileprivate func side<P: LanguageModel, Q: LanguageModel>(
    of p: P, besides q: Q, _ records: Range<Int>
  ) throws -> Divergence.Side {
    var side = Divergence.Side()
    try forEachRecord(of: p, besides: q, records) { side.add(sample: $0, $1) }
    return side
  }

  /// Draws records on several threads, and calls `body` with ln p of each under its model and under
  /// another, in order.
  ///
  /// - Throws: `StreamError` for a record that does not end within a hundred thousand tokens.
  fileprivate func forEachRecord<P: LanguageModel, Q: LanguageModel>(
    of model: P, besides other: Q, _ records: Range<Int>, _ body: (Double, Double) -> Void
  ) throws {
    let longest = 100_000
    let random = random
    let sampler = Sampler(
      model, adjustments: [], maximumCount: model.ending == .predicted ? longest : nil)
    let translation = TokenTranslation(from: model.vocabulary, to: other.vocabulary)
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
        // Few at a time, so that the first record without end is noticed.
        for first in stride(from: range.lowerBound, to: range.upperBound, by: sampler.batchCount) {
          let end = min(first + sampler.batchCount, range.upperBound)
          let drawn = try sampler.samples(
            of: [], records: UInt64(first)..<UInt64(end), random: random)
          if model.ending == .predicted, drawn.contains(where: { $0.count == longest }) {
            throw StreamError(
              .none, "a record drawn of the model does not end within \(longest) tokens",
              advice: "compare it with --data")
          }
          for tokens in drawn {
            block.tokens += tokens
            block.endRecord()
            isKnown.append(translation.translated(tokens) != nil)
            guard let tokens = translation.translated(tokens) else { continue }
            translated.tokens += tokens
            translated.endRecord()
          }
        }
        var others = try other.scored(translated).recordScores.makeIterator()
        return zip(try model.scored(block).recordScores, isKnown).map { own, isKnown in
          (own.logProbability, isKnown ? others.next()!.logProbability : -.infinity)
        }
      },
      emit: { (pairs: [(Double, Double)]) in for (own, others) in pairs { body(own, others) } })
  }
}
