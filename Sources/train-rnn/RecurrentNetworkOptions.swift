// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import RecurrentNetworks

/// What a recurrent network is made of.
struct RecurrentNetworkOptions: ParsableArguments {
  @Option(
    help: "Recurrent cell: lstm (the default), gru, or Elman's with tanh, logistic or relu units.")
  var cell: NetworkConfiguration.Cell?

  @Option(help: ArgumentHelp("Layers of cells.", valueName: "n"))
  var layers = 1

  @Option(help: ArgumentHelp("Units of each layer.", valueName: "n"))
  var hidden = 256

  @Option(
    help: ArgumentHelp(
      "Width of the embedding (default: as --hidden when --tied, else half of it).",
      valueName: "n"))
  var embed: Int?

  @Flag(help: "The output layer uses the embedding's weights.")
  var tied = false

  @Flag(help: "No biases in any layer.")
  var noBias = false

  @Option(
    help: ArgumentHelp(
      "Begin with all weights uniform between -X and X (default: by layer width).",
      valueName: "x"))
  var initRange: Double?

  @Flag(help: "Begin with an output layer of zero: all symbols alike.")
  var zeroOutput = false

  @Option(help: ArgumentHelp("Added to the LSTM's forget gate at the beginning.", valueName: "x"))
  var forgetBias = 1.0

  func validate() throws {
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

  var embeddingWidth: Int { embed ?? (tied ? hidden : max(1, hidden / 2)) }
}

extension NetworkConfiguration.Cell: ExpressibleByArgument {}
