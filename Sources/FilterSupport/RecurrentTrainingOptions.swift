// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Optimization

/// All about the training of a recurrent network: what it is made of, what it reads, and how it learns.
public struct RecurrentTrainingOptions<Cell: ExpressibleByArgument>: ParsableArguments {
  @OptionGroup(title: "Network") public var network: RecurrentNetworkOptions<Cell>
  @OptionGroup(title: "Data") public var data: TrainingDataOptions
  @OptionGroup(title: "Optimisation") public var optimisation: OptimisationOptions
  @OptionGroup(title: "Training") public var window: WindowOptions
  @OptionGroup(title: "Labellers") public var labelling: LabellerOptions
  @OptionGroup(title: "Running") public var running: RunningOptions

  public init() {}

  public func validate() throws {
    if data.valid == nil, optimisation.schedule == .plateau || window.needsValidation {
      throw ValidationError("--patience, --evaluate-every and --schedule plateau need --valid")
    }
    if labelling.transduce { try refuseOptionsOfLanguageModels() }
  }

  /// A labeller learns whole records, exactly, on one thread: what has no meaning there is refused.
  private func refuseOptionsOfLanguageModels() throws {
    let given = [
      ("tied", network.tied), ("embed", network.embed != nil), ("continuous", data.continuous),
      ("valid", data.valid != nil), ("min-count", data.minCount > 1),
      ("window", window.window != nil), ("time", window.time != nil),
      ("average", window.average != .none), ("dropout-embedding", window.dropoutEmbedding > 0),
      ("checkpoint", running.checkpoint != nil),
    ]
    if let (name, _) = given.first(where: \.1) {
      throw ValidationError("--transduce takes no --\(name)")
    }
  }

  /// How to train, with the library's defaults for what is not said.
  ///
  /// - usualEpochCount: the passes to make when no limit is given.
  public func options(
    seed: UInt64, usualEpochCount: (_ batch: Int, _ window: Int) -> Int
  ) -> TrainingOptions {
    var options = TrainingOptions()
    options.mode = data.continuous ? .continuous : .records
    options.laneCount = optimisation.batch ?? options.laneCount
    options.windowSteps = window.window ?? options.windowSteps
    (options.epochLimit, options.stepLimit) = (optimisation.epochs, window.steps)
    options.secondsLimit = window.time?.seconds
    if options.epochLimit == nil, options.stepLimit == nil, options.secondsLimit == nil {
      options.epochLimit = usualEpochCount(options.laneCount, options.windowSteps)
    }
    options.optimiser = optimisation.settings
    options.schedule = optimisation.schedule(defaultRate: options.schedule.rate)
    options.clip = optimisation.clip(default: options.clip)
    options.dropout = window.dropoutRates
    options.averaging = window.average
    (options.evaluationInterval, options.patience) = (window.evaluateEvery, window.patience)
    options.seed = seed
    return options
  }
}

/// What a model file holds, instead of training.
public struct DescriptionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Print what a model file holds instead of training.", valueName: "model"))
  public var describe: String?

  @Option(help: ArgumentHelp("With --describe: list N copies in time.", valueName: "n"))
  public var unroll = 0

  public init() {}

  public func validate() throws {
    if !(0...100_000).contains(unroll) || (unroll > 0 && describe == nil) {
      throw ValidationError("--unroll \(unroll) needs --describe and a number of steps")
    }
  }
}
