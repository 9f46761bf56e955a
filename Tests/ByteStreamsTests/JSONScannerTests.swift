// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Testing

private func parse(_ text: [UInt8]) throws(StreamError) -> JSONValue {
  var bytes = ByteBuffer()
  bytes.append(text)
  var scanner = JSONScanner(bytes.bytes, name: "x.json")
  let value = try scanner.value()
  try scanner.finish()
  return value
}

@Test func `values of every kind are read`() throws {
  let text = """
     { "a" : [1, -2.5e3, true, false, null], "b": {"c": "x\\n\\u00e9\\ud83d\\ude00\\/"}, "é": "日本" }
    """
  let value = try parse(Array(text.utf8))
  #expect(value["a"]?.array?.compactMap(\.number) == [1, -2500])
  #expect(value["a"]?.array?.compactMap(\.boolean) == [true, false])
  #expect(value["a"]?.array?.last?.isNull == true)
  #expect(value["b"]?["c"]?.string == "x\né😀/")
  #expect(value["é"]?.string == "日本")
}

@Test(arguments: [
  ("", 0), ("{", 1), ("[1,]", 3), ("[1 2]", 3), ("{\"a\":1,}", 7), ("01", 1), ("1.", 1), ("-", 1),
  ("\"\\ud800\"", 1), ("\"\\udc00x\"", 1), ("\"\\x41\"", 1), ("\"a\u{1}\"", 2), ("nul", 3),
  ("[1]x", 3), ("\"a", 2), ("1e999", 5), ("{1:2}", 1),
]) func `what is no JSON is refused at its byte`(text: String, offset: Int) {
  let error = #expect(throws: StreamError.self) { _ = try parse(Array(text.utf8)) }
  guard case .offset(_, let found)? = error?.place else {
    Issue.record("no offset for \(text)")
    return
  }
  #expect(abs(found - offset) <= 1, "\(text): @\(found)")
}

@Test func `invalid UTF-8 in a string and deep nesting are refused`() {
  #expect(throws: StreamError.self) { _ = try parse([0x22, 0xFF, 0x22]) }
  #expect(throws: StreamError.self) {
    _ = try parse(Array(repeating: UInt8(ascii: "["), count: 100_000))
  }
}
