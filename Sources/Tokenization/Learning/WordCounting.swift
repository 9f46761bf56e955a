// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// How a learner cuts running text into the words that it learns from.
public enum WordCutting: Sendable {
  /// Words and punctuation marks, prepared as for BERT.
  case bert(BertPreparation)
  /// What stands between white space, with one space in front: the words of SentencePiece.
  case marked
}

extension TrainingWords {
  /// Reads files in order as one stream; none means standard input.
  ///
  /// - cutting: of running text; nothing when the lines are `word<TAB>count`.
  public init(
    paths: [String], terminator: UInt8, cutting: WordCutting?
  ) throws(StreamError) {
    self.init()
    let reader = RecordReader(paths: paths, terminator: terminator)
    var scratch = CuttingScratch()
    while let block = try reader.nextBlock() {
      switch cutting {
      case nil: try addWeighted(block)
      case .bert(let preparation):
        try block.forEachRecord { (record, _) throws(StreamError) in
          try add(record, preparation, &scratch)
        }
      case .marked:
        try block.forEachRecord { (record, _) throws(StreamError) in
          try addMarked(record, &scratch.first)
        }
      }
    }
  }

  private mutating func add(
    _ record: UnsafeBufferPointer<UInt8>, _ preparation: BertPreparation,
    _ scratch: inout CuttingScratch
  ) throws(StreamError) {
    scratch.ends.removeAll(keepingCapacity: true)
    scratch.words.removeAll()
    preparation.forEachWord(of: record, &scratch.first, &scratch.second) { word in
      scratch.words.append(word)
      scratch.ends.append(scratch.words.count)
    }
    var start = 0
    for end in scratch.ends {
      try add(UnsafeBufferPointer(rebasing: scratch.words.bytes[start..<end]))
      start = end
    }
  }

  private mutating func addMarked(
    _ record: UnsafeBufferPointer<UInt8>, _ word: inout ByteBuffer
  ) throws(StreamError) {
    var index = 0
    while index < record.count {
      while index < record.count, isBlank(record[index]) { index &+= 1 }
      let start = index
      while index < record.count, !isBlank(record[index]) { index &+= 1 }
      guard index > start else { return }
      word.removeAll()
      word.append(0x20)
      word.append(UnsafeBufferPointer(rebasing: record[start..<index]))
      try add(word.bytes)
    }
  }
}

/// Room for the forms of a record on its way to words.
private struct CuttingScratch: ~Copyable {
  var first = ByteBuffer()
  var second = ByteBuffer()
  var words = ByteBuffer()
  var ends: [Int] = []
}

@inline(__always) private func isBlank(_ byte: UInt8) -> Bool {
  byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
}
