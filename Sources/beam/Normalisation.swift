// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Decoding

/// A length normalisation as the command line spells it.
///
/// ArgumentParser drops a value that cannot be read where an option may stand without one: so every
/// value can be read, and `validate` refuses those without a meaning.
struct Normalisation: ExpressibleByArgument {
  let text: String
  let value: LengthNormalisation?

  init(argument: String) {
    text = argument
    let parts = argument.split(separator: ":", maxSplits: 1)
    let exponent = parts.count == 2 ? Double(parts[1]) ?? -1 : parts.first == "gnmt" ? 0.6 : 1
    guard exponent >= 0, exponent.isFinite else {
      value = nil
      return
    }
    switch parts.first {
    case "plain": value = .plain(exponent: exponent)
    case "gnmt": value = .gnmt(exponent: exponent)
    default: value = nil
    }
  }
}
