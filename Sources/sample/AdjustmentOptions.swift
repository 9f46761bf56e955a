// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import Decoding

/// How the distribution of the next token is adjusted before a draw.
struct AdjustmentOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Never draw this token; may be given again.", valueName: "token"))
  var suppress: [String] = []

  @Option(
    help: ArgumentHelp("Multiply log p of tokens that occurred by R.", valueName: "r"))
  var repetitionPenalty: Double?

  @Option(help: ArgumentHelp("Draw from p^(1/T); 0 takes the best.", valueName: "t"))
  var temperature: Double?

  @Option(help: ArgumentHelp("Keep the K most probable tokens.", valueName: "k"))
  var topK: Int?

  @Option(help: ArgumentHelp("Keep the fewest tokens with mass P.", valueName: "p"))
  var topP: Double?

  @Option(help: ArgumentHelp("Keep tokens of at least M times the largest p.", valueName: "m"))
  var minP: Double?

  @Option(
    help: ArgumentHelp("Keep mass P of the tokens nearest to the entropy.", valueName: "p"))
  var typical: Double?

  @Option(help: ArgumentHelp("Order of the steps in use, with commas.", valueName: "names"))
  var steps: String?

  func validate() throws {
    func check(_ name: String, _ value: Double?, _ isValid: (Double) -> Bool, _ range: String)
      throws
    {
      guard let value, !isValid(value) else { return }
      throw ValidationError("\(name) \(value) is not \(range)")
    }
    try check("--repetition-penalty", repetitionPenalty, { $0 > 0 && $0.isFinite }, "above 0")
    try check("--temperature", temperature, { $0 >= 0 && $0.isFinite }, "0 or more")
    try check("--top-p", topP, { $0 > 0 && $0 <= 1 }, "above 0 and at most 1")
    try check("--min-p", minP, { $0 >= 0 && $0 <= 1 }, "between 0 and 1")
    try check("--typical", typical, { $0 > 0 && $0 <= 1 }, "above 0 and at most 1")
    if let topK, topK < 1 { throw ValidationError("--top-k \(topK) is less than 1") }
    do { _ = try settings() } catch { throw ValidationError(error.description) }
  }

  /// The steps and their order.
  func settings() throws(StreamError) -> AdjustmentSettings {
    var settings = AdjustmentSettings()
    settings.suppressed = suppress.map { Array($0.utf8) }
    settings.penalty = repetitionPenalty
    settings.temperature = temperature
    settings.topK = topK
    settings.topP = topP
    settings.minP = minP
    settings.typical = typical
    if let steps { try settings.setOrder(steps) }
    return settings
  }
}
