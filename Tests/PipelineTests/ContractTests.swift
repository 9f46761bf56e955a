// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// The filter contract (chainrule(7)), clause by clause, over every program.

private let readers = Invocation.all.filter { $0.inputOption == nil }
private let binaryReaders = Invocation.all.filter(\.readsBinary)

@Test func `every program has a row in the contract's table`() throws {
  let manifest = try String(
    contentsOf: Scratch.root.appendingPathComponent("Package.swift"), encoding: .utf8)
  let programs = manifest.matches(of: /program\(\s*"([a-z-]+)"/).map { String($0.1) }
  #expect(Set(programs) == Set(Invocation.all.map(\.program)))
}

@Test(arguments: Invocation.all) func `help and version go to standard output`(row: Invocation)
  throws
{
  let scratch = try Scratch()
  let help = try scratch.run("\(row.program) --help")
  #expect(help.status == 0 && help.errorOutput.isEmpty)
  #expect(help.text.contains("USAGE: \(row.program) "))
  // A default that shows a Swift type is no help.
  #expect(!help.text.contains(/default:\s+[A-Za-z]+\(/))
  let version = try scratch.run("\(row.program) --version")
  #expect(version.status == 0 && version.errorOutput.isEmpty)
  #expect(version.text.hasPrefix("\(row.program) (chainrule) "))
  #expect(try scratch.run("\(row.program) --help > /dev/full").status == 1)
}

@Test(arguments: Invocation.all) func `wrong usage ends with 64 and one line`(row: Invocation)
  throws
{
  let scratch = try row.prepared()
  for option in ["--no-such-option", "--experimental-dump-help"] {
    let outcome = try scratch.attempt(row.command(on: "in", option))
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errorOutput.hasPrefix("\(row.program): "))
    #expect(outcome.errorOutput.hasSuffix("; see '\(row.program) --help'\n"))
    #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  }
}

@Test func `what looks like an option is a file behind two dashes`() throws {
  let scratch = try Scratch()
  for name in ["-n", "--experimental-dump-help"] {
    try scratch.write(name, "a b\n")
    #expect(try scratch.run("tokenize -- \(name)").text == "a b\n")
  }
}

@Test(arguments: Invocation.all) func `a missing file is named, and the output stays as it was`(
  row: Invocation
) throws {
  let scratch = try row.prepared()
  try scratch.write("out", "old")
  let outcome = try scratch.attempt(row.command(on: "nowhere", "-o out"))
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput == "\(row.program): nowhere: no such file or directory\n")
  #expect(try scratch.read("out") == Data("old".utf8))
}

@Test(arguments: Invocation.all) func `the same bytes come by pipe, by file and with nothing set`(
  row: Invocation
) throws {
  let scratch = try row.prepared()
  let expected = try scratch.attempt(row.command(on: "in"))
  #expect(expected.status == 0 && !expected.output.isEmpty, "\(expected.errorOutput)")
  let path = "$(command -v \(row.program))"
  let rest = row.command(on: "$d/in").dropFirst(row.program.count)
  var ways = [
    "env -i \(path) \(rest)", "cd /proc && \(row.program) \(rest)",
    "LC_ALL=tr_TR.UTF-8 TZ=Asia/Kolkata \(row.program) \(rest)",
    row.command(on: "in", "-o out") + " && cat out",
    row.command(on: "in", "-o new") + " && cat new",
  ]
  if row.inputOption == nil {
    ways += [
      row.command(on: "-") + " < in", row.command(on: "") + " < in",
      "cat in | " + row.command(on: ""), row.command(on: "") + " < <(cat in)",
    ]
  }
  try scratch.write("out", "old")
  for way in ways {
    let outcome = try scratch.attempt(way)
    #expect(outcome.status == 0, "\(way): \(outcome.errorOutput)")
    #expect(outcome.output == expected.output, "\(way)")
  }
}

@Test(arguments: readers) func `empty input has a defined answer`(row: Invocation) throws {
  let scratch = try row.prepared()
  let outcome = try scratch.attempt(row.command(on: "") + " < /dev/null")
  #expect(outcome.status == row.statusWhenEmpty, "\(outcome.errorOutput)")
  #expect(outcome.errorOutput.isEmpty == (row.statusWhenEmpty == 0), "\(outcome.errorOutput)")
}

