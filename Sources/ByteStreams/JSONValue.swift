// SPDX-License-Identifier: Apache-2.0

/// A JSON value, for the small parts of a file; members keep their order.
public enum JSONValue: Sendable {
  case object([(key: String, value: JSONValue)])
  case array([JSONValue])
  case string(String)
  case number(Double)
  case boolean(Bool)
  case null

  /// The member called `key`; nothing if there is none, if it is null, or if this is no object.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self, let member = members.last(where: { $0.key == key })
    else { return nil }
    if case .null = member.value { return nil }
    return member.value
  }

  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var number: Double? { if case .number(let value) = self { value } else { nil } }
  public var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  public var isNull: Bool { if case .null = self { true } else { false } }
}

extension ByteBuffer {
  /// Appends a string with its quotes, escaped where JSON asks for it.
  ///
  /// - Returns: false, with the string left out, when `text` is not UTF-8: JSON has no form for it.
  public mutating func append(jsonString text: some Collection<UInt8>) -> Bool {
    let start = count
    let bytes = Array(text)
    append(0x22)
    let isText = bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        let length = utf8SequenceLength(bytes, at: index)
        if length == 0 { return false }
        switch bytes[index] {
        case 0x22, 0x5C: append([0x5C, bytes[index]])
        case 0x00...0x1F:
          let digits = String(bytes[index], radix: 16)
          append("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits)
        default: append(UnsafeBufferPointer(rebasing: bytes[index..<index + length]))
        }
        index += length
      }
      return true
    }
    guard isText else {
      count = start
      return false
    }
    append(0x22)
    return true
  }

  /// Appends a value, members in order, without white space.
  public mutating func append(json value: JSONValue) {
    switch value {
    case .object(let members):
      append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { append(UInt8(ascii: ",")) }
        _ = append(jsonString: member.key.utf8)
        append(UInt8(ascii: ":"))
        append(json: member.value)
      }
      append(UInt8(ascii: "}"))
    case .array(let elements):
      append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { append(UInt8(ascii: ",")) }
        append(json: element)
      }
      append(UInt8(ascii: "]"))
    case .string(let text): _ = append(jsonString: text.utf8)
    case .number(let number): append(Int(exactly: number).map { "\($0)" } ?? "\(number)")
    case .boolean(let value): append("\(value)")
    case .null: append("null")
    }
  }
}
