// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Optimization

extension OptimiserSettings.Method: ExpressibleByArgument {}
extension Schedule.Shape: ExpressibleByArgument {}

/// How the parameters of a network are moved: what all programs that train have in common. What has no
/// default here has one of the program's own.
public struct OptimisationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Sequences or records of a step.", valueName: "n"))
  public var batch: Int?

  @Option(help: ArgumentHelp("Passes over the data.", valueName: "n"))
  public var epochs: Int?

  @Option(help: "Optimiser: adamw, adam, momentum or sgd.")
  public var optimiser = OptimiserSettings.Method.adamw

  @Option(help: ArgumentHelp("Learning rate at its highest.", valueName: "x"))
  public var rate: Double?

  @Option(
    help: "Rate over time: cosine (down to 0), constant, or plateau (halved when --valid stalls).")
  public var schedule = Schedule.Shape.cosine

  @Option(help: ArgumentHelp("Steps in which the rate rises.", valueName: "n"))
  public var warmUp = 0

  @Option(
    help: ArgumentHelp(
      "Decay of the weights: beside the step of adamw, else in the gradient.", valueName: "x"))
  public var weightDecay = 0.0

  @Option(help: ArgumentHelp("Largest norm of a gradient; 0 for any.", valueName: "x"))
  public var clip: Double?

  public init() {}

  public func validate() throws {
    for (name, value) in [("batch", batch), ("epochs", epochs)] {
      if let value, !(1...1 << 40).contains(value) {
        throw ValidationError("--\(name) \(value) is less than 1")
      }
    }
    if let rate, !(rate > 0 && rate < 1e9) {
      throw ValidationError("--rate \(rate) is not above 0")
    }
    if let clip, !(clip >= 0) { throw ValidationError("--clip \(clip) is less than 0") }
    if !(0..<1).contains(weightDecay) {
      throw ValidationError("--weight-decay \(weightDecay) is not between 0 and 1")
    }
    if warmUp < 0 { throw ValidationError("--warm-up \(warmUp) is less than 0") }
  }

  public var settings: OptimiserSettings {
    var settings = OptimiserSettings(optimiser)
    settings.weightDecay = weightDecay
    return settings
  }

  public func schedule(defaultRate: Double) -> Schedule {
    Schedule(schedule, rate: rate ?? defaultRate, warmUpStepCount: warmUp)
  }

  /// The largest norm of a gradient, or nothing for any.
  public func clip(default usual: Double?) -> Double? { clip == 0 ? nil : clip ?? usual }
}
