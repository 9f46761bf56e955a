// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
public import NGrams

@main struct EstimateNGrams: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Estimate an n-gram model from counts, or convert one.",
    discussion: "Writes ARPA, or counts under a line that names the estimator; see ngram-model(5).",
    example: "tokenize --words text | count-ngrams -n 3 | estimate-ngrams > text.arpa")

  @Option(
    help: ArgumentHelp(
      "Estimator.", valueName: "method"))
  var smoothing = SmoothingMethod.modifiedKneserNey
  @Option(
    name: [.customShort("n", allowingJoined: true), .long],
    help: ArgumentHelp("Order of the model (default: that of the counts).", valueName: "n"))
  var order: Int?
  @Flag(
    inversion: .prefixedNo,
    help: "Give <unk> a share (default: only with the Kneser-Ney methods).")
  var openVocabulary: Bool?
  @Option(
    help: ArgumentHelp("Discounts of Kneser-Ney methods, as -v prints them.", valueName: "file"))
  var discounts: String?
  @Option(
    help: ArgumentHelp(
      "Leave out n-grams of order 1, 2, ... counted at most so often; as 0,1,2.",
      valueName: "counts"))
  var prune: CountThresholds?
  @Option(
    help: ArgumentHelp(
      "Leave out n-grams whose absence raises the perplexity by less than this share.",
      valueName: "share"))
  var pruneEntropy: Double?
  @Option(
    help: ArgumentHelp("Leave out the least useful n-grams above this number.", valueName: "n"))
  var maxNgrams: Int?
  @Option(
    help: ArgumentHelp(
      "Store values in so many bits each, 2 to 16, with less precision.", valueName: "bits"))
  var quantize: Int?
  @Option(help: ArgumentHelp("Tokens that give the weights of 'interpolate'.", valueName: "file"))
  var heldOut: [String] = []
  @Option(help: ArgumentHelp("Words to keep, one a line; others become <unk>.", valueName: "file"))
  var vocabulary: String?
  @Option(help: ArgumentHelp("Words seen less often become <unk>.", valueName: "n"))
  var minCount: UInt64 = 0
  @Option(
    name: [.customShort("m", allowingJoined: true), .long],
    help: ArgumentHelp("Convert this model instead of reading counts.", valueName: "file"))
  var model: String?
  @Argument(
    help: ArgumentHelp("Counts of one order; standard input when none or '-'.", valueName: "file"))
  var files: [String] = []

  @OptionGroup var output: OutputOptions
  @OptionGroup var binary: BinaryOptions
  @OptionGroup var memory: MemoryOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    func require(_ condition: Bool, _ problem: String) throws {
      if !condition { throw ValidationError(problem) }
    }
    try require((1...16).contains(order ?? 1), "--order is not between 1 and 16")
    let isChanged =
      openVocabulary != nil || prune != nil || pruneEntropy != nil || minCount > 0
      || order ?? maxNgrams ?? quantize != nil || vocabulary ?? discounts != nil
      || !(files + heldOut).isEmpty
    try require(
      model == nil || !isChanged,
      "--model is converted as it is: no counts, --order or other changes")
    try require(
      (pruneEntropy ?? 0) >= 0 && pruneEntropy != .infinity, "--prune-entropy is not 0 or more")
    try require(pruneEntropy == nil || maxNgrams == nil, "--prune-entropy excludes --max-ngrams")
    try require((2...16).contains(quantize ?? 2), "--quantize is not between 2 and 16")
    try require(
      (smoothing == .interpolate([])) == !heldOut.isEmpty || model != nil,
      "--held-out finds the weights of 'interpolate' without '=weights'")
    try require(
      discounts == nil || [.kneserNey, .modifiedKneserNey].contains(smoothing),
      "--discounts are for the Kneser-Ney methods")
    try require(files.count { $0 == "-" } <= 1, "standard input ('-') can be read only once")
  }

  func run() throws {
    let sink = try binary.open(output)
    try estimated().write(
      to: sink, isBinary: binary.binary, level: binary.level, threads: threads.count)
    try sink.finish()
  }

  private func estimated() throws -> EstimatedModel {
    if let model { return try EstimatedModel(InputFile(path: model)) }
    var options = EstimationOptions()
    options.isOpen = openVocabulary
    options.pruneThresholds = prune?.values ?? []
    options.entropyLimit =
      pruneEntropy.map { .perplexityIncrease($0) } ?? maxNgrams.map { .count($0) }
    options.quantizationBitCount = quantize
    if let discounts { options.discounts = try GivenDiscounts(InputFile(path: discounts)) }
    let selection = CountSelection(
      order: order, minimumCount: minCount,
      listed: try vocabulary.map { try WordList(InputFile(path: $0)).words })
    let resources = CountingResources(
      threads: threads.count, memoryByteCount: memory.byteCount, directory: memory.directory)
    return try EstimatedModel(
      estimating: CountReader(paths: files), selection, by: smoothing, heldOut: heldOut, options,
      resources
    ) { $0.isWarning ? verbosity.warn($0.text) : verbosity.note($0.text) }
  }
}

extension CountThresholds: ExpressibleByArgument {}
extension SmoothingMethod: ExpressibleByArgument {
  public static var allValueStrings: [String] { names }
}
