// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// The bytes of a tokeniser model file, and what the command line adds where the file is silent.
public struct ModelSource: Sendable {
  /// The name in messages.
  public var name: String
  public var bytes: [UInt8]
  /// The merges that belong to a `vocab.json`.
  public var merges: [UInt8]?
  /// The split pattern, for formats that do not carry one (`.tiktoken`, merges without facts).
  public var pattern: SplitPattern?
  /// Text of special tokens stands for them; otherwise it is text like any other.
  public var allowsSpecialTokens = false

  public init(name: String = "<memory>", bytes: [UInt8], pattern: SplitPattern? = nil) {
    self.name = name
    self.bytes = bytes
    self.pattern = pattern
  }

  /// Whether the file begins with `text`.
  public func begins(with text: String) -> Bool { bytes.starts(with: text.utf8) }

  /// The first line, without its LF.
  public var firstLine: ArraySlice<UInt8> { bytes.prefix { $0 != 0x0A } }
}

/// A kind of model file: how to recognise it by its content, and how to open it.
public protocol TokenizerFormat {
  static func recognises(_ source: ModelSource) -> Bool
  static func open(_ source: ModelSource) throws(StreamError) -> any Tokenizer
}

/// Opens any tokeniser model by its content.
public enum TokenizerModel {
  /// The formats, in the order in which they are asked. A new one is one line here.
  static var formats: [any TokenizerFormat.Type] {
    [
      SentencePieceFormat.self, TokenizerJSON.self, UnigramTextFormat.self, MergesFile.self,
      TiktokenFile.self, WordPieceFormat.self,
    ]
  }

  /// - Throws: `StreamError` when the file cannot be read, is of no known kind, or is malformed.
  public static func open(_ source: ModelSource) throws(StreamError) -> any Tokenizer {
    for format in formats where format.recognises(source) { return try format.open(source) }
    throw StreamError(
      .file(source.name), "is no tokeniser model",
      advice: "give merges, tokenizer.json, .tiktoken, a SentencePiece .model or a vocab.txt")
  }
}

extension ModelSource {
  /// Reads a whole model file.
  public init(path: String, pattern: SplitPattern? = nil) throws(StreamError) {
    let file = try InputFile(path: path)
    var bytes = ByteBuffer(capacity: (file.fileByteCount ?? 0) + 1)
    while try file.read(upTo: 1 << 20, appendingTo: &bytes) {}
    self.init(name: file.name, bytes: Array(bytes.bytes), pattern: pattern)
  }
}
