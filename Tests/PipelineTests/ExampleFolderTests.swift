// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The examples with expected output, but those whose training takes long and is tested elsewhere.
private let examples = try! FileManager.default.contentsOfDirectory(
  atPath: Scratch.root.appendingPathComponent("examples").path
).filter { name in
  FileManager.default.fileExists(
    atPath: Scratch.root.appendingPathComponent("examples/\(name)/expected").path)
    && name != "14-addition"
}.sorted()

@Test(arguments: examples) func `an example gives what is expected of it`(name: String) throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    "make -s -C $examples/\(name) check OUT=$PWD BIN=\(Scratch.programs.path)")
  #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `examples stand in the lecture's order, each with a short Makefile and a README`() throws
{
  #expect(examples.count >= 18)
  let outcome = try Scratch().run(
    """
    cd $examples
    for d in [0-9]*; do test -e $d/README.md || echo "no $d/README.md"; done
    wc -l [0-9]*/Makefile | awk '$1 > 40 && $2 != "total" { print $2 " has " $1 " lines" }'
    wc -l [0-9]*/README.md | awk '$1 > 40 && $2 != "total" { print $2 " has " $1 " lines" }'
    """)
  #expect(outcome.text == "")
}

@Test func `every item of the lecture has a command, an example and a test`() throws {
  let page = try String(
    contentsOf: Scratch.root.appendingPathComponent("man/lecture.7"), encoding: .utf8)
  var items: Set<Int> = []
  for row in page.split(separator: "\n") where row.hasPrefix(".It ") && row.contains(" Ta ") {
    let cells = row.dropFirst(4).components(separatedBy: " Ta ")
    guard cells[0] != "Em items" else { continue }
    for part in cells[0].components(separatedBy: ", ") {
      let ends = part.components(separatedBy: "-").map { Int($0.prefix { $0.isNumber })! }
      items.formUnion(ends[0]...ends.last!)
    }
    for name in cells[2].components(separatedBy: ", ") where name != "-" {
      let folder = Scratch.root.appendingPathComponent("examples/\(name)/Makefile")
      #expect(FileManager.default.fileExists(atPath: folder.path), "\(name)")
    }
    for name in cells[3].components(separatedBy: ", ") where name != "-" {
      let outcome = try Scratch().run("ls \(Scratch.root.path)/Tests/*/\(name).swift")
      #expect(outcome.status == 0, "\(name)")
    }
  }
  #expect(items == Set(1...81))
}

@Test func `the quiz asks five questions`() throws {
  let outcome = try Scratch().run(
    "make -s -C $examples/20-quiz quiz OUT=$PWD BIN=\(Scratch.programs.path)")
  #expect(outcome.lines.filter { $0.first!.isNumber }.count == 5)
  #expect(outcome.lines.contains("  0.044444") && outcome.lines.contains("  i g"))
}

@Test func `words of the Bible that were never seen are as many as were counted elsewhere`() throws
{
  let outcome = try Scratch().run(
    """
    command -v bible > /dev/null || exit 77
    make -s -C $examples/07-sparse-data OUT=$PWD BIN=\(Scratch.programs.path) && cd 07-sparse-data
    cat facts.txt unseen.txt perplexity.txt
    """)
  guard outcome.status != 77 else { return }
  #expect(
    outcome.lines == [
      "12833 types, 4078 of them once, in 913477 tokens",
      "0 test lines occur in the training text", "1\t1404\t1.72%", "2\t15671\t18.45%",
      "3\t44540\t52.44%", "4\t66168\t77.90%", "1\t408.9", "2\t161.7", "3\t175.6",
    ], "\(outcome.errorOutput)")
}
