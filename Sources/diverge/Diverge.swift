// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import Decoding
import FilterSupport
import LanguageModel
import ModelFiles
import Probability
import TokenStreams

@main struct Diverge: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Compare two distributions by entropy and divergence.",
    discussion: """
      Compares two models, a model with the uniform distribution, or data with a model, in bits a \
      record: by every record that there can be where these are few, by draws where they are many. \
      The third column says exact, or the standard error of an estimate. Where records never end, \
      the distributions of one token are compared.
      """,
    operands: "model [model]",
    example: "diverge 2.counts --data t")

  @Argument(help: ArgumentHelp("One model or two; '-' is standard input.", valueName: "model"))
  var models: [String]

  @Option(
    help: ArgumentHelp(
      "Compare with N equally probable outcomes, as a number or a power: 6, 2^64.", valueName: "n"))
  var uniform: OutcomeCount?

  @Option(
    help: ArgumentHelp(
      "Compare the records of FILE, a token stream, with the model: they are p and it is q.",
      valueName: "file"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Estimate, even where records are few, from N drawn of each model (10000).",
      valueName: "n"))
  var samples: Int?

  @OptionGroup var seed: SeedOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if uniform != nil, data != nil {
      throw ValidationError("--uniform and --data exclude each other")
    }
    if models.count != (uniform == nil && data == nil ? 2 : 1) {
      throw ValidationError("give two models, or one and --uniform N or --data FILE")
    }
    if let samples, samples < 2 { throw ValidationError("--samples \(samples) is less than 2") }
    if (models + [data].compactMap { $0 }).filter({ $0 == "-" }).count > 1 {
      throw ValidationError("standard input ('-') can be read only once")
    }
  }

  func run() throws {
    let sink = try output.open()
    var buffer = ByteBuffer()
    for quantity in try divergence(openModel(at: models[0])).quantities {
      buffer.append(row: quantity.name, quantity.nats / log(2))
      buffer.count -= 1
      if let error = quantity.standardError {
        buffer.append(row: "", error / log(2))
      } else {
        buffer.append("\texact\n")
      }
    }
    try sink.write(buffer)
    try sink.finish()
  }

  private func divergence(_ p: some LanguageModel) throws -> Divergence {
    let draws = RecordDraws(
      count: samples ?? 10_000, random: RandomNumbers(seed: seed.seed), threads: threads.count,
      always: samples != nil)
    if let count = uniform?.count {
      return try Divergence(of: p, uniformOver: count, draws: draws)
    }
    if let data {
      let reader = TokenReader(paths: [data], numbering: .known(p.vocabulary))
      let records = try RecordFrequencies(reader, ending: p.ending)
      return try Divergence(of: records, from: p, draws: draws)
    }
    return try divergence(p, openModel(at: models[1]), draws)
  }

  private func divergence(
    _ p: some LanguageModel, _ q: some LanguageModel, _ draws: RecordDraws
  ) throws -> Divergence {
    try p.requireComparable(with: q)
    return try Divergence(of: p, from: q, draws: draws)
  }
}

/// A number of outcomes, which may be larger than an integer holds.
struct OutcomeCount: ExpressibleByArgument {
  let count: Double

  init?(argument: String) {
    let parts = argument.split(separator: "^", omittingEmptySubsequences: false).map { Double($0) }
    guard parts.count <= 2, let base = parts[0] else { return nil }
    guard let exponent = parts.count == 2 ? parts[1] : 1 else { return nil }
    count = pow(base, exponent)
    guard count >= 1, count.isFinite, base == base.rounded() else { return nil }
  }
}
