// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel
internal import Probability
public import TokenStreams

/// Looks for the likeliest records after a prompt, keeping the B best beginnings at every step.
///
/// A beginning that ends takes one of the B places of its step and leaves the beam. Ties go to the
/// bytewise smaller record. Width 1 is greedy decoding.
public struct BeamSearch<Model: LanguageModel> {
  private let model: Model
  private let width: Int
  private let settings: SearchSettings

  public init(_ model: Model, width: Int, settings: SearchSettings) {
    precondition(width > 0 && settings.count > 0)
    self.model = model
    self.width = width
    self.settings = settings
  }

  /// A beginning that the beam holds.
  private struct Live {
    var tokens: [Token]
    var logProbability: Double
    var node: Int
  }

  /// One more symbol after a live beginning.
  private struct Extension {
    var parent: Int
    var token: Token
    var logProbability: Double
  }

  /// The best records after `prompt`, best first: complete ones, and where they are too few, the best
  /// of those cut at the maximum length.
  ///
  /// - trace: notes every step when given.
  /// - Throws: `StreamError` when the model does not define what follows the prompt.
  public func search(after prompt: [Token], trace: SearchTrace? = nil) throws(StreamError)
    -> [Hypothesis]
  {
    let vocabulary = model.vocabulary
    let end = model.ending == .predicted ? vocabulary.end : nil
    var finished = FinishedHypotheses(settings.count, vocabulary)
    var cut = FinishedHypotheses(settings.count, vocabulary)
    var start = model.start
    for token in prompt { model.advance(&start, with: token) }
    var states = [start]
    var live = [Live(tokens: prompt, logProbability: 0, node: 0)]
    var length = 0
    while !live.isEmpty, length < settings.maximumLength {
      length += 1
      let extensions = try extended(live, states, keeping: trace == nil ? width : 2 * width)
      var next: [Live] = []
      var parents: [Int] = []
      for (rank, candidate) in extensions.enumerated() {
        let parent = live[candidate.parent]
        let node = trace?.add(
          candidate.token, logProbability: candidate.logProbability, after: parent.node,
          isKept: rank < width)
        guard rank < width else { continue }
        let isComplete = candidate.token == end
        let tokens = isComplete ? parent.tokens : parent.tokens + [candidate.token]
        if !isComplete, length < settings.maximumLength {
          next.append(
            Live(tokens: tokens, logProbability: candidate.logProbability, node: node ?? 0))
          parents.append(candidate.parent)
          continue
        }
        let hypothesis = Hypothesis(
          tokens: tokens, length: length, logProbability: candidate.logProbability,
          score: settings.normalisation.score(candidate.logProbability, length: length))
        if isComplete || end == nil {
          finished.offer(hypothesis)
        } else {
          cut.offer(hypothesis)
        }
      }
      states = parents.map { states[$0] }
      model.advance(&states, with: next.map { $0.tokens.last! })
      live = next
      if finished.isFull, live.allSatisfy({ finished.excludes(bound: bound($0, length)) }) { break }
    }
    let complete = finished.sorted()
    let result = complete + cut.sorted().prefix(settings.count - complete.count)
    trace?.finish(result, prompt: prompt)
    return result
  }

  private func bound(_ live: Live, _ length: Int) -> Double {
    settings.normalisation.bound(
      live.logProbability, length: length, maximumLength: settings.maximumLength)
  }

  /// The best extensions of all live beginnings, best first.
  private func extended(_ live: [Live], _ states: [Model.State], keeping count: Int)
    throws(StreamError) -> [Extension]
  {
    let vocabulary = model.vocabulary
    var rows = [Double](repeating: 0, count: live.count * vocabulary.count)
    rows.withUnsafeMutableBufferPointer {
      var span = MutableSpan(_unsafeElements: $0)
      model.logProbabilities(after: states, into: &span)
    }
    // All have the same length, so byte order of beginnings decides before that of tokens.
    let order = live.indices.sorted {
      bytewisePrecedes(live[$0].tokens, live[$1].tokens, vocabulary)
    }
    var rank = live.map { _ in 0 }
    for (position, index) in order.enumerated() { rank[index] = position }
    var best = Best<Extension>(count) { a, b in
      let (x, y) = (tieKey(a.logProbability), tieKey(b.logProbability))
      if x != y { return x > y }
      if a.parent != b.parent { return rank[a.parent] < rank[b.parent] }
      return vocabulary.precedes(a.token, b.token)
    }
    for (parent, beginning) in live.enumerated() {
      var isDefined = false
      for token in 0..<vocabulary.count {
        let logProbability = rows[parent * vocabulary.count + token]
        // Not a number: the model says nothing here; nor does it of any other token.
        guard logProbability > -.infinity else { continue }
        isDefined = true
        let total = beginning.logProbability + logProbability
        if let worst = best.worst, total < worst.logProbability - 1e-9 { continue }
        best.offer(Extension(parent: parent, token: Token(token), logProbability: total))
      }
      guard isDefined || model.ending == .never else {
        throw undefinedContinuation(after: beginning.tokens, vocabulary)
      }
    }
    return best.sorted()
  }
}
