// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import NGrams

@main struct EstimateNGrams: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Estimate an n-gram model from counts.",
    discussion: "Writes ARPA, or counts under a line that names the estimator; see ngram-model(5).")

  @Option(
    help: ArgumentHelp(
      "Estimator: \(SmoothingMethod.names.joined(separator: ", ")).", valueName: "method"))
  var smoothing = "mle"

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var binary: BinaryOptions

  func run() throws {
    let sink = try binary.open(output)
    let counts = try NGramCounts(CountReader(paths: input.files))
    try counts.writeModel(
      smoothing, to: sink, form: binary.binary ? .binary(level: binary.level) : .text)
    try sink.finish()
  }
}
