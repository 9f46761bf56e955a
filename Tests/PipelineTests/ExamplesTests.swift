// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// What the manual pages and the README show runs as it is pasted.

private let manuals = Scratch.root.appendingPathComponent("man")
private let pages =
  ((try? FileManager.default.contentsOfDirectory(atPath: manuals.path)) ?? []).sorted()

/// The commands under EXAMPLES of a page, block by block.
private func examples(ofPage name: String) throws -> String {
  let text = try String(contentsOf: manuals.appendingPathComponent(name), encoding: .utf8)
  var isExample = false
  var isBlock = false
  var commands = ""
  for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
    if line.hasPrefix(".Sh ") { isExample = line == ".Sh EXAMPLES" }
    if line.hasPrefix(".Ed") { isBlock = false }
    if isExample, isBlock { commands += unescaped(line) + "\n" }
    if line.hasPrefix(".Bd -literal") { isBlock = true }
  }
  return commands
}

/// Text as mandoc shows it.
private func unescaped(_ line: Substring) -> String {
  var text = String(line)
  for (escape, character) in [
    ("\\&", ""), ("\\-", "-"), ("\\(aq", "'"), ("\\(dq", "\""), ("\\e", "\\"),
  ] { text = text.replacingOccurrences(of: escape, with: character) }
  return text
}

/// Runs commands one after the other; the first that fails ends them. `head` may close a pipe.
private func run(_ commands: String, in scratch: Scratch) throws -> Outcome {
  try scratch.run("trap '[ $? = 141 ] || exit 1' ERR\n" + commands + "\ntrue")
}

@Test(arguments: pages) func `the examples of a page run as they stand`(page: String) throws {
  let commands = try examples(ofPage: page)
  #expect(page.hasSuffix(".1") == false || !commands.isEmpty, "a program's page has examples")
  let outcome = try run(commands, in: Scratch())
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
}

@Test func `the commands of the README run one after the other`() throws {
  let readme = try String(
    contentsOf: Scratch.root.appendingPathComponent("README.md"), encoding: .utf8)
  let scratch = try Scratch()
  try FileManager.default.createSymbolicLink(
    at: scratch.folder.appendingPathComponent("examples"),
    withDestinationURL: Scratch.root.appendingPathComponent("examples"))
  var count = 0
  for block in readme.components(separatedBy: "```sh\n").dropFirst() {
    let commands = block.components(separatedBy: "```")[0]
    // What builds and installs is tried by building.
    if commands.contains("make ") || commands.contains("PATH=") { continue }
    let outcome = try run(commands, in: scratch)
    #expect(outcome.status == 0, "\(commands)\(outcome.errorOutput)")
    count += 1
  }
  #expect(count >= 2)
}
