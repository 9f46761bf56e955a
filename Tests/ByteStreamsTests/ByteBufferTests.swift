// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import TestSupport
import Testing

@Test func `integers are written as they are read`() throws {
  var generator = SeededGenerator(seed: 4)
  var values: [UInt64] = [0, 1, 9, 10, 127, 128, 999, 1000, .max, .max - 1, 1 << 63]
  for shift in 0..<64 { values.append(generator.next() >> UInt64(shift)) }
  var power: UInt64 = 1
  for _ in 0..<19 {
    power *= 10
    values += [power - 1, power]
  }
  for value in values {
    var text = ByteBuffer(capacity: 1)
    text.append(decimal: value)
    #expect(String(decoding: text.bytes, as: UTF8.self) == String(value))
    var binary = ByteBuffer(capacity: 1)
    binary.append(varint: value)
    binary.append(littleEndian: value)
    var cursor = ByteCursor(binary.bytes)
    #expect(try cursor.varint() == value)
    #expect(try cursor.integer(as: UInt64.self) == value)
    #expect(cursor.remainingCount == 0)
    #expect(throws: StreamError.self) { try ByteBufferTests.pastEnd(binary.bytes) }
  }
}

private enum ByteBufferTests {
  static func pastEnd(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    var cursor = ByteCursor(bytes)
    _ = try cursor.bytes(bytes.count)
    _ = try cursor.integer(as: UInt8.self)
  }
}

@Test func `a varint that never ends is an error`() {
  let endless = [UInt8](repeating: 0xFF, count: 20)
  _ = endless.withUnsafeBufferPointer { bytes in
    #expect(throws: StreamError.self) {
      var cursor = ByteCursor(bytes)
      _ = try cursor.varint()
    }
  }
}

@Test func `a buffer grows, drops its front and keeps the rest`() {
  var generator = SeededGenerator(seed: 5)
  var buffer = ByteBuffer(capacity: 0)
  var twin: [UInt8] = []
  for _ in 0..<300 {
    let piece = generator.hostileBytes(count: Int.random(in: 0..<200, using: &generator))
    buffer.append(piece)
    twin += piece
    let dropped = Int.random(in: 0...min(twin.count, 90), using: &generator)
    buffer.removeFirst(dropped)
    twin.removeFirst(dropped)
    #expect(Array(buffer.bytes) == twin)
  }
}
