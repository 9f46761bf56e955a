// SPDX-License-Identifier: Apache-2.0

/// How text is cut into the pieces within which a subword model works.
public enum SplitPattern: String, CaseIterable, Sendable {
  /// GPT-2, r50k, p50k: contractions, a space with the letters, digits or signs after it.
  case gpt2
  /// GPT-3.5 and 4: digits by threes, contractions in any case.
  case cl100k
  /// As cl100k but for white space at the end of the text; also of many models after Llama 3.
  case llama3
  /// As llama3, with digits one by one.
  case qwen2
  /// GPT-4o and later: letters cut where case begins a word, marks kept with letters.
  case o200k
  /// Words and punctuation marks; white space is dropped.
  case words
  /// What stands between white space.
  case whitespace
  /// The whole record.
  case none

  /// The regular expressions that files write for the pattern; the first is the one we write.
  var regularExpressions: [String] {
    switch self {
    case .gpt2:
      [
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
        #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
      ]
    case .cl100k:
      // tiktoken's own text has `{1,3}+` and `$`, which mean something else in `tokenizer.json`.
      [
        #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"#
          + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+"#
      ]
    case .llama3: [SplitPattern.later(digits: #"\p{N}{1,3}"#)]
    case .qwen2: [SplitPattern.later(digits: #"\p{N}"#)]
    case .o200k:
      [
        [
          #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
            + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#,
          #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
            + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#,
          #"\p{N}{1,3}"#, #" ?[^\s\p{L}\p{N}]+[\r\n/]*"#, #"\s*[\r\n]+"#, #"\s+(?!\S)"#, #"\s+"#,
        ].joined(separator: "|")
      ]
    case .words:
      [
        #"(?:[\p{L}\p{M}\p{N}]|(?<=[\p{L}\p{M}])['’](?=\p{L})|(?<=\p{N})[.,](?=\p{N}))+"#
          + #"|[^\s\p{L}\p{M}\p{N}]\p{M}*"#
      ]
    case .whitespace: [#"\S+"#]
    case .none: []
    }
  }

  private static func later(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// Whether the pieces leave white space out.
  var dropsSpaces: Bool { self == .words || self == .whitespace }
}
