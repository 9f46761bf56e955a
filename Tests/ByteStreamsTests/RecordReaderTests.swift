// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import TestSupport
import Testing

private struct Record: Equatable {
  var bytes: [UInt8]
  var number: Int
}

private func records(_ reader: RecordReader) throws -> [Record] {
  var result: [Record] = []
  while let block = try reader.nextBlock() {
    let before = result.count
    block.forEachRecord { result.append(Record(bytes: Array($0), number: $1)) }
    #expect(block.recordCount == result.count - before)
  }
  return result
}

/// The slow twin: splits at the terminator; a last piece that is empty is no record.
private func split(_ bytes: [UInt8], _ terminator: UInt8) -> [Record] {
  var pieces = bytes.split(separator: terminator, omittingEmptySubsequences: false).map(Array.init)
  if pieces.last == [] { pieces.removeLast() }
  return pieces.enumerated().map { Record(bytes: $1, number: $0 + 1) }
}

@Test(arguments: [UInt8(0x0A), 0])
func `blocks of any size hold the records of the text`(terminator: UInt8) throws {
  var generator = SeededGenerator(seed: 2)
  for count in [0, 1, 2, 50, 5000] {
    var bytes = generator.hostileBytes(count: count)
    for _ in 0..<count / 20 { bytes[Int.random(in: 0..<count, using: &generator)] = terminator }
    if bytes.starts(with: [0x1F, 0x8B]) { bytes[0] = 0x61 }
    for blockByteCount in [1, 64, 1 << 18] {
      let reader = RecordReader(
        file: try InputFile(bytes: bytes), terminator: terminator, blockByteCount: blockByteCount)
      #expect(try records(reader) == split(bytes, terminator))
    }
  }
}

@Test func `a record of ten megabytes is one record`() throws {
  let long = [UInt8](repeating: 0x61, count: 10_000_000)
  let file = try InputFile(bytes: [0x62, 0x0A] + long + [0x0A] + long)
  let found = try records(RecordReader(file: file))
  #expect(found.map(\.bytes.count) == [1, 10_000_000, 10_000_000])
  #expect(found.map(\.number) == [1, 2, 3])
}

@Test func `files are one stream, numbered each, and a missing last newline is supplied`()
  throws
{
  let scratch = try Scratch()
  try scratch.write("a", "one\ntwo")
  try scratch.write("b", "")
  try scratch.write("c", "three\n")
  let reader = RecordReader(paths: ["a", "b", "c"].map(scratch.path))
  var names: [String] = []
  var found: [Record] = []
  var terminated: [Bool] = []
  while let block = try reader.nextBlock() {
    names.append(String(block.name.last!))
    terminated.append(block.isTerminated)
    block.forEachRecord { found.append(Record(bytes: Array($0), number: $1)) }
  }
  #expect(found.map { String(decoding: $0.bytes, as: UTF8.self) } == ["one", "two", "three"])
  #expect(found.map(\.number) == [1, 2, 1])
  #expect(names == ["a", "c"])
  #expect(terminated == [true, true])
  #expect(reader.consumedByteCount == 13)
}

@Test func `only the last file shows that its last newline is missing`() throws {
  let scratch = try Scratch()
  try scratch.write("a", "one")
  let reader = RecordReader(paths: [scratch.path("a"), scratch.path("a")])
  var terminated: [Bool] = []
  while let block = try reader.nextBlock() { terminated.append(block.isTerminated) }
  #expect(terminated == [true, false])
}

@Test func `a block ends where more would have to be waited for`() throws {
  var ends: [CInt] = [0, 0]
  #expect(pipe(&ends) == 0)
  defer { close(ends[1]) }
  #expect(write(ends[1], "one\ntw", 6) == 6)
  let reader = RecordReader(file: try InputFile(descriptor: ends[0], name: "pipe"))
  let block = try #require(try reader.nextBlock())
  #expect(Array(block.bytes.bytes) == Array("one\n".utf8))
  #expect(reader.wouldBlock)
}
