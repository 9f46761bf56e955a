// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Testing
import Tokenization

private func parse(_ text: String) throws(StreamError) -> TokenizerFile {
  var bytes = ByteBuffer()
  bytes.append(text)
  return try TokenizerFile(parsing: bytes.bytes, name: "t.json")
}

@Test(arguments: [#"["a b", "ab c"]"#, #"[["a","b"],["ab","c"]]"#])
func `merges are read in both spellings`(merges: String) throws {
  let file = try parse(#"{"model":{"vocab":{"a":0,"b":1,"ab":3},"merges":\#(merges)},"x":[1]}"#)
  #expect(file.model.merges == PieceList(["a", "b", "ab", "c"].map { Array($0.utf8) }))
  #expect(file.model.ids == [0, 1, 3])
  #expect(file.model.kind == .bpe)
}

@Test func `scores make a Unigram model`() throws {
  let file = try parse(#"{"model":{"unk_id":0,"vocab":[["<unk>",0],["a",-1.5]]}}"#)
  #expect(file.model.kind == .unigram)
  #expect(file.model.scores == [0, -1.5])
  #expect(file.model.unknown == Array("<unk>".utf8))
}

@Test(arguments: [
  (#"{"model":{"vocab":{"a":-1}}}"#, 25), (#"{"model":{"vocab":{"a":0},"merges":["a"]}}"#, 39),
  (#"{"model":{"vocab":{}}}"#, -1), (#"{"model":{"vocab":{"a":0},"merges":[["a","b","c"]]}}"#, 49),
]) func `a malformed file is refused with the byte`(text: String, offset: Int) {
  let error = #expect(throws: StreamError.self) { _ = try parse(text) }
  let expected: StreamError.Place = offset < 0 ? .file("t.json") : .offset("t.json", offset)
  #expect(error?.place == expected)
}
