// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import NGrams

@main struct MixNGrams: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Mix n-gram models into one.",
    discussion:
      "Linear interpolation; weights given, or found on held-out tokens. See mix-ngrams(1).",
    example: "mix-ngrams -v -m a.arpa -m b.arpa held-out > mixed.arpa")

  @Option(
    name: [.customShort("m", allowingJoined: true), .long],
    help: ArgumentHelp("A model in back-off form; give two or more.", valueName: "file"))
  var model: [String] = []

  @Option(
    help: ArgumentHelp("Weights of the models, as 0.3,0.7 (default: equal).", valueName: "weights"))
  var weights: Weights?

  @OptionGroup var heldOut: HeldOutInput
  @OptionGroup var output: OutputOptions
  @Flag(name: .shortAndLong, help: "Write the binary form, which is mapped, instead of ARPA.")
  var binary = false

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    guard model.count >= 2 else { throw ValidationError("give --model twice or more") }
    if let weights, weights.values.count != model.count {
      throw ValidationError("\(weights.values.count) weights for \(model.count) models")
    }
    if weights != nil, !heldOut.files.isEmpty {
      throw ValidationError("--weights and held-out files exclude each other")
    }
  }

  func run() throws {
    let sink = try output.open()
    let mixture = try BackoffMixture(model.map { try BackoffModel(InputFile(path: $0)) })
    let found =
      heldOut.files.isEmpty
      ? weights?.values ?? Array(repeating: 1 / Double(model.count), count: model.count)
      : try mixture.weights(heldOut: heldOut.files)
    verbosity.note("weights " + found.map { "\($0)" }.joined(separator: ","))
    try mixture.mixed(found).write(to: sink, isBinary: binary, threads: threads.count)
    try sink.finish()
  }
}

/// The operands: token streams on which the weights are found.
struct HeldOutInput: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Held-out tokens from which the weights are found.", valueName: "file"))
  var files: [String] = []
}

/// Numbers that sum to one.
struct Weights: ExpressibleByArgument {
  let values: [Double]

  init?(argument: String) {
    let numbers = argument.split(separator: ",").map { Double($0) ?? -1 }
    let sum = numbers.reduce(0, +)
    guard numbers.allSatisfy({ $0 >= 0 }), abs(sum - 1) < 1e-6 else { return nil }
    values = numbers.map { $0 / sum }
  }
}
