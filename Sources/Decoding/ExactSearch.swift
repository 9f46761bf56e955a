// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel
public import TokenStreams

/// Finds the likeliest records after a prompt for certain: best-first search, where a beginning is
/// bounded by what it has cost so far, since no continuation makes it more probable.
///
/// For small models: the beginnings that must be looked at grow exponentially with the length.
public struct ExactSearch<Model: LanguageModel> {
  /// Beginnings held at most.
  public static var largestQueueCount: Int { 2_000_000 }

  private let model: Model
  private let settings: SearchSettings

  public init(_ model: Model, settings: SearchSettings) {
    self.model = model
    self.settings = settings
  }

  private struct Open {
    var tokens: [Token]
    var state: Model.State
    var logProbability: Double
    var length: Int
    var bound: Double
  }

  /// The best records, best first.
  ///
  /// - Throws: `StreamError` when the model does not define what follows the prompt, or the search
  ///   outgrows its queue.
  public func search(after prompt: [Token]) throws(StreamError) -> [Hypothesis] {
    let vocabulary = model.vocabulary
    let end = model.ending == .predicted ? vocabulary.end : nil
    var finished = FinishedHypotheses(settings.count, vocabulary)
    var start = model.start
    for token in prompt { model.advance(&start, with: token) }
    var queue = PriorityQueue<Open> { $0.bound > $1.bound }
    queue.push(Open(tokens: prompt, state: start, logProbability: 0, length: 0, bound: 0))
    var row = Distribution(of: model, after: start)
    while let open = queue.pop(), !finished.excludes(bound: open.bound) {
      if open.length == settings.maximumLength { continue }
      row.refill(from: model, after: open.state)
      guard row.isDefined || model.ending == .never else {
        throw undefinedContinuation(after: open.tokens, vocabulary)
      }
      for token in 0..<vocabulary.count where row.logWeights[token] > -.infinity {
        let logProbability = open.logProbability + row.logWeights[token]
        let length = open.length + 1
        let isComplete = Token(token) == end
        if isComplete || (end == nil && length == settings.maximumLength) {
          finished.offer(
            Hypothesis(
              tokens: isComplete ? open.tokens : open.tokens + [Token(token)], length: length,
              logProbability: logProbability,
              score: settings.normalisation.score(logProbability, length: length)))
          continue
        }
        let bound = settings.normalisation.bound(
          logProbability, length: length, maximumLength: settings.maximumLength)
        if finished.excludes(bound: bound) { continue }
        var state = open.state
        model.advance(&state, with: Token(token))
        queue.push(
          Open(
            tokens: open.tokens + [Token(token)], state: state, logProbability: logProbability,
            length: length, bound: bound))
      }
      guard queue.count <= ExactSearch.largestQueueCount else {
        throw StreamError(
          .none, "an exact search holds more than \(ExactSearch.largestQueueCount) beginnings",
          advice: "lower --max-tokens, or search with --width")
      }
    }
    return finished.sorted()
  }
}
