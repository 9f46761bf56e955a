// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Walks over the JSON of a header, strictly: what is no JSON stops it with the byte that is wrong.
struct JSONCursor {
  private let bytes: UnsafeRawBufferPointer
  private let name: String
  /// Where the JSON begins in its file, for messages.
  private let fileOffset: Int
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer, name: String, fileOffset: Int) {
    self.bytes = bytes
    self.name = name
    self.fileOffset = fileOffset
  }

  func failure(_ problem: String) -> StreamError {
    StreamError(.offset(name, fileOffset + position), problem)
  }

  /// Whether only white space is left.
  mutating func isAtEnd() -> Bool {
    skipSpace()
    return position == bytes.count
  }

  /// Calls `body` with each key, standing at its value, in order. A key that comes twice is an error.
  mutating func forEachMember(
    _ body: (inout JSONCursor, String) throws(StreamError) -> Void
  ) throws(StreamError) {
    try expect("{")
    var seen: Set<String> = []
    guard !takes("}") else { return }
    repeat {
      skipSpace()
      let key = try string()
      guard seen.insert(key).inserted else { throw failure("the key \"\(key)\" stands twice") }
      try expect(":")
      try body(&self, key)
    } while takes(",")
    try expect("}")
  }

  /// An array of integers from 0 to 2^63 - 1.
  mutating func integers() throws(StreamError) -> [Int] {
    try expect("[")
    var result: [Int] = []
    guard !takes("]") else { return result }
    repeat { result.append(try integer()) } while takes(",")
    try expect("]")
    return result
  }

  mutating func string() throws(StreamError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while true {
      switch try byte() {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("a string that is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): text += try escape()
      case 0..<0x20: throw failure("a control byte inside a string")
      case let byte: text.append(byte)
      }
    }
  }

  private mutating func escape() throws(StreamError) -> [UInt8] {
    switch try byte() {
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case let byte where byte == 0x22 || byte == 0x5C || byte == 0x2F: return [byte]
    case UInt8(ascii: "u"):
      var value = try hexadecimal()
      if 0xD800..<0xDC00 ~= value, try byte() == 0x5C, try byte() == UInt8(ascii: "u") {
        let low = try hexadecimal()
        guard 0xDC00..<0xE000 ~= low else { throw failure("half a surrogate pair") }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw failure("half a surrogate pair") }
      return Array(String(Character(scalar)).utf8)
    default: throw failure("an unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws(StreamError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let digit = Character(Unicode.Scalar(try byte()))
      guard let number = digit.hexDigitValue else { throw failure("a bad \\u escape") }
      value = value << 4 | UInt32(number)
    }
    return value
  }

  private mutating func integer() throws(StreamError) -> Int {
    skipSpace()
    var value = 0
    let start = position
    while position < bytes.count, case let digit = bytes[position], 0x30...0x39 ~= digit {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(digit - 0x30))
      guard !overflow, !carry else { throw failure("a number beyond 2^63") }
      value = sum
      position += 1
    }
    guard position > start, position - start == 1 || bytes[start] != 0x30 else {
      throw failure("expected a whole number")
    }
    return value
  }

  private mutating func byte() throws(StreamError) -> UInt8 {
    guard position < bytes.count else { throw failure("the header ends inside a value") }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) {
      position += 1
    }
  }

  /// Goes past `character` if it is next.
  private mutating func takes(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(StreamError) {
    guard takes(character) else { throw failure("expected '\(character)'") }
  }
}
