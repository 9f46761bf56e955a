// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// What a long training leaves behind on its way.
public struct RunningOptions: ParsableArguments {
  @OptionGroup public var log: LogOptions

  @Option(help: ArgumentHelp("Steps between two rows of the log (default: 100).", valueName: "n"))
  public var logEvery: Int?

  @Option(
    help: ArgumentHelp(
      "Keep where training stands in FILE, also on SIGINT and SIGTERM.",
      valueName: "file"))
  public var checkpoint: String?

  @Flag(help: "Go on from the checkpoint if there is one.")
  public var resume = false

  public init() {}

  public func validate() throws {
    if let logEvery, logEvery < 1 {
      throw ValidationError("--log-every \(logEvery) is less than 1")
    }
    if logEvery != nil, log.log == nil { throw ValidationError("--log-every needs --log") }
    if resume, checkpoint == nil { throw ValidationError("--resume needs --checkpoint") }
  }
}

/// What a labeller's outputs are trained to.
public enum LabellerLoss: String, ExpressibleByArgument, CaseIterable {
  case crossEntropy = "cross-entropy"
  case squared
}

/// Training a labeller of columns instead of a language model.
public struct LabellerOptions: ParsableArguments {
  @Flag(help: "Train a labeller: each record is columns, a TAB, and a target for each.")
  public var transduce = false

  @Option(help: "Loss of a labeller: cross-entropy (the default) or squared.")
  public var loss: LabellerLoss?

  public init() {}

  public func validate() throws {
    if loss != nil, !transduce { throw ValidationError("--loss needs --transduce") }
  }
}
