// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Tokenization

/// What is written of a record's tokens.
struct OutputView: ParsableArguments {
  enum Unit: String, CaseIterable, ExpressibleByArgument { case bytes, characters }

  @Flag(help: "Write tokens as decimal numbers; with --decode, read them.") var ids = false

  @Option(
    help: ArgumentHelp(
      "Write where each token stands in its record, first:end from 0, in bytes or characters.",
      valueName: "unit"))
  var offsets: Unit?

  @Flag(help: "Write the number of tokens of each record.") var count = false
  @Flag(help: "Write only a table of how the tokens fit the text.") var report = false

  @Option(help: ArgumentHelp("Keep this many tokens of each record at most.", valueName: "n"))
  var maxTokens: Int?

  func validate() throws {
    let views = [ids, offsets != nil, count, report].count { $0 }
    if views > 1 {
      throw ValidationError("--ids, --offsets, --count and --report exclude each other")
    }
    if let maxTokens, maxTokens < 0 {
      throw ValidationError("--max-tokens \(maxTokens) is negative")
    }
  }

  var isTokens: Bool { offsets == nil && !count && !report }

  var view: TextTokenization.View {
    if let offsets { return offsets == .bytes ? .byteOffsets : .characterOffsets }
    return count ? .count : report ? .report : .tokens
  }
}
