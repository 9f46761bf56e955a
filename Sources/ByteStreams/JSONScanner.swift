// SPDX-License-Identifier: Apache-2.0

/// Pulls values out of a JSON text, strictly (RFC 8259): no trailing commas, no lone surrogates, valid
/// UTF-8 only. Errors name the byte.
///
///     try scanner.beginObject()
///     while try scanner.nextKey(into: &key) { let n = try scanner.integer() }
public struct JSONScanner: ~Copyable {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let name: String
  /// Where the text begins in its file, for messages.
  private let fileOffset: Int
  /// The byte that comes next.
  public private(set) var offset = 0
  /// True between an opening bracket and its first element.
  private var isAtStart = false
  private var depth = 0

  /// - bytes: borrowed; they must outlive the scanner.
  /// - name: the file's name in messages.
  /// - fileOffset: where the text begins in its file.
  public init(_ bytes: UnsafeBufferPointer<UInt8>, name: String, fileOffset: Int = 0) {
    self.bytes = bytes
    self.name = name
    self.fileOffset = fileOffset
  }

  /// What kind of value begins here.
  public enum Kind: Sendable { case object, array, string, number, boolean, null }

  /// The kind of the next value, which is not consumed.
  public mutating func peek() throws(StreamError) -> Kind {
    skipWhiteSpace()
    guard offset < bytes.count else { throw failure("the JSON text ends where a value should be") }
    switch bytes[offset] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), 0x30...0x39: return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    default: throw failure("no JSON value")
    }
  }

  public mutating func beginObject() throws(StreamError) { try begin(.object) }

  /// Reads the next member's key into `key`, or consumes the closing brace and returns false.
  public mutating func nextKey(into key: inout ByteBuffer) throws(StreamError) -> Bool {
    guard try next(before: UInt8(ascii: "}")) else { return false }
    key.removeAll()
    try appendString(to: &key)
    skipWhiteSpace()
    try expect(UInt8(ascii: ":"))
    return true
  }

  /// The next member's key, or nothing at the closing brace.
  public mutating func nextKey() throws(StreamError) -> String? {
    var key = ByteBuffer(capacity: 32)
    guard try nextKey(into: &key) else { return nil }
    return String(decoding: key.bytes, as: UTF8.self)
  }

  /// Calls `body` with each key of an object, standing at its value. A key that comes twice is an error.
  public mutating func forEachMember(
    _ body: (inout JSONScanner, String) throws(StreamError) -> Void
  ) throws(StreamError) {
    try beginObject()
    var seen: Set<String> = []
    while let key = try nextKey() {
      guard seen.insert(key).inserted else { throw failure("the key \"\(key)\" stands twice") }
      try body(&self, key)
    }
  }

  public mutating func beginArray() throws(StreamError) { try begin(.array) }

  /// Whether another element follows; otherwise consumes the closing bracket.
  public mutating func nextElement() throws(StreamError) -> Bool {
    try next(before: UInt8(ascii: "]"))
  }

  public mutating func string() throws(StreamError) -> String {
    var text = ByteBuffer(capacity: 32)
    try appendString(to: &text)
    return String(decoding: text.bytes, as: UTF8.self)
  }

  /// Appends the UTF-8 of a string value to `output`.
  public mutating func appendString(to output: inout ByteBuffer) throws(StreamError) {
    skipWhiteSpace()
    try expect(UInt8(ascii: "\""))
    while true {
      while offset &+ 8 <= bytes.count {
        // Eight bytes are copied at once, and as many of them count as stand for themselves.
        let word = word(at: offset)
        let plainCount = JSONScanner.special(in: word).trailingZeroBitCount &>> 3
        output.reserve(8)
        UnsafeMutableRawPointer(output.base).storeBytes(
          of: word.littleEndian, toByteOffset: output.count, as: UInt64.self)
        output.count &+= plainCount
        offset &+= plainCount
        if plainCount < 8 { break }
      }
      guard offset < bytes.count else { throw failure("the JSON text ends inside a string") }
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        offset += 1
        return
      case UInt8(ascii: "\\"): try appendEscape(to: &output)
      case 0x80...0xFF:
        let length = utf8SequenceLength(bytes, at: offset)
        guard length > 0 else { throw failure("invalid UTF-8 in a JSON string") }
        output.append(UnsafeBufferPointer(rebasing: bytes[offset..<offset + length]))
        offset += length
      case 0x00...0x1F: throw failure("control character in a JSON string")
      default:
        output.append(bytes[offset])
        offset += 1
      }
    }
  }

  public mutating func number() throws(StreamError) -> Double {
    let text = try numberText()
    guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite else {
      throw failure("number out of range")
    }
    return value
  }

  public mutating func integer() throws(StreamError) -> Int {
    skipWhiteSpace()
    if let value = shortInteger() { return value }
    let text = try numberText()
    if let value = Int(String(decoding: text, as: UTF8.self)) { return value }
    let shown = String(decoding: text.prefix(40), as: UTF8.self)
    let isInteger = text.allSatisfy { $0 &- 0x30 < 10 || $0 == UInt8(ascii: "-") }
    throw failure(isInteger ? "\(shown) is beyond 2^63" : "\(shown) is no integer")
  }

  /// An array of integers from 0 up.
  public mutating func counts() throws(StreamError) -> [Int] {
    var result: [Int] = []
    try beginArray()
    while try nextElement() {
      let value = try integer()
      guard value >= 0 else { throw failure("\(value) is negative") }
      result.append(value)
    }
    return result
  }

  public mutating func boolean() throws(StreamError) -> Bool {
    guard try peek() == .boolean else { throw failure("no boolean") }
    let value = bytes[offset] == UInt8(ascii: "t")
    try expect(word: value ? "true" : "false")
    return value
  }

  /// Consumes a null if it comes next.
  public mutating func null() throws(StreamError) -> Bool {
    guard try peek() == .null else { return false }
    try expect(word: "null")
    return true
  }

  /// The next value, whatever it is.
  public mutating func value() throws(StreamError) -> JSONValue {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 256 else { throw failure("JSON nested deeper than 256") }
    switch try peek() {
    case .object:
      var members: [(key: String, value: JSONValue)] = []
      try beginObject()
      while let key = try nextKey() { members.append((key, try value())) }
      return .object(members)
    case .array:
      var elements: [JSONValue] = []
      try beginArray()
      while try nextElement() { elements.append(try value()) }
      return .array(elements)
    case .string: return .string(try string())
    case .number: return .number(try number())
    case .boolean: return .boolean(try boolean())
    case .null:
      _ = try null()
      return .null
    }
  }

  /// Checks that nothing but white space follows.
  public mutating func finish() throws(StreamError) {
    skipWhiteSpace()
    guard offset == bytes.count else { throw failure("something follows the JSON value") }
  }

  /// An error at the next byte.
  public func failure(_ problem: String, advice: String? = nil) -> StreamError {
    StreamError(.offset(name, fileOffset + offset), problem, advice: advice)
  }

  /// Consumes an integer from 0 up of at most 18 digits, as ids are.
  private mutating func shortInteger() -> Int? {
    var value = 0
    var index = offset
    while index < bytes.count, bytes[index] &- 0x30 < 10 {
      value = value &* 10 &+ Int(bytes[index] &- 0x30)
      index &+= 1
    }
    // What else is a number, or none, is told apart elsewhere.
    guard index > offset, index &- offset <= 18, index < bytes.count, bytes[index] != 0x2E,
      bytes[index] | 0x20 != 0x65, bytes[offset] != 0x30 || index == offset &+ 1
    else { return nil }
    offset = index
    return value
  }

  @inline(__always) private func word(at index: Int) -> UInt64 {
    UInt64(
      littleEndian: UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(
        fromByteOffset: index, as: UInt64.self))
  }

  /// Sets the highest bit of each of eight bytes that is a quote, a backslash, a control character or not
  /// ASCII. Bytes above the first such one may be set as well.
  @inline(__always) private static func special(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = word ^ ones &* 0x22
    let backslashes = word ^ ones &* 0x5C
    let below =
      (word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes
      | (backslashes &- ones) & ~backslashes
    return (below | word) & 0x8080_8080_8080_8080
  }

  private mutating func begin(_ kind: Kind) throws(StreamError) {
    guard try peek() == kind else { throw failure(kind == .object ? "no object" : "no array") }
    offset += 1
    isAtStart = true
  }

  private mutating func next(before close: UInt8) throws(StreamError) -> Bool {
    skipWhiteSpace()
    let wasAtStart = isAtStart
    isAtStart = false
    guard offset < bytes.count else { throw failure("the JSON text ends inside brackets") }
    if bytes[offset] == close {
      offset += 1
      return false
    }
    if !wasAtStart {
      try expect(UInt8(ascii: ","))
      skipWhiteSpace()
    }
    return true
  }

  private mutating func skipWhiteSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset &+= 1
      default: return
      }
      // Files are often indented: as many spaces at once as there are among the next eight bytes.
      while offset &+ 8 <= bytes.count {
        let others = word(at: offset) ^ 0x2020_2020_2020_2020
        offset &+= others.trailingZeroBitCount &>> 3
        if others != 0 { break }
      }
    }
  }

  @inline(__always) private mutating func expect(_ byte: UInt8) throws(StreamError) {
    guard offset < bytes.count, bytes[offset] == byte else { throw missing(byte) }
    offset += 1
  }

  private func missing(_ byte: UInt8) -> StreamError {
    failure("'\(Character(UnicodeScalar(byte)))' expected in JSON")
  }

  private mutating func expect(word: String) throws(StreamError) {
    for byte in word.utf8 { try expect(byte) }
  }

  /// Reference: RFC 8259, section 6.
  private mutating func numberText() throws(StreamError) -> UnsafeBufferPointer<UInt8> {
    guard try peek() == .number else { throw failure("no number") }
    let start = offset
    func isDigit(_ index: Int) -> Bool { index < bytes.count && bytes[index] &- 0x30 < 10 }
    func digits(from index: Int) throws(StreamError) -> Int {
      guard isDigit(index) else { throw failure("malformed number") }
      var index = index
      while isDigit(index) { index += 1 }
      return index
    }
    var index = offset
    if bytes[index] == UInt8(ascii: "-") { index += 1 }
    let first = index
    index = try digits(from: index)
    guard bytes[first] != 0x30 || index == first + 1 else { throw failure("malformed number") }
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index = try digits(from: index + 1)
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      if index < bytes.count, bytes[index] == 0x2B || bytes[index] == 0x2D { index += 1 }
      index = try digits(from: index)
    }
    offset = index
    return UnsafeBufferPointer(rebasing: bytes[start..<index])
  }

  private mutating func appendEscape(to output: inout ByteBuffer) throws(StreamError) {
    guard offset + 1 < bytes.count else { throw failure("the JSON text ends inside a string") }
    let letter = bytes[offset + 1]
    let simple: UInt8
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): simple = letter
    case UInt8(ascii: "b"): simple = 0x08
    case UInt8(ascii: "f"): simple = 0x0C
    case UInt8(ascii: "n"): simple = 0x0A
    case UInt8(ascii: "r"): simple = 0x0D
    case UInt8(ascii: "t"): simple = 0x09
    case UInt8(ascii: "u"):
      var scalar = try hexadecimal(at: offset + 2)
      var length = 6
      if scalar & 0xFC00 == 0xD800, offset + 7 < bytes.count,
        bytes[offset + 6] == UInt8(ascii: "\\"), bytes[offset + 7] == UInt8(ascii: "u")
      {
        let low = try hexadecimal(at: offset + 8)
        if low & 0xFC00 == 0xDC00 {
          scalar = 0x10000 + (scalar & 0x3FF) << 10 + low & 0x3FF
          length = 12
        }
      }
      guard let unicode = UnicodeScalar(scalar) else { throw failure("lone surrogate") }
      for byte in UTF8.encode(unicode)! { output.append(byte) }
      offset += length
      return
    default: throw failure("unknown escape in a JSON string")
    }
    output.append(simple)
    offset += 2
  }

  private func hexadecimal(at index: Int) throws(StreamError) -> UInt32 {
    guard index + 4 <= bytes.count else { throw failure("the JSON text ends inside a string") }
    var value: UInt32 = 0
    for byte in bytes[index..<index + 4] {
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
      case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
      default: throw failure("malformed \\u escape")
      }
    }
    return value
  }
}
