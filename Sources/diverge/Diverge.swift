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
      Compares two models, a model with the uniform distribution, or data with a model. Without \
      --samples it looks at every record that there can be, so they must be few; where records never \
      end it compares the distributions of one token. Values are bits a record.
      """, operands: "model [model]")

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
      "Estimate from N records drawn of each model; a third column has standard errors.",
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
    if data != nil, samples != nil {
      throw ValidationError("--data is compared record by record and takes no --samples")
    }
    if (models + [data].compactMap { $0 }).filter({ $0 == "-" }).count > 1 {
      throw ValidationError("standard input ('-') can be read only once")
    }
  }

  func run() throws {
    let sink = try output.open()
    var buffer = ByteBuffer()
    for quantity in try quantities(openModel(at: models[0])) {
      buffer.append(row: quantity.name, quantity.nats / log(2))
      guard let error = quantity.standardError else { continue }
      buffer.count -= 1
      buffer.append(row: "", error / log(2))
    }
    try sink.write(buffer)
    try sink.finish()
  }

  private func quantities(_ p: some LanguageModel) throws -> [Divergence.Quantity] {
    if let count = uniform?.count {
      guard let samples else {
        return try Divergence(of: ModelRecords(p), uniformOver: count).quantities
      }
      return try SampledDivergence.quantities(
        of: p, uniformOver: count, count: samples, random: RandomNumbers(seed: seed.seed),
        threads: threads.count)
    }
    if let data {
      let reader = TokenReader(paths: [data], numbering: .known(p.vocabulary))
      return Divergence.quantities(
        of: try RecordFrequencies(reader, ending: p.ending), from: ModelRecords(p))
    }
    return try quantities(p, openModel(at: models[1]))
  }

  private func quantities(_ p: some LanguageModel, _ q: some LanguageModel) throws
    -> [Divergence.Quantity]
  {
    try p.requireComparable(with: q)
    guard let samples else {
      return try Divergence(of: ModelRecords(p), from: ModelRecords(q, in: p.vocabulary)).quantities
    }
    return try SampledDivergence(
      of: p, from: q, count: samples, random: RandomNumbers(seed: seed.seed), threads: threads.count
    ).quantities
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
