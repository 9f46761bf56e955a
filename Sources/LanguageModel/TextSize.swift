// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

/// How many bytes the text had that a block's tokens came from: what a rate in bits per byte divides by.
public struct TextSize: Sendable {
  private let decoder: TextDecoder
  private let unknown: Token?

  /// Nothing when the vocabulary does not know how its pieces become text.
  public init?(_ vocabulary: Vocabulary) {
    guard vocabulary.decoding.joining != .unknown else { return nil }
    decoder = TextDecoder(vocabulary)
    unknown = vocabulary.unknown
  }

  /// Bytes of the text of `block`, each record's terminator included.
  public func byteCount(of block: TokenBlock) -> Int {
    var decoder = decoder
    var text = ByteBuffer(capacity: 1 << 10)
    var total = 0
    var unknownIndex = 0
    block.forEachRecord { tokens, _ in
      text.removeAll()
      decoder.begin()
      for token in tokens {
        decoder.append(token, to: &text)
        // An unknown token stands for the text that it was, not for its own spelling.
        if token == unknown, unknownIndex < block.unknownSpellings.count {
          total += Spelling.bytes(of: block.unknownSpellings[unknownIndex]).count
          total -= Spelling.unknown.count
          unknownIndex += 1
        }
      }
      total += text.count + 1
    }
    return total
  }
}
