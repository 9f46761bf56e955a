// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// SentencePiece `.model` files.
enum SentencePieceFormat: TokenizerFormat {
  /// The first field is a piece: tag, length, and inside it the tag of its text.
  static func recognises(_ source: ModelSource) -> Bool {
    source.bytes.count > 4 && source.bytes[0] == 0x0A && source.bytes[1] < 0x80
      && source.bytes[2] == 0x0A && Int(source.bytes[3]) < Int(source.bytes[1])
  }

  static func open(_ source: ModelSource) throws(StreamError) -> any Tokenizer {
    let model = try SentencePieceModel(parsing: source.bytes, name: source.name)
    return try SentencePieceTokenizer(model, name: source.name)
  }
}
