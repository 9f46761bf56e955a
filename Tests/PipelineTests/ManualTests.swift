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

/// The options that the help of a program lists, in lines such as `  -n, --order <n>  The order.`.
private func optionsOfHelp(_ program: String) throws -> [(names: [String], takesValue: Bool)] {
  let help = try Scratch().run("\(program) --help").text
  return help.split(separator: "\n").filter { $0.hasPrefix("  -") }.map { line in
    let spelling = line.dropFirst(2).prefix(
      upTo: line.dropFirst(2).firstRange(of: "  ")?.lowerBound ?? line.endIndex)
    let names = spelling.matches(of: /(?:^|[ \/])(--?[A-Za-z0-9-]+)/).map { String($0.1) }
    return (names, spelling.contains("<"))
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
  let help = Set(try optionsOfHelp(program).flatMap(\.names))
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
  for option in try optionsOfHelp(program) where option.takesValue {
    for name in option.names where !name.hasPrefix("--") {
      let outcome = try scratch.run("\(program) \(name)1 < /dev/null")
      #expect(!outcome.errorOutput.contains("option '\(name)1'"), "\(outcome.errorOutput)")
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
