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
}
