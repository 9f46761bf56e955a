// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

// Pages are written by hand; these tests keep them from drifting.

private let manuals = Scratch.root.appendingPathComponent("man")

private func page(_ name: String) throws -> String {
  try String(contentsOf: manuals.appendingPathComponent(name), encoding: .utf8)
}

private let programs = Set(Invocation.all.map(\.program)).sorted()

/// What `--experimental-dump-help` says of a program.
private struct Help: Decodable {
  struct Name: Decodable {
    var kind: String
    var name: String
    var option: String { (kind == "short" ? "-" : "--") + name }
  }
  struct Argument: Decodable {
    var kind: String
    var names: [Name]?
  }
  struct Command: Decodable { var arguments: [Argument] }
  var command: Command

  static func options(of program: String) throws -> [Argument] {
    let dump = try Scratch().run("\(program) --experimental-dump-help").output
    return try JSONDecoder().decode(Help.self, from: dump).command.arguments
  }
}

/// The option names that a page lists: those of `.It Fl s , Fl Fl seed Ar n`.
private func optionsOfPage(_ text: String) -> Set<String> {
  var options: Set<String> = []
  for line in text.split(separator: "\n") where line.hasPrefix(".It Fl ") {
    var words = line.split(separator: " ").dropFirst()[...]
    while let word = words.popFirst() {
      guard word == "Fl", let name = words.popFirst() else { continue }
      if name == "Fl", let long = words.popFirst() {
        options.insert("--" + long.prefix { $0 != "=" && $0 != "[" })
      } else {
        options.insert("-" + name)
      }
    }
  }
  return options
}

@Test(arguments: programs) func `the manual has the options of the help`(program: String) throws {
  let help = Set(try Help.options(of: program).flatMap { $0.names ?? [] }.map(\.option))
  let manual = optionsOfPage(try page("\(program).1"))
  #expect(help.subtracting(manual) == [], "missing in the page")
  #expect(manual.subtracting(help) == [], "only in the page")
}

@Test(arguments: programs) func `the help ends its overview with an example of the page`(
  program: String
) throws {
  let help = try Scratch().run("\(program) --help").text
  let example = try #require(help.firstMatch(of: /\nEXAMPLE: (.+)\n\nUSAGE/)?.1)
  let lines = try page("\(program).1").replacing("\\e", with: "\\").split(separator: "\n")
  #expect(lines.contains(example))
}

@Test(arguments: programs) func `short options take their value joined`(program: String) throws {
  let scratch = try Scratch()
  for argument in try Help.options(of: program)
  where argument.kind == "option" {
    for name in argument.names ?? [] where name.kind == "short" {
      let outcome = try scratch.run("\(program) \(name.option)1 < /dev/null")
      #expect(!outcome.errorOutput.contains("option '\(name.option)1'"), "\(outcome.errorOutput)")
    }
  }
}

@Test func `pages are clean and their references lead somewhere`() throws {
  let names = try FileManager.default.contentsOfDirectory(atPath: manuals.path).sorted()
  #expect(!names.isEmpty)
  let hasMandoc = try Scratch().run("command -v mandoc").status == 0
  for name in names {
    let text = try page(name)
    #expect(text.hasPrefix(".\\\" SPDX-License-Identifier: Apache-2.0\n"), "\(name)")
    for reference in text.matches(of: /\.Xr ([a-z0-9-]+) ([1-8])/) {
      let target = "\(reference.1).\(reference.2)"
      #expect(
        names.contains(target) || otherPages.contains(target),
        "\(name): \(target)")
    }
    if hasMandoc {
      let path = manuals.appendingPathComponent(name).path
      let lint = try Scratch().run("mandoc -T lint -W warning '\(path)'")
      #expect(lint.status == 0, "\(lint.text)")
    }
  }
}

/// Pages of other packages that ours name.
private let otherPages: Set<String> = [
  "awk.1", "cat.1", "cmp.1", "cut.1", "diff.1", "dot.1", "gnuplot.1", "gzip.1", "head.1", "join.1",
  "make.1", "mpirun.1", "parallel.1", "paste.1", "sort.1", "split.1", "tail.1", "tr.1", "uniq.1",
  "wc.1",
  "xargs.1", "xz.1", "xzcat.1", "zcat.1", "zstd.1",
  "pgm.5", "pbm.5", "netpbm.1", "bible.1",
]
