// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Probability

/// What `score` prints a row for, unless it sums up.
enum Level: String, EnumerableFlag {
  case perToken, perLine, bitsPerLine

  static func help(for value: Level) -> ArgumentHelp? {
    switch value {
    case .perToken: "One row a symbol: token, surprisal, line."
    case .perLine: "One row a line: surprisal, symbols, unknown tokens, perplexities."
    case .bitsPerLine: "One number: the mean of bits a line."
    }
  }
}

extension LogUnit: ExpressibleByArgument {}
