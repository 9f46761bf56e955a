// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
public import RecurrentNetworks

extension NetworkConfiguration.Cell: ExpressibleByArgument {}

/// What the network is made of.
struct NetworkOptions: ParsableArguments {
  @Option(help: "Recurrent cell: lstm, gru, or Elman's with tanh, logistic or relu units.")
  var cell = NetworkConfiguration.Cell.lstm

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
      "Begin with all weights uniform between -X and X (default: by layer width, output zero).",
      valueName: "x"))
  var initRange: Double?

  @Option(help: ArgumentHelp("Added to the LSTM's forget gate at the beginning.", valueName: "x"))
  var forgetBias = 1.0

  func validate() throws {
    for (name, value) in [("layers", layers), ("hidden", hidden), ("embed", embed ?? 1)]
    where !(1...1 << 20).contains(value) {
      throw ValidationError("--\(name) \(value) is not between 1 and \(1 << 20)")
    }
    if tied, let embed, embed != hidden {
      throw ValidationError("--tied needs --embed \(embed) to be --hidden \(hidden)")
    }
    if let initRange, !(initRange > 0 && initRange < 1e6) {
      throw ValidationError("--init-range \(initRange) is not above 0")
    }
  }

  var initialisation: Initialisation {
    Initialisation(range: initRange, forgetBias: forgetBias)
  }

  /// A language model over so many symbols.
  func languageModel(symbolCount: Int) -> NetworkConfiguration {
    .languageModel(
      cell: cell, symbolCount: symbolCount,
      embeddingWidth: embed ?? (tied ? hidden : max(1, hidden / 2)), hiddenWidth: hidden,
      layerCount: layers, isTied: tied, hasBiases: !noBias)
  }

  /// A labeller of columns like those of the records.
  ///
  /// - Throws: `StreamError` without records.
  func transducer(
    of records: [ColumnRecord], isSquared: Bool
  ) throws(StreamError) -> NetworkConfiguration {
    guard let first = records.first else {
      throw StreamError(
        .none, "no records to train on", advice: "write columns, a TAB, and targets")
    }
    return NetworkConfiguration(
      cell: cell, input: .columns(width: first.columns[0].count), layerCount: layers,
      hiddenWidth: hidden, outputCount: max(1, first.targets.first?.count ?? 0),
      output: isSquared ? .logisticSquared : .logistic, hasBiases: !noBias)
  }
}
