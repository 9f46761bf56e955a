// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// A record that has a probability, and its logarithm in nats.
public typealias RecordOutcome = (tokens: [Token], logProbability: Double)

/// A distribution over whole records: a model's, or that of data.
public protocol RecordDistribution {
  /// ln p of one record; −∞ for one that is impossible or that the model does not define.
  func logProbability(ofRecord tokens: [Token]) -> Double
}

/// The records of a model, by the chain rule.
public struct ModelRecords<Model: LanguageModel>: RecordDistribution {
  private let model: Model
  /// From the model's own tokens to those that records are given in, and back.
  private let outward: TokenTranslation
  private let inward: TokenTranslation

  /// - vocabulary: the tokens of records; the model's own if nothing is said.
  public init(_ model: Model, in vocabulary: Vocabulary? = nil) {
    self.model = model
    outward = TokenTranslation(from: model.vocabulary, to: vocabulary ?? model.vocabulary)
    inward = TokenTranslation(from: vocabulary ?? model.vocabulary, to: model.vocabulary)
  }

  /// What is looked at before records count as too many: beginnings, probabilities, tokens held.
  private static var limits: (beginnings: Int, probabilities: Int, tokens: Int) {
    (200_000, 1 << 29, 10_000_000)
  }

  /// Every record that has a probability; nothing when they are too many to look at each.
  ///
  /// In order of token numbers; one token where records never end. Records that the vocabulary lacks
  /// a token for hold `TokenTranslation.none` alone.
  public func outcomes() -> [RecordOutcome]? {
    let limits = Self.limits
    var result: [RecordOutcome] = []
    var row = [Double](repeating: 0, count: model.vocabulary.count)
    // A beginning holds the state before its last token: siblings share that.
    var open: [(tokens: [Token], parent: Model.State, logProbability: Double)] = [
      ([], model.start, 0)
    ]
    var visitedCount = 0
    // Beginnings without end grow longer before they are many: what is held open counts in tokens.
    var openTokenCount = 0
    while let beginning = open.popLast() {
      visitedCount += 1
      openTokenCount -= beginning.tokens.count
      // Each open beginning leads to one record at least.
      guard visitedCount + open.count <= limits.beginnings,
        visitedCount * row.count <= limits.probabilities, beginning.tokens.count <= 10_000,
        openTokenCount <= limits.tokens
      else { return nil }
      var state = beginning.parent
      if let last = beginning.tokens.last { model.advance(&state, with: last) }
      row.withUnsafeMutableBufferPointer {
        var span = MutableSpan(_unsafeElements: $0)
        model.logProbabilities(after: state, into: &span)
      }
      for token in row.indices.reversed() where row[token] > -.infinity {
        let logProbability = beginning.logProbability + row[token]
        if model.ending == .predicted, Token(token) == model.vocabulary.end {
          result.append((beginning.tokens, logProbability))
          continue
        }
        let tokens = beginning.tokens + [Token(token)]
        if model.ending == .never || model.ending == .after(tokens.count) {
          result.append((tokens, logProbability))
          continue
        }
        open.append((tokens, state, logProbability))
        openTokenCount += tokens.count
      }
    }
    return result.map {
      (outward.translated($0.tokens) ?? [TokenTranslation.none], $0.logProbability)
    }
  }

  public func logProbability(ofRecord tokens: [Token]) -> Double {
    guard let tokens = inward.translated(tokens) else { return -.infinity }
    var state = model.start
    var total = 0.0
    for token in tokens { total += model.logProbability(of: token, advancing: &state) }
    if model.ending == .predicted {
      total += model.logProbability(of: model.vocabulary.end!, after: state)
    }
    return total.isNaN ? -.infinity : total
  }
}

/// The records of a token stream, each as probable as it is frequent.
public struct RecordFrequencies: RecordDistribution {
  private var counts: [[Token]: Int] = [:]
  /// In order of appearance, so that sums are the same in every run.
  private var records: [[Token]] = []
  private var total = 0

  /// - reader: in the vocabulary of the model that it is compared with.
  /// - ending: as the model's; where records never end, every token is one by itself.
  /// - Throws: `StreamError` for an empty stream, and records of another width than the model's.
  public init(_ reader: TokenReader, ending: RecordEnding) throws(StreamError) {
    while let block = try reader.next() {
      if case .after(let width) = ending { try block.check(width: width) }
      var start = 0
      for end in block.recordEnds {
        let tokens = block.tokens[start..<end]
        if ending == .never { for token in tokens { add([token]) } } else { add(Array(tokens)) }
        start = end
      }
    }
    guard total > 0 else { throw StreamError(.none, "no record to compare with") }
  }

  private mutating func add(_ tokens: [Token]) {
    total += 1
    counts[tokens, default: 0] += 1
    if counts[tokens] == 1 { records.append(tokens) }
  }

  /// In order of appearance.
  public func outcomes() -> [RecordOutcome] {
    records.map { ($0, logProbability(ofRecord: $0)) }
  }

  public func logProbability(ofRecord tokens: [Token]) -> Double {
    log(Double(counts[tokens] ?? 0)) - log(Double(total))
  }
}
