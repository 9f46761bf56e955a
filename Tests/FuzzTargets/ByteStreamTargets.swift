// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TensorFiles

extension FuzzTarget {
  /// zstd framing: steps of any size give the same bytes.
  static let zstd = FuzzTarget(name: "zstd") {
    let compressor = ZstdCompressor(level: 1)
    var frames = ByteBuffer()
    for text in ["what do pigs eat ?\n", "", String(repeating: "cows ", count: 99)] {
      Array(text.utf8).withUnsafeBufferPointer { compressor.appendFrame(of: $0, to: &frames) }
    }
    let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
    return [Array(frames.bytes), skippable + Array(frames.bytes), Array("plain".utf8)]
  } attack: { bytes in
    let whole = try drained(bytes)
    let again = try drained(bytes, step: 3)
    demand(again == whole, "steps differ")
  }

  /// The blocks of a binary stream: what is accepted is written and read again.
  static let blocks = FuzzTarget(name: "blocks") {
    try [0, 1].map { level in
      let sink = ByteSink.memory()
      let header = StreamHeader(kind: "tokn", parameters: [("order", "3")], payload: [1, 2])
      var writer = try BlockWriter(sink, header: header, level: level)
      var payload = ByteBuffer()
      payload.append([1, 2, 3, 4])
      try writer.write(payload, itemCount: 2)
      try writer.finish(totals: [7])
      return sink.takeBytes()
    }
  } attack: { bytes in
    let file = try InputFile(bytes: bytes, name: "input")
    guard try BlockReader.recognises(file) else { return }
    var reader = BlockReader(file)
    let sink = ByteSink.memory()
    var writer: BlockWriter?
    while let block = try reader.next() {
      switch consume block {
      case .head(let header): writer = try BlockWriter(sink, header: header, level: 0)
      case .data(let payload, let count): try writer!.write(payload, itemCount: count)
      case .end(let totals): try writer!.finish(totals: totals)
      }
    }
    var again = BlockReader(try InputFile(bytes: sink.takeBytes()))
    while try again.next() != nil {}
  }

  /// Safetensors: every tensor that is listed can be read.
  static let tensors = FuzzTarget(name: "tensors") {
    let sink = ByteSink.memory()
    let writer = TensorFileWriter(metadata: [("format", "pt"), ("vocabulary", "a b \"c\"")])
    writer.add("weight", shape: [2, 3], [1, 2, 3, 4, 5, 6] as [Float])
    writer.add("bias", shape: [2], [1, 2] as [Double])
    writer.add("steps", [3, 4])
    try writer.write(to: sink)
    return [unsealed(sink.takeBytes())]
  } attack: { bytes in
    let file = try TensorFile(bytes: bytes, name: "input")
    for entry in file.entries {
      demand(file.bytes(of: entry).count == entry.range.count, "a tensor is cut")
      _ = try? file.numbers(of: entry, as: Float.self)
    }
  }
}
