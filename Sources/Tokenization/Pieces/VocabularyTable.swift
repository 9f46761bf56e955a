// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Gathers the spellings of a model's tokens, in order of its ids, into a vocabulary.
///
/// A spelling can stand only once. Where a file says the same bytes twice (a control piece and a text
/// of the same letters), or leaves an id out, the later one gets a spelling that no text has: its
/// number between brackets with an escaped first byte.
struct VocabularyTable: ~Copyable {
  private var table = PieceTable()
  private var spelling = ByteBuffer()

  /// Appends a token that is one of `<unk>`, `<s>`, `</s>`.
  mutating func append(special: [UInt8]) {
    spelling.removeAll()
    spelling.append(special)
    insert()
  }

  /// Appends a token by the bytes that it stands for.
  mutating func append(_ piece: some Collection<UInt8>) {
    spelling.removeAll()
    Array(piece).withUnsafeBufferPointer { Spelling.append($0, to: &spelling) }
    insert()
  }

  /// Appends a token that the file has no piece for.
  mutating func appendHole() {
    spelling.removeAll()
    spelling.append("\\x00\(table.count)")
    insert()
  }

  consuming func finish(decoding: TextDecoding) -> Vocabulary {
    Vocabulary(table, decoding: decoding)
  }

  private mutating func insert() {
    let number = table.count
    if Int(table.insert(spelling.bytes)) != number { appendHole() }
  }
}
