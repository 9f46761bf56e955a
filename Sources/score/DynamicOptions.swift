// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import LanguageModel

/// Scoring by a network that learns from what it has scored.
struct DynamicOptions: ParsableArguments {
  @Flag(
    name: .customLong("dynamic"),
    help: "Let a recurrent network learn from what it has scored (dynamic evaluation).")
  var isOn = false

  @Option(
    name: .customLong("dynamic-rate"),
    help: ArgumentHelp("Learning rate of --dynamic (default: 0.1).", valueName: "x"))
  var rate: Double?

  @Option(
    name: .customLong("dynamic-window"),
    help: ArgumentHelp(
      "Symbols from which --dynamic learns at once (default: 32).", valueName: "n"))
  var window: Int?

  func validate() throws {
    if !isOn, rate != nil || window != nil {
      throw ValidationError("--dynamic-rate and --dynamic-window need --dynamic")
    }
    if let rate, !(rate >= 0 && rate < 1e9) {
      throw ValidationError("--dynamic-rate \(rate) is less than 0")
    }
    if let window, !(1...1 << 20).contains(window) {
      throw ValidationError("--dynamic-window \(window) is not between 1 and \(1 << 20)")
    }
  }

  /// Nothing without --dynamic.
  var settings: DynamicSettings? {
    isOn ? DynamicSettings(rate: rate ?? 0.1, windowSteps: window ?? 32) : nil
  }
}
