// SPDX-License-Identifier: Apache-2.0

internal import TokenStreams

/// Records of a reader in groups of at least so many tokens: the same groups however the stream came.
struct RecordGroups {
  private let reader: TokenReader
  private let tokenCount: Int
  private var rest: TokenBlock?

  init(_ reader: TokenReader, tokenCount: Int) {
    self.reader = reader
    self.tokenCount = tokenCount
  }

  mutating func next() throws -> TokenBlock? {
    var group: TokenBlock?
    while true {
      let block: TokenBlock
      if let left = rest {
        block = left
        rest = nil
      } else if let read = try reader.next() {
        block = read
      } else {
        return group
      }
      if group == nil {
        group = TokenBlock()
        group!.name = block.name
        group!.firstRecordNumber = block.firstRecordNumber
      }
      // Unknown words end in an error, which needs no more than the block that they came in.
      if !block.unknownSpellings.isEmpty { return block }
      var start = 0
      for (index, end) in block.recordEnds.enumerated() {
        group!.tokens += block.tokens[start..<end]
        group!.endRecord()
        start = end
        guard group!.tokens.count + group!.recordEnds.count >= tokenCount,
          index + 1 < block.recordEnds.count
        else { continue }
        rest = block.suffix(after: index)
        return group
      }
      group!.isTerminated = block.isTerminated
      if group!.tokens.count + group!.recordEnds.count >= tokenCount { return group }
    }
  }
}

extension TokenBlock {
  var lengths: [Int] {
    recordEnds.indices.map { recordEnds[$0] - ($0 == 0 ? 0 : recordEnds[$0 - 1]) }
  }

  /// The index of the first record with this token, or 0.
  func recordHolding(_ token: Token) -> Int {
    guard let place = tokens.firstIndex(of: token) else { return 0 }
    return recordEnds.firstIndex { $0 > place } ?? 0
  }

  /// The records after the one at `index`.
  fileprivate func suffix(after index: Int) -> TokenBlock {
    var result = TokenBlock()
    let start = recordEnds[index]
    result.tokens = Array(tokens[start...])
    result.recordEnds = recordEnds[(index + 1)...].map { $0 - start }
    result.name = name
    result.firstRecordNumber = firstRecordNumber + index + 1
    result.isTerminated = isTerminated
    return result
  }
}
