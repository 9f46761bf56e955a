// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import NGrams
import TokenStreams

@main struct CountNGrams: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Count the n-grams of token streams.",
    discussion: "Lines 'w1 w2 w3<TAB>count' in byte order; see count-ngrams(1).")

  @Option(
    name: [.customShort("n", allowingJoined: true), .long],
    help: ArgumentHelp("Tokens of an n-gram, 1 to 15.", valueName: "n"))
  var order = 3

  @Flag(help: "Do not predict the end of each record.")
  var noEos = false

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var binary: BinaryOptions

  func validate() throws {
    guard (1...15).contains(order) else {
      throw ValidationError("--order \(order) is not between 1 and 15")
    }
  }

  func run() throws {
    let sink = try binary.open(output)
    var rules = CountingRules(order: order)
    rules.predictsEnd = !noEos
    try countNGrams(
      in: input.files, terminator: input.terminator, rules: rules, to: sink,
      form: binary.binary ? .binary(level: binary.level) : .text)
    try sink.finish()
  }
}
