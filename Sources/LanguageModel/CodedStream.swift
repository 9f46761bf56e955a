// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

// A coded token stream is a binary stream of kind `arth`. Its header says how it was coded, a data
// block holds some records:
//
//     flags (bit 0: the last record lacks its terminator)      one byte
//     number of tokens                                         varint
//     checksum of the records as token text                    8 bytes
//     length of each record, unless the model predicts ends    varints
//     the code                                                 the rest

/// The kind of coded streams.
let codedKind = "arth"

/// How many bytes the codes took, besides headers and checksums.
public struct CodeSize: Sendable {
  public var recordCount = 0
  public var tokenCount = 0
  public var byteCount = 0
}

/// The head of a data block.
struct CodedBlock: Sendable {
  var isTerminated = true
  var tokenCount = 0
  var checksum: UInt64 = 0
  var lengths: [Int]?
  var code: [UInt8] = []

  func append(to output: inout ByteBuffer) {
    output.append(isTerminated ? 0 : 1)
    output.append(varint: UInt64(tokenCount))
    output.append(littleEndian: checksum)
    for length in lengths ?? [] { output.append(varint: UInt64(length)) }
    output.append(code)
  }

  /// - recordCount: of the block, when lengths of records stand in it.
  init(_ payload: borrowing ByteBuffer, recordCount: Int?) throws(StreamError) {
    var cursor = ByteCursor(payload.bytes)
    isTerminated = try cursor.integer(as: UInt8.self) & 1 == 0
    tokenCount = Int(truncatingIfNeeded: try cursor.varint())
    checksum = try cursor.integer(as: UInt64.self)
    if let recordCount {
      guard recordCount <= cursor.remainingCount else {
        throw StreamError(.none, "corrupt code block")
      }
      var lengths: [Int] = []
      for _ in 0..<recordCount {
        lengths.append(Int(truncatingIfNeeded: try cursor.varint() & 0xFFFF_FFFF))
      }
      self.lengths = lengths
    }
    code = Array(try cursor.bytes(cursor.remainingCount))
  }

  init() {}
}

let altered = StreamError(
  .none, "the decoded text fails its checksum",
  advice: "the code was altered, or the model's numbers differ on this machine")

/// Reads the segments of a coded stream.
func readCode(
  _ file: InputFile, header check: (StreamHeader) throws -> Void,
  block body: (StreamHeader, borrowing ByteBuffer, Int) throws -> Void
) throws {
  guard try BlockReader.recognises(file) else {
    if try file.prefix(1).isEmpty { return }
    throw StreamError(.file(file.name), "is no code", advice: "give what arith-code wrote")
  }
  var reader = BlockReader(file)
  var header: StreamHeader?
  while let block = try reader.next() {
    switch consume block {
    case .head(let head):
      guard head.kind == codedKind else {
        throw StreamError(.file(file.name), "is a stream of kind \(head.kind), no code")
      }
      try check(head)
      header = head
    case .data(let payload, let itemCount):
      do {
        try body(header!, payload, itemCount)
      } catch let error as StreamError {
        throw error.located(at: .file(file.name))
      }
    case .end: break
    }
  }
}
