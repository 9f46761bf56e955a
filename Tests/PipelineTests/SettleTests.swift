// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@Test func `five spoilt patterns are recalled`() throws {
  let scratch = try Scratch()
  try scratch.write("pats", "1111100000\n1010101010\n")
  let outcome = try scratch.run(
    """
    printf '1111100001\\n0111100000\\n1010101110\\n0010101010\\n1110100000\\n' |
      settle --patterns pats -T 0
    """)
  #expect(
    outcome.lines == ["1111100000", "1111100000", "1010101010", "1010101010", "1111100000"])
}

@Test func `three by three spins have the exact moments of the lecture`() throws {
  let outcome = try Scratch().run("settle --ising 3x3 -T 1,2,4 --exact")
  let rows = outcome.lines.dropFirst().map { $0.split(separator: "\t").map { Double($0)! } }
  let expected = [[1, -1.997109, 0.999250], [2, -1.767678, 0.925985], [4, -0.747007, 0.542075]]
  for (row, numbers) in zip(rows, expected) {
    for (a, b) in zip(row, numbers) { #expect(abs(a - b) < 5e-7) }
  }
  #expect(rows.count == 3)
  #expect(abs(rows[1][3] - 20437.983214) < 5e-7)
}

@Test func `sampled spins agree with all their states`() throws {
  let outcome = try Scratch().run(
    "settle --ising 3x3 -T 1,2,4 --exact; settle --ising 3x3 -T 1,2,4 --sweeps 20000 --seed 3")
  let rows = outcome.lines.map { $0.split(separator: "\t").map { Double($0) ?? .nan } }
  try #require(rows.count == 8)
  for (exact, sampled) in zip(rows[1..<4], rows[5..<8]) {
    for column in 1...2 { #expect(abs(exact[column] - sampled[column]) < 0.02) }
  }
}

@Test(arguments: [
  (
    "printf '101\\n10\\n' > p; echo 101 | settle --patterns p", 1,
    "settle: p:2: pattern of 2 units where 3 are expected\n"
  ),
  (
    "echo 101 > p; echo 1x1 | settle --patterns p", 1,
    "settle: <stdin>:1: a unit is \\x78, not 0 or 1\n"
  ),
  ("settle --patterns /dev/null < /dev/null", 1, "settle: no pattern to remember\n"),
])
func `bad patterns are named with their place`(script: String, status: Int32, message: String)
  throws
{
  let outcome = try Scratch().run(script)
  #expect(outcome.status == status)
  #expect(outcome.errorOutput == message)
}

@Test(arguments: ["", "--ising 3x3", "--ising 6x6 -T 1 --exact", "--ising 0x3 -T 1"])
func `settings that make no sense are wrong usage`(options: String) throws {
  #expect(try Scratch().run("settle \(options)").status == 64)
}
