// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
public import NGrams

@main struct EstimateNGrams: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Estimate an n-gram model from counts, or convert one.",
    discussion: "Writes ARPA, or counts under a line that names the estimator; see ngram-model(5).")

  @Option(
    help: ArgumentHelp(
      "Estimator: \(SmoothingMethod.names.joined(separator: ", ")).", valueName: "method"))
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

  @Option(
    help: ArgumentHelp(
      "Tokens from which the weights of 'interpolate' are found.", valueName: "file"))
  var heldOut: [String] = []

  @Option(help: ArgumentHelp("Words to keep, one a line; others become <unk>.", valueName: "file"))
  var vocabulary: String?

  @Option(help: ArgumentHelp("Words seen less often become <unk>.", valueName: "n"))
  var minCount: UInt64 = 0

  @Option(
    name: [.customShort("m", allowingJoined: true), .long],
    help: ArgumentHelp("Convert this model instead of reading counts.", valueName: "file"))
  var model: String?

  @OptionGroup var input: CountInput
  @OptionGroup var output: OutputOptions
  @OptionGroup var binary: BinaryOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var verbosity: VerbosityOptions

  func validate() throws {
    if let order, !(1...CountBlock.maximumOrder).contains(order) {
      throw ValidationError("--order \(order) is not between 1 and \(CountBlock.maximumOrder)")
    }
    if model != nil, order != nil || openVocabulary != nil || isChanged || !input.files.isEmpty {
      throw ValidationError("--model is converted as it is: no counts, --order or other changes")
    }
    if pruneEntropy != nil, maxNgrams != nil {
      throw ValidationError("--prune-entropy and --max-ngrams exclude each other")
    }
    if let quantize, !(2...16).contains(quantize) {
      throw ValidationError("--quantize \(quantize) is not between 2 and 16")
    }
    guard (smoothing == .interpolate([])) == !heldOut.isEmpty || model != nil else {
      throw ValidationError("--held-out finds the weights of 'interpolate' without '=weights'")
    }
  }

  private var isChanged: Bool {
    prune != nil || pruneEntropy != nil || maxNgrams != nil || quantize != nil || !heldOut.isEmpty
      || vocabulary != nil || minCount > 0
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
    var counts = try NGramCounts(CountReader(paths: input.files))
    if let order { counts = try counts.shortened(to: order) }
    if vocabulary != nil || minCount > 0 {
      counts = try counts.limitingVocabulary(
        minimumCount: minCount, listed: vocabulary.map { try WordList(InputFile(path: $0)).words })
    }
    var method = smoothing
    if !heldOut.isEmpty {
      method = .interpolate(try counts.interpolationWeights(heldOut: heldOut))
      verbosity.note("\(method)")
    }
    return try counts.estimated(by: method, options) { remark in
      remark.isWarning ? verbosity.warn(remark.text) : verbosity.note(remark.text)
    }
  }
}

/// The operands: counts.
struct CountInput: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Counts of one order; standard input when none or '-'.", valueName: "file"))
  var files: [String] = []

  func validate() throws {
    if files.filter({ $0 == "-" }).count > 1 {
      throw ValidationError("standard input ('-') can be read only once")
    }
  }
}

/// Numbers that do not fall: `0,1,2`.
struct CountThresholds: ExpressibleByArgument {
  let values: [UInt64]

  init?(argument: String) {
    let numbers = argument.split(whereSeparator: { $0 == "," || $0 == " " }).map { UInt64($0) }
    guard !numbers.isEmpty, numbers.allSatisfy({ $0 != nil }) else { return nil }
    values = numbers.map { $0! }
    guard zip(values, values.dropFirst()).allSatisfy({ $0 <= $1 }), values[0] == 0 else {
      return nil
    }
  }
}

extension SmoothingMethod: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
  public var defaultValueDescription: String { description }
}
