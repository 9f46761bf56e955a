// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import TestSupport
import Testing

/// All bytes of a stream, read in pieces of `step`.
func readAll(_ file: InputFile, step: Int = 1 << 16) throws(StreamError) -> [UInt8] {
  var buffer = ByteBuffer()
  while try file.read(upTo: step, appendingTo: &buffer) {}
  return Array(buffer.bytes)
}

/// The bytes as frames of at most `frameByteCount` bytes.
func compressed(_ bytes: [UInt8], frameByteCount: Int = .max, level: Int = 1) -> [UInt8] {
  let compressor = ZstdCompressor(level: level)
  var output = ByteBuffer()
  var rest = bytes[...]
  repeat {
    let frame = Array(rest.prefix(frameByteCount))
    frame.withUnsafeBufferPointer { compressor.appendFrame(of: $0, to: &output) }
    rest = rest.dropFirst(frame.count)
  } while !rest.isEmpty
  return Array(output.bytes)
}

@Test(arguments: [1, 7, 4096, 1 << 20])
func `zstd frames are read as the bytes they hold, in steps of any size`(step: Int) throws {
  var generator = SeededGenerator(seed: 1)
  let bytes = generator.hostileBytes(count: 300_000)
  for frame in [70_000, Int.max] {
    let file = try InputFile(bytes: compressed(bytes, frameByteCount: frame))
    #expect(try readAll(file, step: step) == bytes)
    #expect(file.offset == bytes.count)
  }
}

@Test func `zstd data cut at any byte is an error, except between frames`() throws {
  let first = compressed(Array("what do pigs eat ?\n".utf8))
  let whole = first + compressed(Array("cows eat grass .\n".utf8))
  // One byte alone is a parenthesis, which is text.
  for count in 2..<whole.count where count != first.count {
    let error = #expect(throws: StreamError.self, "cut at \(count)") {
      try readAll(InputFile(bytes: Array(whole[..<count]), name: "cut"))
    }
    #expect(error?.problem.hasPrefix("truncated") == true)
  }
  #expect(try readAll(InputFile(bytes: first)).count == 19)
}

@Test func `a flipped bit in zstd data is an error or leaves the bytes as they were`() throws {
  let bytes = Array(String(repeating: "what do pigs eat ?\n", count: 40).utf8)
  let whole = compressed(bytes)
  for index in 4..<whole.count {
    for bit in 0..<8 {
      var altered = whole
      altered[index] ^= 1 << bit
      do throws(StreamError) {
        #expect(try readAll(InputFile(bytes: altered)) == bytes, "byte \(index), bit \(bit)")
      } catch {
        #expect(error.place != .none)
      }
    }
  }
}

@Test func `other compressions are refused with advice`() throws {
  let refused: [([UInt8], String)] = [
    ([0x1F, 0x8B, 8, 0], "f: is gzip-compressed; pipe it through zcat"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 4], "f: is xz-compressed; pipe it through xzcat"),
  ]
  for (bytes, message) in refused {
    let error = #expect(throws: StreamError.self) { try InputFile(bytes: bytes, name: "f") }
    #expect(error?.description == message)
  }
}

@Test(arguments: ["", "(", "a", "(a", "\u{FD}7zXY", "PQRS", "\\data", "\n"])
func `short texts pass, whatever they begin with`(text: String) throws {
  #expect(try readAll(InputFile(bytes: Array(text.utf8))) == Array(text.utf8))
}

@Test func `what a stream begins with is told without taking it`() throws {
  let file = try InputFile(bytes: Array("\\data\\ and more".utf8))
  #expect(try file.begins(with: Array("\\data\\".utf8)))
  #expect(try !file.begins(with: Array("\\data\\ and less".utf8)))
  #expect(try !file.begins(with: Array("\\data\\ and more than that".utf8)))
  #expect(try readAll(file) == Array("\\data\\ and more".utf8))
}

@Test func `a pipe that pauses after one byte is not waited for`() throws {
  var ends: [CInt] = [0, 0]
  #expect(pipe(&ends) == 0)
  defer { close(ends[1]) }
  #expect(write(ends[1], "a", 1) == 1)
  // Would hang if the first bytes were awaited before they are handed on.
  let file = try InputFile(descriptor: ends[0], name: "pipe")
  #expect(try !file.begins(with: Array("\\data\\".utf8)))
  var byte: UInt8 = 0
  #expect(try withUnsafeMutableBytes(of: &byte) { try file.read(into: $0) } == 1)
  #expect(file.wouldBlock)
  #expect(write(ends[1], "b", 1) == 1)
  #expect(!file.wouldBlock)
}

@Test func `missing files and folders are errors with their names`() throws {
  let missing = #expect(throws: StreamError.self) { try InputFile(path: "/nowhere/a") }
  #expect(missing?.description == "/nowhere/a: no such file or directory")
  let folder = #expect(throws: StreamError.self) { try InputFile(path: "/usr") }
  #expect(folder?.description == "/usr: is a directory; give its files")
}
