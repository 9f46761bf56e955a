// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Test func `the lecture's automaton adds 52 and 77, with the states of the lecture`() throws {
  let outcome = try Scratch().run(
    """
    sum='01 00 11 01 10 10 01 00'
    echo $sum | transduce --fsa $examples/adder.fsa
    echo $sum | transduce --fsa $examples/adder.fsa --states
    """)
  #expect(outcome.lines == ["1 0 0 0 0 0 0 1", "N1 N0 C0 C0 C0 C0 C0 N1"])
}

@Test func `the automaton adds all pairs of eight-digit numbers`() throws {
  let outcome = try Scratch().run(
    "awk -f $examples/all-sums.awk -v bits=9 | transduce --fsa $examples/adder.fsa --check")
  #expect(outcome.lines == ["65536 of 65536 records right"])
}

@Test func `a trained adder of 304 parameters adds numbers of any length`() throws {
  let outcome = try Scratch().run(
    """
    awk -f $examples/sums.awk -v bits=8 -v n=80000 -v seed=1 |
      train-rnn --transduce --cell logistic --hidden 16 --no-bias --init-range 1 --batch 16 \\
        --optimiser sgd --rate 1 --schedule constant --clip 5 --epochs 1 > add.rnn || exit 1
    train-rnn --describe add.rnn | grep -E 'W_|total'
    train-rnn --describe add.rnn --unroll 8 | grep -cE '^step|^total 304'
    echo 01 00 11 01 10 10 01 00 | transduce -m add.rnn
    awk -f $examples/all-sums.awk -v bits=8 | transduce -m add.rnn --check
    awk -f $examples/sums.awk -v bits=1000 -v n=100 -v seed=2 | transduce -m add.rnn --check
    printf '11 01 00\\t- - 0\\n' | transduce -m add.rnn --check
    printf '01 11\\t1 0\\n' > line.tsv
    probe-gradients -m add.rnn --check line.tsv | tail -1
    probe-gradients -m add.rnn --truncate 2 line.tsv | tail -1
    probe-gradients -m add.rnn --truncate 1 line.tsv | tail -1
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let lines = outcome.lines
  try #require(lines.count == 12)
  #expect(Array(lines[..<4]) == ["W_xh (2,16)", "W_hh (16,16)", "W_hy (16,1)", "total 304"])
  #expect(lines[4] == "9")
  #expect(lines[5] == "1 0 0 0 0 0 0 1")
  #expect(lines[6] == "16384 of 16384 records right")
  #expect(lines[7] == "100 of 100 records right")
  #expect(lines[8] == "0 of 1 records right")
  func difference(_ line: String) -> Double {
    Double(line.split(separator: "\t", omittingEmptySubsequences: false).last!)!
  }
  #expect(difference(lines[9]) < 1e-6)
  #expect(difference(lines[10]) == 0)
  #expect(difference(lines[11]) > 1e-6)
}

@Test func `a step whose target is a dash teaches nothing`() throws {
  let outcome = try Scratch().run(
    """
    train='train-rnn --transduce --cell tanh --hidden 4 --steps 5 --batch 1'
    printf '01 11\\t- 1\\n' | $train | cksum
    printf '01 11\\t1 1\\n' | $train | cksum
    printf '01 11\\t- -\\n' | $train > untaught; printf '01 11\\t- 1\\n' > line
    probe-gradients -m untaught --check line | tail -1 | cut -f4
    """)
  #expect(outcome.lines[0] != outcome.lines[1])
  #expect(Double(outcome.lines[2])! < 1e-6)
}

@Test(arguments: [
  ("echo 01 02 | transduce --fsa $examples/adder.fsa", "<stdin>:1: no arc from N1 with 02"),
  ("echo N0 00 > f; echo 00 | transduce --fsa f", "f:1: 2 fields"),
  ("echo N0 00 X1 > f; echo 00 | transduce --fsa f", "f:1: state X1 has no arcs of its own"),
  ("transduce --fsa /dev/null < /dev/null", "/dev/null: holds no arcs"),
  ("printf '01 1x\\t1 1\\n' | train-rnn --transduce", "<stdin>:1: a column reads 1x"),
  ("printf '01 11\\t1\\n' | train-rnn --transduce", "<stdin>:1: 1 targets below 2 columns"),
  ("printf '01 11\\n' | train-rnn --transduce", "targets of 0"),
  ("echo a | train-rnn --hidden 4 --steps 1 -o m; echo 01 | transduce -m m", "not a labeller"),
])
func `bad columns and automata are named with their place`(script: String, message: String) throws {
  let outcome = try Scratch().run(script)
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput.contains(message), "\(outcome.errorOutput)")
}

/// All sums of two numbers below `limit`, `shift` digits up, in eight columns.
private func sums(below limit: Int, shift: Int = 0, to file: String) -> String {
  """
  awk 'BEGIN { for (x = 0; x < \(limit); x++) for (y = 0; y < \(limit); y++) {
    a = x * 2 ^ \(shift); b = y * 2 ^ \(shift); s = a + b; c = d = ""
    for (i = 0; i < 8; i++) { c = c " " a % 2 b % 2; d = d " " s % 2
      a = int(a / 2); b = int(b / 2); s = int(s / 2) }
    print c "\\t" d } }' > \(file)

  """
}

@Test func `a network without memory adds what it has seen and nothing else`() throws {
  let outcome = try Scratch().run(
    sums(below: 16, to: "small") + sums(below: 128, to: "all")
      + sums(below: 16, shift: 3, to: "shifted")
        + """
        train-masked --mask none --targets 8 --hidden 32 --valid 0 --batch 16 --rate 0.02 \
          --epochs 400 small > ffn
        for f in small all shifted; do transduce -m ffn --check $f; done
        echo '01 00 11 01 00 00 00 00' | transduce -m ffn
        echo '01 00 11 01 00 00 00 00' | transduce -m ffn --prob | wc -w
        echo '01 00 11 01 00 00 00 00 00' | transduce -m ffn
        """)
  #expect(
    outcome.lines == [
      "256 of 256 records right", "256 of 16384 records right", "4 of 256 records right",
      "1 0 0 0 1 0 0 0", "8",
    ], "\(outcome.text)")
  #expect(outcome.status == 1)
  #expect(
    outcome.errorOutput == """
      transduce: <stdin>:1: 18 symbols where the network's width is 16; a network without memory \
      has one width; train-rnn --transduce takes any

      """)
}

@Test func `a model of sequences is no labeller, and a symbol must have been seen`() throws {
  let outcome = try Scratch().run(
    """
    printf '0 1\\n1 0\\n' > in; train-masked --epochs 1 in > made; echo 01 | transduce -m made
    printf '0 1\\t1\\n1 0\\t0\\n' | train-masked --mask none --targets 1 --epochs 1 > map
    echo 'x1' | transduce -m map; score -m map in
    """)
  #expect(
    outcome.errorOutput == """
      transduce: made: holds a model of sequences, not a map from columns to targets; train one \
      with train-masked --mask none, or use sample
      transduce: <stdin>:1: symbol 'x' was not in the network's training
      score: an unmasked network maps whole inputs and predicts no tokens; run it with transduce

      """)
}
