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
  @OptionGroup var memory: MemoryOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    guard (1...15).contains(order) else {
      throw ValidationError("--order \(order) is not between 1 and 15")
    }
  }

  func run() throws {
    let sink = try binary.open(output)
    var rules = CountingRules(order: order)
    rules.predictsEnd = !noEos
    let counting = NGramCounting(
      rules,
      CountingResources(
        threads: threads.count, memoryByteCount: memory.byteCount, directory: memory.directory))
    let progress = verbosity.progress("counting")
    try counting.read(input.files, terminator: input.terminator) { progress.update(byteCount: $0) }
    try counting.counts().write(
      to: sink, form: binary.binary ? .binary(level: binary.level) : .text)
    try sink.finish()
  }
}
