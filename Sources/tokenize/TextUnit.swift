// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Tokenization

/// What a token is without a model.
enum TextUnit: String, EnumerableFlag {
  case words, whitespace, characters, bytes, lines, code

  static func help(for unit: TextUnit) -> ArgumentHelp? {
    switch unit {
    case .words: "Words and punctuation marks (the default)."
    case .whitespace: "What stands between white space."
    case .characters: "Characters; bytes that are not UTF-8 one by one."
    case .bytes: "Bytes: 256 tokens."
    case .lines: "A whole record is one token."
    case .code: "Words with underscores, and whole operators."
    }
  }

  func segmentation(droppingSpace: Bool) -> Segmentation {
    switch self {
    case .words: .words
    case .whitespace: .whitespace
    case .characters: droppingSpace ? .ink : .characters
    case .bytes: .bytes
    case .lines: .lines
    case .code: .code
    }
  }
}
