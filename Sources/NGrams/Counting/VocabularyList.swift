// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

extension Vocabulary {
  /// Reads a list of words: one on a line, spelt as in a token stream; what follows a TAB, such as a
  /// count, is ignored. So the counts of order 1 are a list.
  public init(listAt path: String) throws {
    let reader = try RecordReader(file: InputFile(path: path))
    var table = PieceTable()
    while let block = try reader.nextBlock() {
      try block.forEachRecord { (line, number) throws(StreamError) in
        let word = UnsafeBufferPointer(
          rebasing: line[..<(line.firstIndex(of: 0x09) ?? line.count)])
        guard !word.isEmpty, !word.contains(0x20) else {
          throw StreamError(
            .line(block.name, number), "not one word on the line",
            advice: "a vocabulary has one word on each line")
        }
        _ = table.token(asWritten: word)
      }
    }
    self.init(table)
  }
}
