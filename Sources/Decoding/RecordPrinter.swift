// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// Writes generated records as text where the vocabulary knows how, else as tokens.
public struct RecordPrinter: Sendable {
  public enum Form: Sendable {
    /// Text if the pieces say how they join, else tokens.
    case text
    /// Spellings joined by one space.
    case tokens
    /// Decimal numbers joined by one space.
    case ids

    /// What is asked for instead of text, if anything.
    public init(tokens: Bool, ids: Bool) { self = ids ? .ids : tokens ? .tokens : .text }
  }

  private let form: Form
  private let vocabulary: Vocabulary
  private let decoder: TextDecoder?

  public init(_ form: Form, _ vocabulary: Vocabulary) {
    self.form = form
    self.vocabulary = vocabulary
    let isText = form == .text && vocabulary.decoding.joining != .unknown
    decoder = isText ? TextDecoder(vocabulary) : nil
  }

  /// Appends one record, without its terminator.
  public func append(_ tokens: [Token], to output: inout ByteBuffer) {
    if var decoder {
      decoder.begin()
      for token in tokens { decoder.append(token, to: &output) }
      return
    }
    for (index, token) in tokens.enumerated() {
      if index > 0 { output.append(0x20) }
      if case .ids = form {
        output.append(decimal: UInt64(token))
      } else {
        output.append(vocabulary.spelling(of: token))
      }
    }
  }
}
