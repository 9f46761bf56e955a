// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel
public import Probability
public import TokenStreams

/// Draws records from a model, token by token, each from the distribution that its adjustments leave.
public struct Sampler<Model: LanguageModel>: Sendable {
  private let model: Model
  private let adjustments: [any Adjustment]
  private let maximumCount: Int

  var batchCount: Int { model.batchCount }

  /// - maximumCount: tokens to draw at most in a record; nothing for the model's own measure: up to
  ///   `</s>`, the fixed width, or one token where records never end.
  public init(_ model: Model, adjustments: [any Adjustment], maximumCount: Int?) {
    self.model = model
    self.adjustments = adjustments
    self.maximumCount =
      maximumCount
      ?? {
        switch model.ending {
        case .predicted: .max
        case .after(let width): width
        case .never: 1
        }
      }()
  }

  /// The state after a prompt, and how many tokens may be drawn after it.
  ///
  /// - Throws: `StreamError` for a prompt that is longer than a model's fixed width.
  public func begin(_ prompt: [Token]) throws(StreamError) -> (state: Model.State, count: Int) {
    var count = maximumCount
    if case .after(let width) = model.ending {
      guard prompt.count <= width else {
        throw StreamError(
          .none, "a prompt of \(prompt.count) tokens is longer than the model's width of \(width)")
      }
      count = min(count, width - prompt.count)
    }
    var state = model.start
    for token in prompt { model.advance(&state, with: token) }
    return (state, count)
  }

  /// The adjusted distribution of the token after a prompt.
  ///
  /// - Throws: `StreamError` when the model defines none, or nothing can follow.
  public func distribution(after prompt: [Token]) throws(StreamError) -> Distribution {
    var distribution = Distribution(of: model, after: try begin(prompt).state)
    guard distribution.isDefined else { throw undefined(after: prompt) }
    distribution.apply(adjustments, after: prompt)
    guard distribution.isDefined else { throw allSuppressed }
    return distribution
  }

  /// Continues a prompt once for each number in `records`; the records without their `</s>`.
  ///
  /// The numbers, not the order or grouping of calls, decide what is drawn.
  ///
  /// - Throws: `StreamError` when the model does not define what follows the prompt.
  public func samples(
    of prompt: [Token], records: Range<UInt64>, random: RandomNumbers
  ) throws(StreamError) -> [[Token]] {
    var result: [[Token]] = []
    var next = records.lowerBound
    while next < records.upperBound {
      let batch = next..<min(records.upperBound, next + UInt64(model.batchCount))
      if model.batchCount > 1 {
        result += try drawInLockStep(prompt, records: batch, random: random)
      } else {
        result.append(try draw(prompt, record: next, random: random))
      }
      next = batch.upperBound
    }
    return result
  }

  private func draw(
    _ prompt: [Token], record: UInt64, random: RandomNumbers
  ) throws(StreamError) -> [Token] {
    try draw(prompt) { (state, distribution, step) throws(StreamError) in
      var numbers = random.numbers(record: record, step: step)
      if adjustments.isEmpty, let token = model.token(drawnAfter: state, with: &numbers) {
        return token
      }
      guard let row = try prepared(&distribution, after: state) else { return nil }
      return row.token(atCumulative: numbers.uniform())
    }
  }

  /// Continues a prompt with given uniform numbers instead of random ones.
  public func sample(of prompt: [Token], uniforms: UniformReader) throws(StreamError) -> [Token] {
    try draw(prompt) { (state, distribution, _) throws(StreamError) in
      guard let row = try prepared(&distribution, after: state) else { return nil }
      return row.token(atCumulative: try uniforms.next())
    }
  }

  /// One record: `choose` gives the token after a state, or nothing where none is defined.
  private func draw(
    _ prompt: [Token],
    choose: (Model.State, inout Workspace, UInt64) throws(StreamError) -> Token?
  ) throws(StreamError) -> [Token] {
    var (state, count) = try begin(prompt)
    var workspace = Workspace(tokens: prompt)
    var step: UInt64 = 0
    while step < count {
      guard let token = try choose(state, &workspace, step) else {
        if step > 0, model.ending == .never { break }
        throw undefined(after: workspace.tokens)
      }
      if model.ending == .predicted, token == model.vocabulary.end { break }
      workspace.tokens.append(token)
      model.advance(&state, with: token)
      step += 1
    }
    return workspace.tokens
  }

  /// What one record needs while it grows.
  private struct Workspace {
    var tokens: [Token]
    /// Filled only when a row is needed.
    var distribution: Distribution?
  }

  /// The adjusted row after a state, or nothing where the model defines none.
  private func prepared(
    _ workspace: inout Workspace, after state: Model.State
  ) throws(StreamError) -> Distribution? {
    if workspace.distribution == nil {
      workspace.distribution = Distribution(of: model, after: state)
    } else {
      workspace.distribution!.refill(from: model, after: state)
    }
    guard workspace.distribution!.isDefined else { return nil }
    workspace.distribution!.apply(adjustments, after: workspace.tokens)
    guard workspace.distribution!.isDefined else { throw allSuppressed }
    return workspace.distribution
  }

  /// Several records at a time, for families whose step is a matrix product.
  private func drawInLockStep(
    _ prompt: [Token], records: Range<UInt64>, random: RandomNumbers
  ) throws(StreamError) -> [[Token]] {
    let (start, count) = try begin(prompt)
    let width = model.vocabulary.count
    var tokens = records.map { _ in prompt }
    var alive = Array(tokens.indices)
    var states = alive.map { _ in start }
    var rows = [Double](repeating: 0, count: records.count * width)
    var step: UInt64 = 0
    while step < count, !alive.isEmpty {
      rows.withUnsafeMutableBufferPointer { buffer in
        var span = MutableSpan(
          _unsafeElements: UnsafeMutableBufferPointer(rebasing: buffer[..<(alive.count * width)]))
        model.logProbabilities(after: states, into: &span)
      }
      var drawn: [Token] = []
      var kept: [Int] = []
      for (row, sample) in alive.enumerated() {
        var distribution = Distribution(
          Array(rows[row * width..<(row + 1) * width]), vocabulary: model.vocabulary)
        guard distribution.isDefined else { throw undefined(after: tokens[sample]) }
        distribution.apply(adjustments, after: tokens[sample])
        guard distribution.isDefined else { throw allSuppressed }
        let record = records.lowerBound + UInt64(sample)
        let token = distribution.token(
          atCumulative: random.uniform(record: record, step: step))
        if model.ending == .predicted, token == model.vocabulary.end { continue }
        tokens[sample].append(token)
        drawn.append(token)
        kept.append(row)
      }
      if kept.count < alive.count {
        states = kept.map { states[$0] }
        alive = kept.map { alive[$0] }
      }
      model.advance(&states, with: drawn)
      step += 1
    }
    return tokens
  }

  private func undefined(after tokens: [Token]) -> StreamError {
    undefinedContinuation(after: tokens, model.vocabulary)
  }

  private var allSuppressed: StreamError {
    StreamError(.none, "every token that can follow is suppressed")
  }
}

/// The error of a model that says nothing about what follows `tokens`.
func undefinedContinuation(after tokens: [Token], _ vocabulary: Vocabulary) -> StreamError {
  let context = tokens.suffix(4).map {
    String(decoding: vocabulary.spelling(of: $0), as: UTF8.self)
  }
  return StreamError(
    .none, "the model does not define what follows '\(context.joined(separator: " "))'",
    advice: "estimate it with a smoothing that reaches unseen contexts, such as witten-bell")
}
