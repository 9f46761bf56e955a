// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TestSupport
import Testing

private func stream(_ payloads: [[UInt8]], level: Int, totals: [UInt8] = []) throws -> [UInt8] {
  let sink = ByteSink.memory()
  let header = StreamHeader(kind: "test", parameters: [("order", "3")], payload: [1, 2, 3])
  var writer = try BlockWriter(sink, header: header, level: level)
  for bytes in payloads {
    var payload = ByteBuffer()
    payload.append(bytes)
    try writer.write(payload, itemCount: bytes.count)
  }
  try writer.finish(totals: totals)
  return sink.takeBytes()
}

/// A line for each block.
private func described(_ bytes: [UInt8]) throws -> [String] {
  var reader = BlockReader(try InputFile(bytes: bytes, name: "s"))
  var lines: [String] = []
  while let block = try reader.next() {
    switch consume block {
    case .head(let header):
      lines.append("\(header.kind) order=\(header["order"] ?? "") \(header.payload)")
    case .data(let payload, let itemCount): lines.append("\(Array(payload.bytes)) \(itemCount)")
    case .end(let totals): lines.append("end \(totals)")
    }
  }
  return lines
}

@Test(arguments: [0, 1, 19]) func `blocks are read as written, streams can be joined`(level: Int)
  throws
{
  let bytes = try stream([[5], [], [6, 7]], level: level, totals: [9])
  let lines = ["test order=3 [1, 2, 3]", "[5] 1", "[] 0", "[6, 7] 2", "end [9]"]
  #expect(try described(bytes) == lines)
  #expect(try described(bytes + bytes) == lines + lines)
  let recompressed = compressed(try stream([[5], [], [6, 7]], level: 0, totals: [9]))
  #expect(try described(recompressed) == lines)
}

@Test(arguments: [0, 1]) func `a stream cut anywhere is an error with its offset`(level: Int) throws
{
  let bytes = try stream([[5, 5, 5], [6, 7]], level: level)
  for count in 2..<bytes.count {
    let error = #expect(throws: StreamError.self, "cut at \(count)") {
      try described(Array(bytes[..<count]))
    }
    if case .offset("s", _) = error?.place { continue }
    Issue.record("no offset: \(String(describing: error))")
  }
}

@Test func `blocks that are missing, out of place or mixed with text are errors`() throws {
  let bytes = try stream([[5, 5, 5]], level: 0)
  let dataStart = 8 + 24 + 4 + 4 + 4 + 8 + 3
  let endStart = dataStart + 24 + 3
  let without = Array(bytes[..<dataStart] + bytes[endStart...])
  #expect(throws: StreamError.self) { try described(without) }
  let twice = Array(bytes[..<endStart] + bytes[dataStart...])
  #expect(throws: StreamError.self) { try described(twice) }
  let text = #expect(throws: StreamError.self) { try described(bytes + Array("a b c\n".utf8)) }
  #expect(text?.advice == "do not mix text and binary")
}

@Test func `a newer major version is refused, with the way out`() throws {
  var bytes = try stream([], level: 0)
  // Version and checksum of the head block.
  bytes[32] = 2
  let payload = Array(bytes[32..<55])
  let sum = payload.withUnsafeBufferPointer { checksum(of: $0, seed: 0x4441_4548 << 32) }
  withUnsafeBytes(of: sum.littleEndian) { for index in 0..<8 { bytes[24 + index] = $0[index] } }
  let error = #expect(throws: StreamError.self) { try described(bytes) }
  #expect(error?.description == "s:@0: stream version 2 is newer than 1; use a newer release")
}

@Test func `a claim of a huge block costs no memory`() throws {
  var bytes = try stream([], level: 0)
  bytes[8 + 8 + 4] = 0xFF
  #expect(throws: StreamError.self) { try described(bytes) }
}
