// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// What a recurrent network is made of.
///
/// - Cell: the kinds of cells that there are.
public struct RecurrentNetworkOptions<Cell: ExpressibleByArgument>: ParsableArguments {
  @Option(
    help: "Recurrent cell: lstm (the default), gru, or Elman's with tanh, logistic or relu units.")
  public var cell: Cell?

  @Option(help: ArgumentHelp("Layers of cells.", valueName: "n"))
  public var layers = 1

  @Option(help: ArgumentHelp("Units of each layer.", valueName: "n"))
  public var hidden = 256

  @Option(
    help: ArgumentHelp(
      "Width of the embedding (default: as --hidden when --tied, else half of it).",
      valueName: "n"))
  public var embed: Int?

  @Flag(help: "The output layer uses the embedding's weights.")
  public var tied = false

  @Flag(help: "No biases in any layer.")
  public var noBias = false

  @Option(
    help: ArgumentHelp(
      "Begin with all weights uniform between -X and X (default: by layer width).",
      valueName: "x"))
  public var initRange: Double?

  @Flag(help: "Begin with an output layer of zero: all symbols alike.")
  public var zeroOutput = false

  @Option(help: ArgumentHelp("Added to the LSTM's forget gate at the beginning.", valueName: "x"))
  public var forgetBias = 1.0

  public init() {}

  public func validate() throws {
    for (name, value) in [("layers", layers), ("hidden", hidden), ("embed", embed ?? 1)]
    where !(1...1 << 20).contains(value) {
      throw ValidationError("--\(name) \(value) is not between 1 and \(1 << 20)")
    }
    if tied, zeroOutput {
      throw ValidationError("--zero-output would make the embedding zero that --tied shares")
    }
    if tied, let embed, embed != hidden {
      throw ValidationError("--tied needs --embed \(embed) to be --hidden \(hidden)")
    }
    if let initRange, !(initRange > 0 && initRange < 1e6) {
      throw ValidationError("--init-range \(initRange) is not above 0")
    }
  }

  public var embeddingWidth: Int { embed ?? (tied ? hidden : max(1, hidden / 2)) }
}
