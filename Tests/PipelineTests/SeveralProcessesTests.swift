// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

private func has(_ program: String) -> Bool {
  (try? Scratch().run("command -v \(program)").status) == 0
}

private let mpirun = "mpirun --allow-run-as-root --oversubscribe -n"
private let setUp = """
  set -e; export HOME=$PWD OMPI_MCA_btl_vader_single_copy_mechanism=none
  for i in 1 2 3 4 5 6 7 8; do tokenize --words $examples/pigs.txt; done > t
  train='train-rnn --hidden 12 --embed 6 --batch 7 --window 9 --epochs 6 -j 1
    --dropout 0.2 --locked-dropout --dropout-recurrent 0.1 t'
  """

/// The losses of a log's rows, bits a token.
private func losses(_ log: String) -> [Double] {
  log.split(separator: "\n").dropFirst().map { row in
    Double(row.split(separator: "\t", omittingEmptySubsequences: false)[3]) ?? .nan
  }
}

@Suite(.enabled(if: has("mpirun"), "no mpirun")) struct SeveralProcessesTests {
  @Test func `two processes train to the same bits in every run, and to one process's loss`() throws
  {
    let scratch = try Scratch()
    let outcome = try scratch.run(
      """
      \(setUp)
      $train -q --valid 0.2 --log one.log --log-every 1 -o one.rnn
      \(mpirun) 2 $train -q --valid 0.2 --log two.log --log-every 1 -o two.rnn
      \(mpirun) 2 $train -q --valid 0.2 -o again.rnn
      \(mpirun) 3 $train -q > three.rnn
      cmp two.rnn again.rnn; score -m three.rnn t > scores
      ! cmp -s one.rnn two.rnn
      """)
    #expect(outcome.status == 0, "\(outcome.errorOutput)")
    let one = losses(String(decoding: try scratch.read("one.log"), as: UTF8.self))
    let two = losses(String(decoding: try scratch.read("two.log"), as: UTF8.self))
    #expect(one.count == two.count && one.count > 20)
    // Only the order of sums differs; rounding grows from step to step.
    for (a, b) in zip(one, two) { #expect(abs(a - b) < 1e-3 * a, "\(a) \(b)") }
    #expect(zip(one, two).prefix(3).allSatisfy { abs($0 - $1) < 2e-6 })
  }

  @Test func `two processes go on from a checkpoint to the bytes of an unbroken run`() throws {
    let outcome = try Scratch().run(
      """
      \(setUp)
      \(mpirun) 2 $train -q --epochs 3 --schedule constant -o whole.rnn
      \(mpirun) 2 $train -q --steps 4 --epochs 3 --schedule constant --checkpoint c -o part.rnn
      \(mpirun) 2 $train -q --epochs 3 --schedule constant --checkpoint c --resume -o resumed.rnn
      cmp whole.rnn resumed.rnn
      """)
    #expect(outcome.status == 0, "\(outcome.errorOutput)")
  }

  @Test func `several processes need files`() throws {
    let outcome = try Scratch().run(
      "\(setUp)\n\(mpirun) 2 train-rnn --hidden 4 < t 2> err > out || grep ^train-rnn err")
    #expect(outcome.text.contains("2 processes cannot share standard input; give files"))
  }
}
