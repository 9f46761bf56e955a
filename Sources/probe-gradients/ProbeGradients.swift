// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import RecurrentNetworks
import TensorFiles

@main struct ProbeGradients: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Look at the gradients of a recurrent network: how far back they reach, and whether "
      + "they are right.",
    discussion: """
      With --model, reads the model's sequences and prints the gradient's norm by time lag. With \
      --orthogonal or --matrix, does the same for the bare recurrence h' = tanh(W h + u).
      """,
    example: "probe-gradients -m small.rnn --check text")

  @Option(
    name: [.customShort("m", allowingJoined: true), .long],
    help: ArgumentHelp("Network of train-rnn.", valueName: "file"))
  var model: String?

  @Flag(help: "Compare the model's gradients with central differences.")
  var check = false

  @Option(
    help: ArgumentHelp("Compare with gradients that flow back N steps only.", valueName: "n"))
  var truncate: Int?

  @Flag(help: "Print the singular values of the model's recurrent weights; reads no sequences.")
  var singularValues = false

  @Option(
    help: ArgumentHelp("A random N x N matrix with equal singular values.", valueName: "n"))
  var orthogonal: Int?

  @Option(help: ArgumentHelp("A matrix, one row of numbers a line.", valueName: "file"))
  var matrix: String?

  @Option(help: ArgumentHelp("Multiply the matrix by X.", valueName: "x"))
  var scale = 1.0

  @Option(help: ArgumentHelp("Time lags, separated by commas.", valueName: "list"))
  var lags = Lags([1, 2, 5, 10, 20, 50, 100])

  @Flag(help: "No tanh: h' = W h + u.")
  var linear = false

  @Option(help: ArgumentHelp("The input u of every unit.", valueName: "x"))
  var input = 0.0

  @Option(help: ArgumentHelp("Add a column: the norm after clipping to X.", valueName: "x"))
  var clip: Double?

  @OptionGroup var seed: SeedOptions
  @OptionGroup var files: InputOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard [model != nil, orthogonal != nil, matrix != nil].filter({ $0 }).count == 1 else {
      throw ValidationError("give one of --model, --orthogonal and --matrix")
    }
    if model == nil, check || truncate != nil || singularValues || !files.files.isEmpty {
      throw ValidationError("--check, --truncate, --singular-values and files need --model")
    }
    if [check, truncate != nil, singularValues].filter({ $0 }).count > 1 {
      throw ValidationError("--check, --truncate and --singular-values exclude each other")
    }
    if let truncate, truncate < 1 { throw ValidationError("--truncate \(truncate) is less than 1") }
    if let orthogonal, !(1...512).contains(orthogonal) {
      throw ValidationError("--orthogonal \(orthogonal) is not between 1 and 512")
    }
    if let clip, !(clip > 0) { throw ValidationError("--clip \(clip) is not above 0") }
  }

  func run() throws {
    let sink = try output.open()
    for row in try model.map(rows(ofModel:)) ?? lagRows() {
      try sink.write(row.joined(separator: "\t") + "\n")
    }
    try sink.finish()
  }

  private func rows(ofModel path: String) throws -> [[String]] {
    let file = try RecurrentModelFile(TensorFile(path: path))
    if singularValues { return GradientProbe.singularValueTable(file) }
    let probe = try GradientProbe(file, paths: files.files, terminator: files.terminator)
    return check || truncate != nil ? probe.comparison(windowSteps: truncate) : probe.lagTable()
  }

  /// The table of the bare recurrence.
  private func lagRows() throws -> [[String]] {
    let weights =
      try matrix.map { try LagProbe.matrix(at: $0).map { $0.map { $0 * scale } } }
      ?? LagProbe.orthogonal(orthogonal!, scale: scale, seed: seed.seed)
    return LagProbe(weights, isLinear: linear, input: input).table(atLags: lags.values, clip: clip)
  }
}

/// A list such as `1,10,50`.
struct Lags: ExpressibleByArgument {
  let values: [Int]
  init(_ values: [Int]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Int($0) }.filter { (0...100_000).contains($0) }
    if values.isEmpty || values.count != parts.count { return nil }
  }

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}
