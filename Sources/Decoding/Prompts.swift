// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// What to continue: tokens of a model, one list a prompt.
public struct Prompts: Sendable {
  public private(set) var tokens: [[Token]] = []
  /// The words that are unknown to the model, which sees `<unk>` in their place.
  public private(set) var unknown: [[UInt8]] = []

  /// - texts: prompts as token text.
  /// - path: a token stream, each of whose records is a prompt.
  /// Without either there is one empty prompt.
  public init(texts: [String], path: String?, terminator: UInt8, _ vocabulary: Vocabulary)
    throws(StreamError)
  {
    for text in texts {
      let file = try InputFile(bytes: Array((text + "\n").utf8), name: "prompt '\(text)'")
      try read(TokenReader(file: file, numbering: .known(vocabulary)))
    }
    if let path {
      try read(
        TokenReader(paths: [path], numbering: .known(vocabulary), terminator: terminator))
    } else if texts.isEmpty {
      tokens = [[]]
    }
  }

  private mutating func read(_ reader: TokenReader) throws(StreamError) {
    while let block = try reader.next() {
      block.forEachRecord { record, _ in tokens.append(Array(record)) }
      unknown += block.unknownSpellings
    }
  }

  /// A sentence about the unknown words, or nothing when there are none.
  public var warning: String? {
    guard let first = unknown.first else { return nil }
    let word = String(decoding: first, as: UTF8.self)
    return unknown.count == 1
      ? "'\(word)' in a prompt is unknown to the model, which sees <unk>"
      : "\(unknown.count) words in prompts, such as '\(word)', are unknown to the model, "
        + "which sees <unk>"
  }
}
