// SPDX-License-Identifier: Apache-2.0

public import Probability
public import TokenStreams

/// How a record ends under a model.
public enum RecordEnding: Hashable, Sendable {
  /// By `</s>`, which is predicted like any token.
  case predicted
  /// By itself, after so many tokens: a fixed width.
  case after(Int)
  /// Not at all: a model of counts without ends (`--no-eos`), such as a histogram.
  case never
}

/// p(next token | tokens so far), for any family of models.
///
/// The chain rule makes a model of whole sequences out of it: p(x) = Π p(x_t | x_<t).
/// All log-probabilities are natural logarithms (nats). Zero is −∞; NaN says that the model does not
/// define the distribution after this state (0/0, as a maximum-likelihood model after an unseen context).
public protocol LanguageModel: Sendable {
  /// All that the model remembers of the tokens so far.
  associatedtype State: Sendable

  /// The tokens it predicts, `</s>` among them, and `<s>`, which it never does.
  var vocabulary: Vocabulary { get }

  /// The state at the beginning of a record, after `<s>`.
  var start: State { get }

  /// Moves `state` on by one token.
  func advance(_ state: inout State, with token: Token)

  /// Fills `row` with the distribution of the token after `state`.
  ///
  /// - row: [vocabulary.count], nats; sums to one, or is NaN throughout when undefined.
  func logProbabilities(after state: State, into row: inout MutableSpan<Double>)

  /// The log-probability of one token, without filling a row.
  func logProbability(of token: Token, after state: State) -> Double

  /// How records end. Only where `</s>` is predicted does it have a probability.
  var ending: RecordEnding { get }

  /// The log-probability of `token` after `state`, which then moves on by it: one look-up in families
  /// where `logProbability` and `advance` would each make one.
  func logProbability(of token: Token, advancing state: inout State) -> Double

  /// The log-probabilities of all tokens of some records, each given those before it in its record:
  /// the seam that scoring crosses once a block, so that a family can look ahead or across records.
  ///
  /// - scores: [block.tokens.count + block.recordEnds.count], nats; the tokens of a record and then
  ///   its `</s>`, which is 0 unless the model predicts it.
  func logProbabilities(ofRecordsIn block: TokenBlock, into scores: inout MutableSpan<Double>)

  /// Draws the token after `state` without filling a row, or nothing when the family cannot or the
  /// distribution is undefined.
  func token(drawnAfter state: State, with numbers: inout StepNumbers) -> Token?

  /// How many states move on together at about the price of one.
  var batchCount: Int { get }

  /// Moves several states on, each by its own token.
  ///
  /// A family whose step is a matrix product does all of them at once.
  func advance(_ states: inout [State], with tokens: [Token])

  /// Fills `rows` with the distributions after several states.
  ///
  /// - rows: [states.count, vocabulary.count], row-major, nats.
  func logProbabilities(after states: [State], into rows: inout MutableSpan<Double>)

  /// Whether the probabilities of a context sum to one; stupid back-off's do not.
  var isDistribution: Bool { get }
}

extension LanguageModel {
  public func advance(_ states: inout [State], with tokens: [Token]) {
    precondition(states.count == tokens.count)
    for index in states.indices { advance(&states[index], with: tokens[index]) }
  }

  public func logProbabilities(after states: [State], into rows: inout MutableSpan<Double>) {
    let width = vocabulary.count
    precondition(rows.count == states.count * width)
    rows.withUnsafeMutableBufferPointer { rows in
      for index in states.indices {
        let range = index * width..<(index + 1) * width
        var row = MutableSpan(_unsafeElements: UnsafeMutableBufferPointer(rebasing: rows[range]))
        logProbabilities(after: states[index], into: &row)
      }
    }
  }

  public var isDistribution: Bool { true }

  public var ending: RecordEnding { .predicted }

  public var batchCount: Int { 1 }

  @inlinable public func logProbability(of token: Token, advancing state: inout State) -> Double {
    let result = logProbability(of: token, after: state)
    advance(&state, with: token)
    return result
  }

  @inlinable public func token(drawnAfter state: State, with numbers: inout StepNumbers) -> Token? {
    nil
  }

  public func logProbabilities(
    ofRecordsIn block: TokenBlock, into scores: inout MutableSpan<Double>
  ) {
    if batchCount > 1 {
      scoreInLockStep(block, into: &scores)
    } else {
      scoreOneByOne(block, into: &scores)
    }
  }
}
