// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import LanguageModel
import ModelFiles

@main struct Diverge: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Compare two models by entropy and divergence.",
    discussion: """
      Looks at every record that the models can produce, so they must be small; where records never end \
      it compares the distributions of one token. Values are bits a record.
      """)

  @Argument(help: ArgumentHelp("One model or two; '-' is standard input.", valueName: "model"))
  var models: [String]

  @Option(help: ArgumentHelp("Compare with N equally probable outcomes.", valueName: "n"))
  var uniform: Int?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if models.count != (uniform == nil ? 2 : 1) {
      throw ValidationError("give two models, or one and --uniform N")
    }
    if let uniform, uniform < 1 { throw ValidationError("--uniform \(uniform) is less than 1") }
    if models == ["-", "-"] {
      throw ValidationError("standard input ('-') can be read only once")
    }
  }

  func run() throws {
    let sink = try output.open()
    let divergence = try divergence(openModel(at: models[0]))
    var buffer = ByteBuffer()
    let rows = [
      ("H(p)", divergence.entropy.p), ("H(q)", divergence.entropy.q),
      ("H(p,q)", divergence.crossEntropy.pq), ("H(q,p)", divergence.crossEntropy.qp),
      ("KL(p||q)", divergence.kullbackLeibler.pq), ("KL(q||p)", divergence.kullbackLeibler.qp),
      ("JS(p,q)", divergence.jensenShannon),
    ]
    for (name, nats) in rows { buffer.append(row: name, nats / log(2)) }
    try sink.write(buffer)
    try sink.finish()
  }

  private func divergence(_ p: some LanguageModel) throws -> Divergence {
    if let uniform { return try Divergence(of: p, uniformOver: uniform) }
    return try divergence(of: p, from: openModel(at: models[1]))
  }

  private func divergence(of p: some LanguageModel, from q: some LanguageModel) throws
    -> Divergence
  {
    try Divergence(of: p, from: q)
  }
}