@Test(arguments: readers.filter { $0.readsText && !$0.isLossless })
func `a missing last newline changes nothing`(
  row: Invocation
) throws {
  let scratch = try row.prepared()
  let whole = try scratch.attempt(row.command(on: "in"))
  let cut = try scratch.attempt("head -c -1 in > cut; " + row.command(on: "cut"))
  #expect(cut.status == 0)
  // `tokenize` answers a text that lacks it with one that lacks it, so that decoding is exact.
  if row.isText { #expect(cut.output == whole.output || cut.text + "\n" == whole.text) }
}

@Test(arguments: readers.filter(\.joinsFiles)) func `several files are one stream`(row: Invocation)
  throws
{
  let scratch = try row.prepared()
  let joined = try scratch.attempt("cat in in in > all; " + row.command(on: "all"))
  #expect(joined.status == 0)
  #expect(try scratch.attempt(row.command(on: "in - in") + " < in").output == joined.output)
  if row.readsText {
    let supplied = try scratch.attempt("head -c -1 in > cut; " + row.command(on: "cut cut in"))
    #expect(supplied.output == joined.output, "a missing last newline between files is supplied")
  }
  let twice = try scratch.attempt(row.command(on: "- -") + " < in")
  #expect(twice.status == 64)
}

@Test(arguments: Invocation.all, ["", "trap '' PIPE; "]) func `a closed pipe ends it silently`(
  row: Invocation, ignoring: String
) throws {
  let scratch = try row.prepared()
  // The reader has gone before the program writes.
  let outcome = try scratch.attempt(
    "\(ignoring)(sleep 0.2; \(row.command(on: "in")); echo $? > status) | true; cat status")
  #expect(outcome.text == "141\n")
  #expect(outcome.errorOutput.isEmpty)
}

@Test(arguments: Invocation.all) func `a full device is an error`(row: Invocation) throws {
  let scratch = try row.prepared()
  for target in ["> /dev/full", "-o /dev/full"] {
    let outcome = try scratch.attempt(row.command(on: "in") + " " + target)
    #expect(outcome.status == 1)
    #expect(outcome.errorOutput.hasPrefix("\(row.program): "))
    #expect(outcome.errorOutput.contains("no space left on device"))
  }
  #expect(try scratch.attempt(row.command(on: "in") + " >&-").status == 1)
  #expect(try scratch.attempt(row.command(on: "in", "-o nowhere/out")).status == 1)
}

@Test(arguments: Invocation.all) func `gzip is refused with advice`(row: Invocation) throws {
  let scratch = try row.prepared()
  let outcome = try scratch.attempt("gzip -c in > in.gz; " + row.command(on: "in.gz"))
  #expect(outcome.status == 1)
  #expect(
    outcome.errorOutput == "\(row.program): in.gz: is gzip-compressed; pipe it through zcat\n")
}

@Test(arguments: binaryReaders) func `a binary stream reads as the text, and two as two`(
  row: Invocation
) throws {
  let scratch = try row.prepared()
  let once = try scratch.attempt(row.command(on: "in.bin"))
  #expect(once.status == 0)
  if !row.binarySaysMore {
    #expect(try scratch.attempt(row.command(on: "in")).output == once.output)
  }
  guard row.inputOption == nil, row.joinsFiles else { return }
  let twice = try scratch.attempt("cat in.bin in.bin > all.bin; " + row.command(on: "all.bin"))
  #expect(twice.status == 0)
  let mixed = row.binarySaysMore ? "in.bin in.bin" : "in in.bin"
  #expect(try scratch.attempt(row.command(on: mixed)).output == twice.output)
}

@Test(arguments: binaryReaders + Invocation.all.filter { !$0.readsText })
func `truncated and altered binary input is an error with its place`(row: Invocation) throws {
  let scratch = try row.prepared()
  let name = row.readsBinary ? "in.bin" : "in"
  let whole = [UInt8](try scratch.read(name))
  try scratch.write("out", "old")
  var generator = SeededGenerator(seed: 9)
  for _ in 0..<8 {
    let length = Int.random(in: 2..<whole.count, using: &generator)
    var altered = whole
    altered[Int.random(in: 8..<whole.count, using: &generator)] ^= 1 << (length % 8)
    for spoilt in [Array(whole[..<length])] + (row.hasChecksum ? [altered] : []) {
      try scratch.write("spoilt", spoilt)
      let outcome = try scratch.attempt(row.command(on: "spoilt", "-o out"))
      // A bit of zstd's framing may be without meaning; then all must be as before.
      if outcome.status == 0, spoilt.count == whole.count {
        let original = try scratch.attempt(row.command(on: name))
        #expect(try scratch.read("out") == original.output)
        try scratch.write("out", "old")
        continue
      }
      #expect(outcome.status == 1, "\(length) of \(whole.count)")
      #expect(outcome.errorOutput.hasPrefix("\(row.program): spoilt:"), "\(outcome.errorOutput)")
      #expect(outcome.errorOutput.split(separator: "\n").count == 1)
      #expect(try scratch.read("out") == Data("old".utf8))
    }
  }
}

@Test(arguments: Invocation.all.filter { $0.copies > 0 })
func `the number of threads changes no byte`(row: Invocation) throws {
  let scratch = try row.prepared()
  guard try scratch.run("\(row.program) --help").text.contains("--threads") else { return }
  let input = row.inputOption == nil ? "all" : "in"
  let repeated = "for ((i = 0; i < \(row.copies); i++)); do cat in; done > all; "
  let one = try scratch.attempt(repeated + row.command(on: input, "-j1"))
  #expect(one.status == 0, "\(one.errorOutput)")
  for threads in [2, 4] {
    let several = try scratch.attempt(row.command(on: input, "-j\(threads)"))
    #expect(several.output == one.output, "-j\(threads)")
  }
}
