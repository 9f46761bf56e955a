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
    if model != nil, order != nil || prune != nil || !input.files.isEmpty {
      throw ValidationError("--model takes no counts, --order or --prune")
    }
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
    var counts = try NGramCounts(CountReader(paths: input.files))
    if let order { counts = try counts.shortened(to: order) }
    return try counts.estimated(by: smoothing, options) { remark in
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
