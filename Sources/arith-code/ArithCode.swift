// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import LanguageModel
import ModelFiles
import TokenStreams

@main struct ArithCode: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Compress a token stream with a model, without loss.",
    discussion: """
      The code takes as many bits as score says that the stream has. With --adaptive no model is needed: \
      one is learnt from what was coded before.
      """,
    example: "tokenize --bytes < $f | arith-code --adaptive 4 > code")

  @Option(
    name: [.customShort("m", allowingJoined: true), .customLong("model")],
    help: ArgumentHelp("Model of any kind, recognised by its content.", valueName: "file"))
  var model: String?

  @Option(
    help: ArgumentHelp("Learn contexts of up to N symbols while coding.", valueName: "n"))
  var adaptive: Int?

  @Flag(help: "With --adaptive: learn too how far to trust long contexts.")
  var learnWeights = false

  @Flag(name: .shortAndLong, help: "Decode.")
  var decode = false

  @Flag(name: .shortAndLong, help: "Print the size of the code on standard error.")
  var verbose = false

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if model != nil, adaptive != nil {
      throw ValidationError("--model and --adaptive exclude each other")
    }
    if model == nil, adaptive == nil, !decode {
      throw ValidationError("give --model FILE or --adaptive N")
    }
    if let adaptive, !(0...AdaptiveCoding.largestOrder).contains(adaptive) {
      throw ValidationError(
        "--adaptive \(adaptive) is not between 0 and \(AdaptiveCoding.largestOrder)")
    }
    if learnWeights, adaptive == nil { throw ValidationError("--learn-weights needs --adaptive") }
    if model == "-", input.files.isEmpty || input.files.contains("-") {
      throw ValidationError("standard input ('-') can be read only once; name the model's file")
    }
    if decode, verbose { throw ValidationError("--verbose tells the size of a code being made") }
  }

  func run() throws {
    let sink = try output.open()
    if !decode, sink.isTerminal {
      throw ValidationError("a code makes no sense on a terminal; use -o or a pipe")
    }
    if let model {
      try code(with: openModel(at: model, threads: threads.count), sink)
    } else if decode {
      for path in paths {
        try AdaptiveCoding.decode(
          InputFile(path: path), order: adaptive, terminator: input.terminator, to: sink)
      }
    } else if let adaptive {
      let reader = TokenReader(
        paths: input.files, numbering: .growing, terminator: input.terminator)
      let coding = AdaptiveCoding(order: adaptive, learnsWeights: learnWeights)
      tell(try coding.encode(reader, to: sink))
    }
    try sink.finish()
  }

  private func code(with model: some LanguageModel, _ sink: ByteSink) throws {
    if decode {
      for path in paths {
        try model.decode(InputFile(path: path), terminator: input.terminator, to: sink)
      }
    } else {
      let reader = TokenReader(
        paths: input.files, numbering: .known(model.vocabulary), terminator: input.terminator)
      tell(try model.encode(reader, threads: threads.count, to: sink))
    }
  }

  private var paths: [String] { input.files.isEmpty ? ["-"] : input.files }

  private func tell(_ size: CodeSize) {
    guard verbose else { return }
    Message.print(
      "\(size.recordCount) records, \(size.tokenCount) tokens: code of \(size.byteCount) bytes")
  }
}
