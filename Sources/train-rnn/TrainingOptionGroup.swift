// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Optimization
import RecurrentNetworks

extension OptimiserSettings.Method: ExpressibleByArgument {}
extension Schedule.Shape: ExpressibleByArgument {}

/// How the network is trained.
struct TrainingOptionGroup: ParsableArguments {
  @Flag(help: "Train on the stream as one run of text: the state goes on from record to record.")
  var continuous = false

  @Option(help: ArgumentHelp("Sequences side by side in a step.", valueName: "n"))
  var batch = 32

  @Option(help: ArgumentHelp("Steps through which gradients flow back.", valueName: "n"))
  var window = 128

  @Option(help: ArgumentHelp("Passes over the data (default: by its size).", valueName: "n"))
  var epochs: Int?

  @Option(help: ArgumentHelp("End after N steps.", valueName: "n"))
  var steps: Int?

  @Option(help: ArgumentHelp("End after a time: 90s, 10m, 2h.", valueName: "time"))
  var time: Duration?

  @Option(help: "Optimiser: adam, adamw, momentum or sgd.")
  var optimiser = OptimiserSettings.Method.adam

  @Option(help: ArgumentHelp("Learning rate at its highest.", valueName: "x"))
  var rate = 2e-3

  @Option(help: "Rate over time: cosine, constant, or plateau (halved when --valid stalls).")
  var schedule = Schedule.Shape.cosine

  @Option(help: ArgumentHelp("Steps in which the rate rises.", valueName: "n"))
  var warmUp = 0

  @Option(help: ArgumentHelp("Decay of the weights.", valueName: "x"))
  var weightDecay = 0.0

  @Option(help: ArgumentHelp("Largest norm of a gradient; 0 for any.", valueName: "x"))
  var clip = 1.0

  @Option(help: ArgumentHelp("Drop outputs of layers with probability P.", valueName: "p"))
  var dropout = 0.0

  @Option(help: ArgumentHelp("Drop elements of the embedded input.", valueName: "p"))
  var dropoutInput = 0.0

  @Option(help: ArgumentHelp("Drop whole symbols of the embedding.", valueName: "p"))
  var dropoutEmbedding = 0.0

  @Option(help: ArgumentHelp("Drop recurrent weights.", valueName: "p"))
  var dropoutRecurrent = 0.0

  @Flag(help: "Drop the same units at all steps of a window.")
  var lockedDropout = false

  @Option(
    help: ArgumentHelp(
      "Keep an average of the weights: ema=DECAY, or mean=SHARE of the training to skip.",
      valueName: "kind"))
  var average = AverageArgument(kind: .none)

  @Option(
    help: ArgumentHelp("Validate on FILE, or on a share such as 0.1.", valueName: "file"))
  var valid: String?

  @Option(
    help: ArgumentHelp("Steps between evaluations (default: an epoch).", valueName: "n"))
  var evaluateEvery: Int?

  @Option(
    help: ArgumentHelp("End after N evaluations without a better one.", valueName: "n"))
  var patience: Int?

  func validate() throws {
    let counts = [
      ("batch", batch), ("window", window), ("epochs", epochs ?? 1), ("steps", steps ?? 1),
      ("evaluate-every", evaluateEvery ?? 1), ("patience", patience ?? 1),
    ]
    for (name, value) in counts where !(1...1 << 40).contains(value) {
      throw ValidationError("--\(name) \(value) is less than 1")
    }
    let rates = [
      ("dropout", dropout), ("dropout-input", dropoutInput),
      ("dropout-embedding", dropoutEmbedding), ("dropout-recurrent", dropoutRecurrent),
    ]
    for (name, value) in rates where !(0..<1).contains(value) {
      throw ValidationError("--\(name) \(value) is not between 0 and 1")
    }
    for (name, value) in [("rate", rate), ("weight-decay", weightDecay), ("clip", clip)]
    where !(value >= 0 && value < 1e9) {
      throw ValidationError("--\(name) \(value) is less than 0")
    }
    if warmUp < 0 { throw ValidationError("--warm-up \(warmUp) is less than 0") }
    if valid == nil, patience != nil || evaluateEvery != nil || schedule == .plateau {
      throw ValidationError("--patience, --evaluate-every and --schedule plateau need --valid")
    }
    if let heldOutShare, !(0..<1).contains(heldOutShare) {
      throw ValidationError("--valid \(heldOutShare) is no share between 0 and 1")
    }
  }

  /// The share of the data that validates, when --valid is a number.
  var heldOutShare: Double? { valid.flatMap(Double.init) }

  var validationFile: String? { heldOutShare == nil ? valid : nil }

  /// - defaultEpochs: passes when no end is given.
  func options(seed: UInt64, defaultEpochs: Int) -> TrainingOptions {
    var options = TrainingOptions()
    options.mode = continuous ? .continuous : .records
    (options.laneCount, options.windowSteps) = (batch, window)
    (options.epochLimit, options.stepLimit, options.secondsLimit) = (epochs, steps, time?.seconds)
    if epochs == nil, steps == nil, time == nil { options.epochLimit = defaultEpochs }
    options.optimiser = OptimiserSettings(optimiser)
    options.optimiser.weightDecay = weightDecay
    options.schedule = Schedule(schedule, rate: rate, warmUpStepCount: warmUp)
    options.clip = clip == 0 ? nil : clip
    (options.dropout.betweenLayers, options.dropout.output) = (dropout, dropout)
    options.dropout.input = dropoutInput
    options.dropout.embeddingRows = dropoutEmbedding
    options.dropout.recurrentWeights = dropoutRecurrent
    options.dropout.isLocked = lockedDropout
    options.averaging = average.kind
    (options.evaluationInterval, options.patience) = (evaluateEvery, patience)
    options.seed = seed
    return options
  }
}

/// A time such as `90s`, `10m` or `1.5h`; seconds without a suffix.
struct Duration: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    let scale = ["s": 1.0, "m": 60, "h": 3600, "d": 86_400][String(argument.suffix(1))]
    let digits = scale == nil ? argument[...] : argument.dropLast()
    guard let number = Double(digits), number > 0, number < 1e9 else { return nil }
    seconds = number * (scale ?? 1)
  }
}

/// `ema=0.999` or `mean=0.5`.
struct AverageArgument: ExpressibleByArgument {
  let kind: AveragingKind

  init(kind: AveragingKind) { self.kind = kind }

  init?(argument: String) {
    let parts = argument.split(separator: "=")
    guard parts.count == 2, let number = Double(parts[1]), (0..<1).contains(number) else {
      return nil
    }
    switch parts[0] {
    case "ema": kind = .exponential(decay: number)
    case "mean": kind = .mean(from: number)
    default: return nil
    }
  }

  var defaultValueDescription: String { "none" }
}
