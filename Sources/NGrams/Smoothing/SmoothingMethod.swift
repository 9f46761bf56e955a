// SPDX-License-Identifier: Apache-2.0

/// How counts become probabilities, as the command line and model files name it: `laplace=0.1`.
public enum SmoothingMethod: Hashable, Sendable, CustomStringConvertible {
  case maximumLikelihood
  case laplace(Double)
  case stupid(Double)
  /// Absolute discounting with back-off to the unigrams' relative frequencies.
  case backoff(Double)
  case katz
  case wittenBell
  /// Weights of orders 1 to n; none: to be found by EM on held-out text.
  case interpolate([Double])
  /// Jelinek and Mercer's recursion: this weight for the lower order, at every order.
  case recursive(Double)
  case kneserNey
  case modifiedKneserNey

  /// The names, with what may follow `=`.
  public static let names = [
    "mle", "laplace[=k]", "backoff=d", "katz", "witten-bell", "interpolate[=w1,w2,...]",
    "recursive=w", "stupid[=a]", "kneser-ney", "modified-kneser-ney",
  ]

  /// Reads a command line's argument.
  public init?(argument: String) { self.init(argument) }

  /// Reads a description; nothing when it is none, or a parameter is out of range.
  public init?(_ description: String) {
    let parts = description.split(separator: "=", maxSplits: 1)
    guard let name = parts.first else { return nil }
    let values = parts.count < 2 ? [] : parts[1].split(separator: ",").map { Double($0) ?? .nan }
    guard parts.count < 2 || !values.isEmpty, values.allSatisfy({ $0 >= 0 && $0 < .infinity })
    else { return nil }
    let value = values.first
    switch (String(name), values.count) {
    case ("mle", 0): self = .maximumLikelihood
    case ("laplace", 0...1) where value != 0: self = .laplace(value ?? 1)
    case ("stupid", 0...1) where value.map({ $0 > 0 }) ?? true: self = .stupid(value ?? 0.4)
    case ("backoff", 1) where value! < 1: self = .backoff(value!)
    case ("katz", 0): self = .katz
    case ("witten-bell", 0): self = .wittenBell
    case ("interpolate", _) where values.isEmpty || values.contains { $0 > 0 }:
      self = .interpolate(values)
    case ("recursive", 1) where value! < 1: self = .recursive(value!)
    case ("kneser-ney", 0): self = .kneserNey
    case ("modified-kneser-ney", 0): self = .modifiedKneserNey
    default: return nil
    }
  }

  public var description: String {
    switch self {
    case .maximumLikelihood: "mle"
    case .laplace(let k): "laplace=\(k)"
    case .stupid(let factor): "stupid=\(factor)"
    case .backoff(let discount): "backoff=\(discount)"
    case .katz: "katz"
    case .wittenBell: "witten-bell"
    case .interpolate(let weights):
      weights.isEmpty
        ? "interpolate" : "interpolate=" + weights.map { "\($0)" }.joined(separator: ",")
    case .recursive(let weight): "recursive=\(weight)"
    case .kneserNey: "kneser-ney"
    case .modifiedKneserNey: "modified-kneser-ney"
    }
  }

  var isStupid: Bool { if case .stupid = self { true } else { false } }

  /// The rule of a model that is computed from counts, where the back-off form cannot express it.
  package var countRule: CountModel.Rule? {
    switch self {
    case .maximumLikelihood: .maximumLikelihood
    case .laplace(let k): .additive(k)
    case .stupid(let factor): .stupid(factor: factor)
    default: nil
    }
  }
}
