// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Words of a file, spelt as in token streams: one or more a line.
public struct WordList: Sendable {
  public private(set) var words: Set<[UInt8]> = []

  public init(words: [String]) { self.words = Set(words.map { Array($0.utf8) }) }

  public init(_ file: InputFile) throws(StreamError) {
    let records = RecordReader(file: file)
    while let block = try records.nextBlock() {
      block.forEachRecord { record, _ in
        forEachPiece(in: record) { piece in
          words.insert(
            Spelling.isCanonical(piece)
              ? Array(piece) : Spelling.spelling(of: Spelling.bytes(of: Array(piece))))
        }
      }
    }
  }
}
