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

    /// What is joined so, for messages.
    var units: String {
      switch self {
      case .unknown: "of an unknown kind"
      case .spaced: "words"
      case .concatenated: "parts of words"
      }
    }
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

  /// Punctuation and the ends of contractions join the word before them (BERT's clean-up).
  public var joinsPunctuation = false

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
    if joinsPunctuation { words.append("joins-punctuation") }
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
      } else if word == "joins-punctuation" {
        joinsPunctuation = true
      } else if word.hasPrefix("continuation=") {
        continuationPrefix = Spelling.bytes(of: Array(word.dropFirst(13).utf8))
      } else if word.hasPrefix("word-end=") {
        wordEndSuffix = Spelling.bytes(of: Array(word.dropFirst(9).utf8))
      } else {
        return nil
      }
    }
  }

  /// The byte that a piece spelt `<0xHH>` stands for.
  public static func fallbackByte(_ piece: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard piece.count == 6, piece[0] == UInt8(ascii: "<"), piece.starts(with: "<0x".utf8),
      piece[5] == UInt8(ascii: ">")
    else { return nil }
    return UInt8(String(decoding: piece[3..<5], as: UTF8.self), radix: 16)
  }

  private func text(_ bytes: [UInt8]) -> String {
    String(decoding: Spelling.spelling(of: bytes), as: UTF8.self)
  }
}

/// The text of one piece, and how it stands to its neighbours.
struct PieceText {
  var joinsLeft: Bool
  var endsWord: Bool

  /// Appends what `spelling` stands for to `output`, without what joins it to its neighbours.
  init(
    of spelling: UnsafeBufferPointer<UInt8>, _ decoding: TextDecoding, to output: inout ByteBuffer
  ) {
    joinsLeft = decoding.joining == .concatenated
    endsWord = false
    if decoding.hasByteFallback, let byte = TextDecoding.fallbackByte(spelling) {
      output.append(byte)
      return
    }
    var rest = spelling
    if PieceText.begins(rest, decoding.continuationPrefix) {
      rest = UnsafeBufferPointer(rebasing: rest[decoding.continuationPrefix.count...])
      joinsLeft = true
    }
    if PieceText.ends(rest, decoding.wordEndSuffix) {
      rest = UnsafeBufferPointer(rebasing: rest.dropLast(decoding.wordEndSuffix.count))
      endsWord = true
    }
    if decoding.joinsPunctuation, PieceText.joining.contains(where: { PieceText.begins(rest, $0) })
    {
      joinsLeft = true
    }
    Spelling.appendBytes(of: rest, to: &output)
  }

  /// What loses the space before it. Reference: `cleanup` of the WordPiece decoder of `tokenizers`.
  private static let joining = [".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"]
    .map { Array($0.utf8) }

  private static func begins(_ bytes: UnsafeBufferPointer<UInt8>, _ prefix: [UInt8]) -> Bool {
    !prefix.isEmpty && bytes.starts(with: prefix)
  }

  private static func ends(_ bytes: UnsafeBufferPointer<UInt8>, _ suffix: [UInt8]) -> Bool {
    !suffix.isEmpty && bytes.count >= suffix.count
      && bytes[(bytes.count - suffix.count)...].elementsEqual(suffix)
  }
}

/// Turns the spelt pieces of a record into text, without a vocabulary.
public struct PieceJoiner {
  private let decoding: TextDecoding
  private var isFirst = true
  private var spaceIsDue = false

  public init(_ decoding: TextDecoding) { self.decoding = decoding }

  /// Starts a new record.
  public mutating func begin() {
    isFirst = true
    spaceIsDue = false
  }

  /// Appends the text of one piece to `output`.
  public mutating func append(
    spelling: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer
  ) {
    let start = output.count
    // Written where it would stand after a space; moved back if none is due.
    output.append(0x20)
    let text = PieceText(of: spelling, decoding, to: &output)
    let hasSpace = spaceIsDue || (!isFirst && !text.joinsLeft)
    let dropsSpace =
      isFirst && decoding.dropsLeadingSpace && output.count > start + 1
      && output.base[start + 1] == 0x20
    if !hasSpace || dropsSpace {
      let dropped = (hasSpace ? 0 : 1) + (dropsSpace ? 1 : 0)
      memmove(output.base + start, output.base + start + dropped, output.count - start - dropped)
      output.count -= dropped
    }
    isFirst = false
    spaceIsDue = text.endsWord
  }
}
