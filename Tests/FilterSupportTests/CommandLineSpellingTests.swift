// SPDX-License-Identifier: Apache-2.0

import FilterSupport
import Testing

private let help = """
  OPTIONS:
    -n, --order <n>         Tokens of an n-gram, -x too.
    -b, --binary            Write the compressed binary stream, <stdin> or not.
    -q, --quiet             Print errors only.
    --level <n>             A level.
    -T, --temporary-directory <dir>
                            Folder for temporary files.
    -h, --help              Show help information.
  """

@Test(arguments: [
  ("-bn3 in", "-b -n3 in"), ("-qbT/tmp", "-qb -T/tmp"), ("-bn 3", "-b -n 3"), ("-n3b", "-n3b"),
  ("-b", "-b"), ("-bq", "-bq"), ("-bx3", "-bx3"), ("--bn3", "--bn3"), ("- -- -bn3", "- -- -bn3"),
  ("-7 b", "-7 b"), ("-bn3 -qn4", "-b -n3 -q -n4"),
]) func `joined flags come before an option with its value`(line: String, expected: String) {
  let split = CommandLineSpelling.split(line.split(separator: " ").map(String.init), help: help)
  #expect(split.joined(separator: " ") == expected)
}

@Test func `an optional value comes after an equals sign only`() {
  #expect(
    CommandLineSpelling.completed(
      ["--progress", "file", "--progress=never", "--", "--progress"], bare: ["--progress": "always"]
    )
      == ["--progress=always", "file", "--progress=never", "--", "--progress"])
}
