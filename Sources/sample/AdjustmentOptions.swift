// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import Decoding
import TokenStreams

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
    _ = try order()
  }

  /// The settings for a model's vocabulary.
  func settings(_ vocabulary: Vocabulary) throws -> AdjustmentSettings {
    var settings = settings
    settings.suppressed = try suppress.map { text in
      guard let token = vocabulary.token(Array(text.utf8)) else {
        throw StreamError(.none, "--suppress: '\(text)' is no token of the model")
      }
      return token
    }
    settings.order = try order() ?? settings.order
    return settings
  }

  /// What does not depend on a model.
  private var settings: AdjustmentSettings {
    var settings = AdjustmentSettings()
    settings.penalty = repetitionPenalty
    settings.temperature = temperature
    settings.topK = topK
    settings.topP = topP
    settings.minP = minP
    settings.typical = typical
    return settings
  }

  /// The order that `--steps` names: every step in use, once.
  private func order() throws -> [AdjustmentStep]? {
    guard let steps else { return nil }
    let order = try steps.split(separator: ",").map { name in
      guard let step = AdjustmentStep(rawValue: String(name)) else {
        let names = AdjustmentStep.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--steps: '\(name)' is none of \(names)")
      }
      return step
    }
    let used = settings.steps + (suppress.isEmpty ? [] : [.suppress])
    guard Set(order) == Set(used), order.count == used.count else {
      let names = used.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--steps names '\(steps)' where the steps in use are '\(names)'")
    }
    return order
  }
}
