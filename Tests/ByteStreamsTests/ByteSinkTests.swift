// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import TestSupport
import Testing

/// What a folder shows, hidden files too.
private func names(in scratch: Scratch) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).sorted()
}

private func permissions(_ path: String) throws -> Int {
  try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
}

@Test(arguments: [true, false])
func `a file gets its name and its whole content at once`(unnamed: Bool) throws {
  let scratch = try Scratch()
  try scratch.write("out", "old")
  chmod(scratch.path("out"), 0o640)
  let large = [UInt8](repeating: 7, count: 3_000_000)
  for (name, old) in [("out", "old"), ("new", nil)] {
    let sink = try ByteSink.file(scratch.path(name), unnamed: unnamed)
    try sink.write("a")
    try sink.write(large)
    try sink.flush()
    #expect((try? scratch.read(name)) == old.map { Data($0.utf8) }, "before the end")
    try sink.finish()
    #expect(try scratch.read(name) == Data([0x61] + large))
    #expect(sink.byteCount == 3_000_001)
  }
  #expect(try permissions(scratch.path("out")) == 0o640)
  #expect(try names(in: scratch) == ["new", "out"])
}

@Test(arguments: [true, false])
func `a sink that is dropped leaves no trace`(unnamed: Bool) throws {
  let scratch = try Scratch()
  try scratch.write("out", "old")
  do {
    let sink = try ByteSink.file(scratch.path("out"), unnamed: unnamed)
    try sink.write([UInt8](repeating: 1, count: 1 << 20))
  }
  #expect(try names(in: scratch) == ["out"])
  #expect(try scratch.read("out") == Data("old".utf8))
}

@Test func `a link keeps pointing where it points`() throws {
  let scratch = try Scratch()
  try scratch.write("target", "old")
  symlink("target", scratch.path("link"))
  let sink = try ByteSink.file(scratch.path("link"))
  try sink.write("new")
  try sink.finish()
  #expect(try scratch.read("target") == Data("new".utf8))
  #expect(
    try FileManager.default.destinationOfSymbolicLink(atPath: scratch.path("link")) == "target")
}

@Test func `a device and a FIFO are written in place`() throws {
  let null = try ByteSink.file("/dev/null")
  try null.write("x")
  try null.finish()
  let scratch = try Scratch()
  mkfifo(scratch.path("pipe"), 0o600)
  let reader = open(scratch.path("pipe"), O_RDONLY | O_NONBLOCK)
  defer { close(reader) }
  let sink = try ByteSink.file(scratch.path("pipe"))
  try sink.write("through")
  try sink.finish()
  var bytes = [UInt8](repeating: 0, count: 16)
  #expect(read(reader, &bytes, 16) == 7)
  #expect(bytes.starts(with: "through".utf8))
}

@Test func `a full device, a missing folder and a folder are errors with their names`() throws {
  let full = try ByteSink.file("/dev/full")
  try full.write("x")
  let error = #expect(throws: StreamError.self) { try full.finish() }
  #expect(error?.description == "/dev/full: no space left on device with 1 more bytes to write")
  let missing = #expect(throws: StreamError.self) { try ByteSink.file("/nowhere/out") }
  #expect(missing?.description == "/nowhere/out: no such file or directory")
  let folder = #expect(throws: StreamError.self) { try ByteSink.file("/usr") }
  #expect(folder?.description == "/usr: is a directory; name a file in it")
}

@Test func `memory collects what was written`() throws {
  let sink = ByteSink.memory()
  try sink.write([1, 2])
  try sink.write([3])
  try sink.finish()
  #expect(sink.takeBytes() == [1, 2, 3])
}
