// SPDX-License-Identifier: Apache-2.0

public import TokenStreams

/// Every byte is a token: its value. The vocabulary holds 256 pieces, whatever the text.
public struct ByteTokenizer: Tokenizer {
  public let vocabulary: Vocabulary
  public var spellsAnyBytes: Bool { true }

  public init() {
    let spellings = (UInt8.min...UInt8.max).map { Spelling.spelling(of: [$0]) }
    vocabulary = Vocabulary(PieceTable(spellings), decoding: .concatenated)
  }

  public func makeEncoder() -> any RecordEncoder { Encoder() }

  private final class Encoder: RecordEncoder {
    func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList) {
      tokens.reserve(record.count)
      let target = tokens.base + tokens.count
      for index in 0..<record.count { target[index] = Token(record[index]) }
      tokens.count += record.count
    }
  }
}
