// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import NGrams
import TokenStreams

@main struct CountNGrams: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Count the n-grams of token streams, or merge counts.",
    discussion: "Writes lines 'w1 w2 w3<TAB>count' in byte order; see ngram-counts(5).",
    example: "tokenize --words text | count-ngrams -n 3 > counts")

  @Option(
    name: [.customShort("n", allowingJoined: true), .long],
    help: ArgumentHelp("Tokens of an n-gram, 1 to 15 (default: 3).", valueName: "n"))
  var order: Int?

  @Flag(help: "Do not predict the end of each record.")
  var noEos = false

  @Option(help: ArgumentHelp("Pad contexts with TOKEN instead of <s>.", valueName: "token"))
  var pad: String?

  @Flag(help: "Count each position of a record by itself: n-grams begin with \\@position.")
  var positional = false

  @Option(
    help: ArgumentHelp("Count words that are not listed in FILE as <unk>.", valueName: "file"))
  var vocabulary: String?

  @Option(help: ArgumentHelp("Leave out n-grams seen fewer than N times.", valueName: "n"))
  var minCount: UInt64 = 1

  @Flag(help: "The input is counts in byte order, text or binary: add them up.")
  var merge = false

  @Option(
    help: ArgumentHelp(
      "Add what is counted to the counts in FILE (may be repeated).", valueName: "file"))
  var add: [String] = []

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var binary: BinaryOptions
  @OptionGroup var memory: MemoryOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    if let order, !(1...15).contains(order) {
      throw ValidationError("--order \(order) is not between 1 and 15")
    }
    if merge, noEos || positional || pad != nil || vocabulary != nil || input.zeroTerminated {
      throw ValidationError(
        "--merge takes no option that says what to count: --no-eos, --pad, --positional, "
          + "--vocabulary, --zero-terminated")
    }
    if let pad, pad.isEmpty || pad.utf8.contains(where: { $0 <= 0x20 }) || pad == "</s>" {
      throw ValidationError("--pad '\(pad)' is no token")
    }
  }

  func run() throws {
    let sink = try binary.open(output)
    let form = binary.binary ? CountWriter.Form.binary(level: binary.level) : .text
    // What is counted and added at once shares the memory.
    let resources = CountingResources(
      threads: threads.count, memoryByteCount: memory.byteCount / (add.isEmpty || merge ? 1 : 2),
      directory: memory.directory)
    let merging = CountMerging(
      resources, order: merge ? order : nil, minimumCount: minCount)
    if merge {
      try merging.add(input.files + add)
      try merging.write(to: sink, form: form)
    } else {
      let counts = try count(resources)
      if add.isEmpty {
        try counts.write(to: sink, form: form)
      } else {
        try merging.add(counts)
        try merging.add(add)
        try merging.write(to: sink, form: form)
      }
    }
    try sink.finish()
  }

  private func count(_ resources: CountingResources) throws -> SortedCounts {
    var rules = CountingRules(order: order ?? 3)
    rules.predictsEnd = !noEos
    if let pad, pad != "<s>" { rules.padding = Spelling.canonical(Array(pad.utf8)) }
    rules.isPositional = positional
    rules.vocabulary = try vocabulary.map { try Vocabulary(listAt: $0) }
    // What is added to other counts may pass the bound with them.
    rules.minimumCount = add.isEmpty ? minCount : 1
    if let warning = resources.spaceWarning(for: input.files, order: rules.order) {
      verbosity.warn(warning)
    }
    let counting = NGramCounting(rules, resources)
    let progress = verbosity.progress("reading")
    try counting.read(input.files, terminator: input.terminator) { progress.update(byteCount: $0) }
    progress.finish()
    let counts = try counting.counts()
    verbosity.note(counting.description)
    return counts
  }
}
