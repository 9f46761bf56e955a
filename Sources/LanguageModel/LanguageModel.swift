// SPDX-License-Identifier: Apache-2.0

public import TokenStreams

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
}
