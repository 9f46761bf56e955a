// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// A step that changes the distribution of the next token: a decoding strategy.
///
/// Steps are applied one after the other, each to the distribution that the one before left.
public protocol Adjustment: Sendable {
  /// - distribution: log-probabilities; may be left unnormalised.
  /// - history: the tokens so far, the prompt's among them.
  func apply(to distribution: inout Distribution, after history: [Token])
}

/// The names of the steps, in the order in which they are applied unless an option says otherwise:
/// that of Hugging Face's `generate`.
public enum AdjustmentStep: String, CaseIterable, Sendable {
  case suppress, penalty, temperature
  case topK = "top-k"
  case topP = "top-p"
  case minP = "min-p"
  case typical
}

extension Distribution {
  /// Applies steps in order; what they leave are log-probabilities.
  public mutating func apply(_ adjustments: [any Adjustment], after history: [Token]) {
    if adjustments.isEmpty { normalise() }
    for adjustment in adjustments {
      adjustment.apply(to: &self, after: history)
      normalise()
    }
  }
}

/// The steps that are wanted, and their order.
public struct AdjustmentSettings: Sendable {
  /// Spellings of tokens that are never drawn.
  public var suppressed: [[UInt8]] = []
  public var penalty: Double?
  public var temperature: Double?
  public var topK: Int?
  public var topP: Double?
  public var minP: Double?
  public var typical: Double?
  private var order = AdjustmentStep.allCases

  public init() {}

  /// Sets the order of the steps in use, each of which is named once.
  ///
  /// - names: with commas.
  /// - Throws: `StreamError` for names that are not those of the steps in use.
  public mutating func setOrder(_ names: String) throws(StreamError) {
    order = []
    for name in names.split(separator: ",") {
      guard let step = AdjustmentStep(rawValue: String(name)) else {
        throw StreamError(
          .none, "--steps: '\(name)' is none of \(list(AdjustmentStep.allCases))")
      }
      order.append(step)
    }
    let used = AdjustmentStep.allCases.filter(isUsed)
    guard Set(order) == Set(used), order.count == used.count else {
      throw StreamError(
        .none, "--steps names '\(names)' where the steps in use are '\(list(used))'")
    }
  }

  private func list(_ steps: [AdjustmentStep]) -> String {
    steps.map(\.rawValue).joined(separator: ", ")
  }

  private func isUsed(_ step: AdjustmentStep) -> Bool {
    step == .suppress ? !suppressed.isEmpty : adjustment(step, []) != nil
  }

  /// The steps in use, in order.
  ///
  /// - Throws: `StreamError` for a suppressed token that the vocabulary does not have.
  public func adjustments(_ vocabulary: Vocabulary) throws(StreamError) -> [any Adjustment] {
    var tokens: [Token] = []
    for spelling in suppressed {
      guard let token = vocabulary.token(spelling) else {
        let text = String(decoding: spelling, as: UTF8.self)
        throw StreamError(.none, "--suppress: '\(text)' is no token of the model")
      }
      tokens.append(token)
    }
    return order.compactMap { adjustment($0, tokens) }
  }

  private func adjustment(_ step: AdjustmentStep, _ suppressed: [Token]) -> (any Adjustment)? {
    switch step {
    case .suppress: suppressed.isEmpty ? nil : Suppression(suppressed)
    case .penalty: penalty.map(RepetitionPenalty.init)
    case .temperature: temperature.map(Temperature.init)
    case .topK: topK.map(TopK.init)
    case .topP: topP.map(TopP.init)
    case .minP: minP.map(MinP.init)
    case .typical: typical.map(Typical.init)
    }
  }
}
