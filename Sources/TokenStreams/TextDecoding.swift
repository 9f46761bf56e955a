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
    if decoding.hasByteFallback, let byte = PieceText.fallbackByte(spelling) {
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

  /// The byte that a `<0xHH>` piece stands for.
  private static func fallbackByte(_ spelling: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard spelling.count == 6, spelling[0] == UInt8(ascii: "<"), spelling.starts(with: "<0x".utf8),
      spelling[5] == UInt8(ascii: ">")
    else { return nil }
    return UInt8(String(decoding: spelling[3..<5], as: UTF8.self), radix: 16)
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

/// Turns the tokens of a record into text, piece by piece.
///
/// Unsafe in one place: the text of token t is bytes[bounds[t]..<bounds[t + 1]], and 16 bytes can be
/// read from every bound, so that short texts are copied in one step.
public struct TextDecoder: Sendable {
  private let decoding: TextDecoding
  private var bytes: [UInt8] = Array(repeating: 0, count: 16)
  private var bounds: [Int] = [0]
  private var joinsLeft: [Bool] = []
  private var endsWord: [Bool] = []
  private var isFirst = true
  private var spaceIsDue = false

  public init(_ vocabulary: Vocabulary) {
    self.init(vocabulary.decoding)
    for token in 0..<Token(vocabulary.count) { append(spelling: vocabulary.spelling(of: token)) }
  }

  /// A decoder of a vocabulary that is given piece by piece.
  public init(_ decoding: TextDecoding) { self.decoding = decoding }

  /// Number of tokens it knows.
  public var count: Int { joinsLeft.count }

  /// Adds the piece of the next token.
  public mutating func append(spelling: UnsafeBufferPointer<UInt8>) {
    var text = ByteBuffer(capacity: spelling.count)
    let piece = PieceText(of: spelling, decoding, to: &text)
    bytes.removeLast(16)
    bytes.append(contentsOf: text.bytes)
    bytes.append(contentsOf: repeatElement(0, count: 16))
    bounds.append(bytes.count - 16)
    joinsLeft.append(piece.joinsLeft)
    endsWord.append(piece.endsWord)
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
    if isFirst, decoding.dropsLeadingSpace, start < end, bytes[start] == 0x20 { start += 1 }
    bytes.withUnsafeBufferPointer { output.append(UnsafeBufferPointer(rebasing: $0[start..<end])) }
    isFirst = false
    spaceIsDue = endsWord[index]
  }

  /// Appends the text of a block of records, each with its terminator, but for an open last one.
  ///
  /// - Throws: `StreamError` at the record of a token that is not in the vocabulary.
  public mutating func append(
    _ block: TokenBlock, terminator: UInt8, to output: inout ByteBuffer
  ) throws(StreamError) {
    let isPlain =
      decoding.joining == .concatenated && decoding.wordEndSuffix.isEmpty
      && !decoding.dropsLeadingSpace
    var start = 0
    for (number, end) in block.recordEnds.enumerated() {
      let tokens = block.tokens[start..<end]
      if let wrong = tokens.first(where: { $0 >= count }) {
        throw StreamError(
          .line(block.name, block.firstRecordNumber + number), "id \(wrong) is not below \(count)",
          advice: "decode with the model that encoded")
      }
      if isPlain {
        appendPlain(tokens, to: &output)
      } else {
        begin()
        for token in tokens { append(token, to: &output) }
      }
      output.append(terminator)
      start = end
    }
    if !block.isTerminated, !block.recordEnds.isEmpty { output.count -= 1 }
  }

  /// Copies text after text; the tokens are known to be in the vocabulary.
  private func appendPlain(_ tokens: ArraySlice<Token>, to output: inout ByteBuffer) {
    bytes.withUnsafeBufferPointer { bytes in
      bounds.withUnsafeBufferPointer { bounds in
        tokens.withUnsafeBufferPointer { tokens in
          let source = UnsafeRawPointer(bytes.baseAddress!)
          for token in tokens {
            let start = bounds[Int(token)]
            let length = bounds[Int(token) &+ 1] &- start
            output.reserve(max(length, 16))
            let target = UnsafeMutableRawPointer(output.base + output.count)
            if length <= 16 {
              let word = source.loadUnaligned(fromByteOffset: start, as: SIMD16<UInt8>.self)
              target.storeBytes(of: word, as: SIMD16<UInt8>.self)
            } else {
              target.copyMemory(from: source + start, byteCount: length)
            }
            output.count &+= length
          }
        }
      }
    }
  }
}
