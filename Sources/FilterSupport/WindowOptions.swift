// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Optimization

/// How a recurrent network is trained, beside what all trainers have in common.
public struct WindowOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Steps through which gradients flow back (default: 128).", valueName: "n"))
  public var window: Int?

  @Option(help: ArgumentHelp("End after N steps.", valueName: "n"))
  public var steps: Int?

  @Option(help: ArgumentHelp("End after a time: 90s, 10m, 2h.", valueName: "time"))
  public var time: TimeSpan?

  @Option(help: ArgumentHelp("Drop outputs of layers with probability P.", valueName: "p"))
  public var dropout = 0.0

  @Option(help: ArgumentHelp("Drop elements of the embedded input.", valueName: "p"))
  public var dropoutInput = 0.0

  @Option(help: ArgumentHelp("Drop whole symbols of the embedding.", valueName: "p"))
  public var dropoutEmbedding = 0.0

  @Option(help: ArgumentHelp("Drop recurrent weights.", valueName: "p"))
  public var dropoutRecurrent = 0.0

  @Flag(help: "Drop the same units at all steps of a window.")
  public var lockedDropout = false

  @Option(
    help: ArgumentHelp(
      "Keep an average of the weights: ema=DECAY, or mean=SHARE of the training to skip.",
      valueName: "kind"))
  public var average = AveragingKind.none

  @Option(
    help: ArgumentHelp("Steps between evaluations (default: an epoch).", valueName: "n"))
  public var evaluateEvery: Int?

  @Option(
    help: ArgumentHelp("End after N evaluations without a better one.", valueName: "n"))
  public var patience: Int?

  public init() {}

  public func validate() throws {
    let counts = [
      ("window", window), ("steps", steps), ("evaluate-every", evaluateEvery),
      ("patience", patience),
    ]
    for (name, value) in counts {
      if let value, !(1...1 << 40).contains(value) {
        throw ValidationError("--\(name) \(value) is less than 1")
      }
    }
    let rates = [
      ("dropout", dropout), ("dropout-input", dropoutInput),
      ("dropout-embedding", dropoutEmbedding), ("dropout-recurrent", dropoutRecurrent),
    ]
    for (name, value) in rates where !(0..<1).contains(value) {
      throw ValidationError("--\(name) \(value) is not between 0 and 1")
    }
  }

  public var needsValidation: Bool { patience != nil || evaluateEvery != nil }

  public var dropoutRates: DropoutRates {
    var rates = DropoutRates()
    (rates.betweenLayers, rates.output) = (dropout, dropout)
    rates.input = dropoutInput
    rates.embeddingRows = dropoutEmbedding
    rates.recurrentWeights = dropoutRecurrent
    rates.isLocked = lockedDropout
    return rates
  }
}

/// A time such as `90s`, `10m` or `1.5h`; seconds without a suffix.
public struct TimeSpan: ExpressibleByArgument, Sendable {
  public let seconds: Double

  public init?(argument: String) {
    let scale = ["s": 1.0, "m": 60, "h": 3600, "d": 86_400][String(argument.suffix(1))]
    let digits = scale == nil ? argument[...] : argument.dropLast()
    guard let number = Double(digits), number > 0, number < 1e9 else { return nil }
    seconds = number * (scale ?? 1)
  }
}

/// `ema=0.999` or `mean=0.5`.
extension AveragingKind: ExpressibleByArgument {
  public init?(argument: String) {
    let parts = argument.split(separator: "=")
    guard parts.count == 2, let number = Double(parts[1]), (0..<1).contains(number) else {
      return nil
    }
    switch parts[0] {
    case "ema": self = .exponential(decay: number)
    case "mean": self = .mean(from: number)
    default: return nil
    }
  }

  public var defaultValueDescription: String { "none" }
}
