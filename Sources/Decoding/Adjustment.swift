// SPDX-License-Identifier: Apache-2.0

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
  /// Applies steps in order and normalises what they leave.
  public mutating func apply(_ adjustments: [any Adjustment], after history: [Token]) {
    for adjustment in adjustments {
      adjustment.apply(to: &self, after: history)
      normalise()
    }
  }
}

/// The steps that are wanted, and their order.
public struct AdjustmentSettings: Sendable {
  public var suppressed: [Token] = []
  public var penalty: Double?
  public var temperature: Double?
  public var topK: Int?
  public var topP: Double?
  public var minP: Double?
  public var typical: Double?
  public var order = AdjustmentStep.allCases

  public init() {}

  /// The steps in use.
  public var steps: [AdjustmentStep] { AdjustmentStep.allCases.filter { adjustment($0) != nil } }

  /// The steps in use, in order; steps that the order leaves out are not applied.
  public var adjustments: [any Adjustment] { order.compactMap(adjustment) }

  private func adjustment(_ step: AdjustmentStep) -> (any Adjustment)? {
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
