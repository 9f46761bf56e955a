// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// How the pieces of a record become text again.
public struct TextDecoding: Hashable, Sendable, CustomStringConvertible {
  /// What stands between two pieces.
  public enum Joining: String, Sendable {
    /// Nobody said: pieces can only be shown as they are spelt.
    case unknown
    /// One space, as between words.
    case spaced
    /// Nothing, as between characters, bytes, and byte-level subwords.
    case concatenated
  }

  public var joining: Joining
  /// A piece that begins so continues the word before it (`##` of WordPiece).
  public var continuationPrefix: [UInt8] = []
  /// A piece that ends so is followed by a space (`</w>`), and one that does not joins the next.
  public var wordEndSuffix: [UInt8] = []
  /// Drop one space at the beginning of a record (the dummy prefix of SentencePiece).
  public var dropsLeadingSpace = false
  /// Pieces spelt `<0xHH>` are single bytes (byte fallback of SentencePiece).
  public var hasByteFallback = false

  public init(joining: Joining) { self.joining = joining }

  public static let unknown = TextDecoding(joining: .unknown)
  public static let spaced = TextDecoding(joining: .spaced)
  public static let concatenated = TextDecoding(joining: .concatenated)

  /// One word per fact, as headers carry it: `concatenated leading-space byte-fallback`.
  public var description: String {
    var words = [joining.rawValue]
    if !continuationPrefix.isEmpty { words.append("continuation=" + text(continuationPrefix)) }
    if !wordEndSuffix.isEmpty { words.append("word-end=" + text(wordEndSuffix)) }
    if dropsLeadingSpace { words.append("leading-space") }
    if hasByteFallback { words.append("byte-fallback") }
    return words.joined(separator: " ")
  }

  /// Reads a description; nothing when it holds a word this release does not know.
  public init?(_ description: String) {
    let words = description.split(separator: " ")
    guard let first = words.first, let joining = Joining(rawValue: String(first)) else {
      return nil
    }
    self.joining = joining
    for word in words.dropFirst() {
      if word == "leading-space" {
        dropsLeadingSpace = true
      } else if word == "byte-fallback" {
        hasByteFallback = true
      } else if word.hasPrefix("continuation=") {
        continuationPrefix = Spelling.bytes(of: Array(word.dropFirst(13).utf8))
      } else if word.hasPrefix("word-end=") {
        wordEndSuffix = Spelling.bytes(of: Array(word.dropFirst(9).utf8))
      } else {
        return nil
      }
    }
  }

  private func text(_ bytes: [UInt8]) -> String {
    String(decoding: Spelling.spelling(of: bytes), as: UTF8.self)
  }
}

/// Turns the tokens of a record into text, piece by piece.
public struct TextDecoder: Sendable {
  private let vocabulary: Vocabulary
  /// The text of token t, without what joins it, is bytes[bounds[t]..<bounds[t + 1]].
  private var bytes: [UInt8] = []
  private var bounds: [Int] = [0]
  private var joinsLeft: [Bool] = []
  private var endsWord: [Bool] = []
  private var isFirst = true
  private var spaceIsDue = false

  public init(_ vocabulary: Vocabulary) {
    self.vocabulary = vocabulary
    let decoding = vocabulary.decoding
    var piece = ByteBuffer()
    for token in 0..<Token(vocabulary.count) {
      let spelling = vocabulary.spelling(of: token)
      piece.removeAll()
      let fallback = decoding.hasByteFallback ? TextDecoder.fallbackByte(spelling) : nil
      if let fallback {
        piece.append(fallback)
      } else {
        Spelling.appendBytes(of: spelling, to: &piece)
      }
      var text = Array(piece.bytes)
      let prefix = decoding.continuationPrefix
      let suffix = decoding.wordEndSuffix
      let continues = !prefix.isEmpty && text.starts(with: prefix)
      if continues { text.removeFirst(prefix.count) }
      let ends = !suffix.isEmpty && text.reversed().starts(with: suffix.reversed())
      if ends { text.removeLast(suffix.count) }
      bytes += text
      bounds.append(bytes.count)
      joinsLeft.append(decoding.joining == .concatenated || continues)
      endsWord.append(ends)
    }
  }

  /// Starts a new record.
  public mutating func begin() {
    isFirst = true
    spaceIsDue = false
  }

  /// Appends the text of one token to `output`.
  public mutating func append(_ token: Token, to output: inout ByteBuffer) {
    let index = Int(token)
    var start = bounds[index]
    let end = bounds[index + 1]
    if spaceIsDue || (!isFirst && !joinsLeft[index]) { output.append(0x20) }
    if isFirst, vocabulary.decoding.dropsLeadingSpace, start < end, bytes[start] == 0x20 {
      start += 1
    }
    bytes.withUnsafeBufferPointer { output.append(UnsafeBufferPointer(rebasing: $0[start..<end])) }
    isFirst = false
    spaceIsDue = endsWord[index]
  }

  /// The byte that a `<0xHH>` piece stands for.
  private static func fallbackByte(_ spelling: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard spelling.count == 6, spelling.starts(with: "<0x".utf8), spelling[5] == UInt8(ascii: ">")
    else { return nil }
    return UInt8(String(decoding: spelling[3..<5], as: UTF8.self), radix: 16)
  }
}
