// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TensorFiles
import Testing

/// A safetensors file from its JSON and data, with nothing checked.
private func file(_ json: String, data: [UInt8] = []) -> [UInt8] {
  let count = UInt64(json.utf8.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(json.utf8) + data
}

private func tensor(_ offsets: String, type: String = "F32", shape: String = "[2]") -> String {
  "{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
}

@Suite struct TensorFileTests {
  @Test("what is written is read back, and the data is aligned")
  func roundTrip() throws {
    let writer = TensorFileWriter(metadata: [("b", "x \"y\"\n\u{1F437}"), ("a", "")])
    writer.add("one", shape: [2, 2], [1, -2.5, 3, Float.infinity])
    writer.add("two", shape: [1], [0.1])
    writer.add("three", [-7, 8])
    let sink = ByteSink.memory()
    try writer.write(to: sink)
    let bytes = sink.takeBytes()
    #expect((Int(bytes[0]) + Int(bytes[1]) << 8 + 8) % 64 == 0)
    let file = try TensorFile(bytes: bytes)
    #expect(file.metadata == ["b": "x \"y\"\n\u{1F437}", "a": ""])
    #expect(file.entries.map(\.name) == ["one", "two", "three"])
    #expect(try file.numbers(of: file.entries[0]) as [Float] == [1, -2.5, 3, .infinity])
    #expect(try file.numbers(of: file.entries[1]) as [Double] == [0.1])
    #expect(throws: StreamError.self) { try file.numbers(of: file.entries[2]) as [Double] }
  }

  @Test("any bit that is flipped is seen, or changes nothing")
  func checksum() throws {
    let writer = TensorFileWriter(metadata: [("a", "x y")])
    writer.add("one", shape: [2], [1, -2.5 as Float])
    let sink = ByteSink.memory()
    try writer.write(to: sink)
    let bytes = sink.takeBytes()
    var seen = 0
    for bit in 0..<8 * bytes.count {
      var spoilt = bytes
      spoilt[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let file = try? TensorFile(bytes: spoilt) else {
        seen += 1
        continue
      }
      // The name of the checksum itself: what is left is as it was.
      #expect(file.metadata["a"] == "x y")
      #expect(try file.numbers(of: file.entries[0]) as [Float] == [1, -2.5])
    }
    #expect(seen > 7 * bytes.count)
  }

  @Test("half and brain floats are widened exactly")
  func narrowTypes() throws {
    let json =
      "{\"h\":\(tensor("[0,10]", type: "F16", shape: "[5]")),"
      + "\"b\":\(tensor("[10,12]", type: "BF16", shape: "[]"))}"
    let data: [UInt8] = [0, 0x3C, 0, 0xC0, 1, 0, 0, 0x7C, 0xFF, 0x7B, 0xC0, 0x3F]
    let read = try TensorFile(bytes: file(json, data: data))
    #expect(
      try read.numbers(of: read.entries[0]) as [Double] == [1, -2, 0x1p-24, .infinity, 65504])
    #expect(try read.numbers(of: read.entries[1]) as [Float] == [1.5])
  }

  @Test(
    "files that break the format are refused with the place",
    arguments: [
      (file("{\"t\":\(tensor("[0,0]", shape: "[0]"))"), "ends inside brackets"),
      (file("{\"t\":\(tensor("[0,9]"))}", data: Array(repeating: 0, count: 9)), "its shape needs"),
      (file("{\"t\":\(tensor("[0,8]"))}", data: [1, 2]), "claims bytes 0 to 8 of 2"),
      (file("{\"t\":\(tensor("[8,0]"))}", data: [1, 2]), "claims bytes 8 to 0 of 2"),
      (
        file("{\"t\":\(tensor("[4,12]"))}", data: Array(repeating: 0, count: 12)),
        "leaves a hole after byte 0"
      ),
      (
        file(
          "{\"t\":\(tensor("[0,8]")),\"u\":\(tensor("[4,12]"))}",
          data: Array(repeating: 0, count: 12)), "overlaps byte 8"
      ),
      (file("{\"t\":\(tensor("[0,8]"))}", data: Array(repeating: 0, count: 9)), "the file holds 9"),
      (
        file("{\"t\":\(tensor("[0,0]", shape: "[0]")),\"t\":\(tensor("[0,8]"))}"),
        "stands twice"
      ),
      (
        file("{\"t\":\(tensor("[0,9223372036854775808]"))}"),
        "data_offsets of tensor t: 9223372036854775808 is beyond 2^63"
      ),
      (
        file("{\"t\":\(tensor("[0,8]", shape: "[1.5]"))}"),
        "shape of tensor t: 1.5 is no integer"
      ),
      (
        file("{\"t\":\(tensor("[0,8]", shape: "[9223372036854775807,4]"))}"),
        "larger than 2^63 bytes"
      ),
      (file("{\"t\":\(tensor("[0,8]", type: "F12"))}"), "unknown dtype F12"),
      (file("{\"t\":{\"dtype\":\"F32\"}}"), "lacks dtype, shape"),
      (file("{} x"), "something follows"),
      (file("{\"a\\uD800\":1}"), "lone surrogate"),
      (Array(file("{}").dropLast()), "claims 2 bytes of 1"),
      ([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0x7B], "claims 4294967295 bytes"),
      ([1, 2, 3], "is no safetensors file"),
    ])
  func refused(_ bytes: [UInt8], _ problem: String) {
    let error = #expect(throws: StreamError.self) { try TensorFile(bytes: bytes, name: "bad") }
    #expect("\(error!)".contains(problem), "\(error!)")
    #expect("\(error!)".hasPrefix("bad:"))
  }
}
