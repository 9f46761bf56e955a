// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A scratch folder with the lecture's corpus in it.
private func withPigs() throws -> Scratch {
  let scratch = try Scratch()
  try scratch.write("pigs.txt", pigs.map { $0 + "\n" }.joined())
  return scratch
}

private func columns(_ line: String) -> [String] {
  line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
}

@Test func `the lecture's network starts at log2 14 bits and ends at the corpus's entropy`() throws
{
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    train-rnn -j1 --embed 16 --hidden 32 --epochs 2000 --seed 1 --log log -o pigs.rnn < pigs.txt &&
      train-rnn --describe pigs.rnn
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let log = String(decoding: try scratch.read("log"), as: UTF8.self).split(separator: "\n")
  #expect(log.count == 22)
  let first = columns(String(log[1]))
  #expect(first[0] == "1" && first[2] == "45")
  // A zero output layer gives exactly log2 14; Float32 sums leave the seventh digit.
  #expect(abs(Double(first[3])! - 3.807355) < 2e-6)
  // Nothing goes below 24/45 bits; the trigram sits at 0.7111.
  let last = Double(columns(String(log[21]))[3])!
  #expect(last >= 0.5333 && last <= 0.56)
  #expect(outcome.lines.contains("embedding (14+1)x16"))
  #expect(outcome.lines.contains("W_hy (32,14)"))
  #expect(outcome.lines.last == "total 7102")
}

@Test func `any number of threads gives the same bytes, text or binary`() throws {
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    for j in 1 2 3 7; do train-rnn --hidden 20 --layers 2 --steps 30 --dropout 0.2 -j$j pigs.txt |
      cksum; done | sort -u | wc -l
    """)
  #expect(outcome.text.trimmingCharacters(in: .whitespacesAndNewlines) == "1")
}

@Test(arguments: ["TERM", "INT", "KILL"])
func `training that a signal stops goes on to the bytes of the unbroken one`(signal: String) throws
{
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    options="-j1 --hidden 16 --steps 20000 --valid 0.2 --evaluate-every 50 --dropout 0.1 pigs.txt"
    train-rnn $options > whole.rnn
    for wait in 0.2 0.4; do
      train-rnn $options --checkpoint c --resume -o part.rnn & pid=$!
      sleep $wait; kill -\(signal) $pid 2>/dev/null; wait $pid; echo status $?
      [ -e part.rnn ] && echo finished early
    done
    train-rnn $options --checkpoint c --resume -v -o part.rnn && cmp part.rnn whole.rnn && echo same
    """)
  let number = ["TERM": 143, "INT": 130, "KILL": 137][signal]!
  #expect(
    outcome.lines == ["status \(number)", "status \(number)", "same"], "\(outcome.errorOutput)")
  #expect(outcome.errorOutput.contains("resumed after step"))
}

@Test func `PyTorch's shapes, validation, early stopping and averages are at hand`() throws {
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    for cell in lstm gru tanh logistic relu; do
      train-rnn -j1 --cell $cell --layers 2 --hidden 12 --tied --epochs 20 --valid 0.3 --patience 3 \\
        --schedule plateau --optimiser adamw --weight-decay 0.01 --average ema=0.9 \\
        --dropout-input 0.1 --dropout-embedding 0.1 --dropout-recurrent 0.1 --locked-dropout \\
        --log log -v pigs.txt > $cell.rnn || exit 1
      train-rnn --describe $cell.rnn | grep -c 'tensor rnn.weight_hh_l1'
      awk -F'\\t' 'NR > 1 && $5 != "" { found = 1 } END { exit !found }' log || exit 1
    done
    train-rnn --continuous --window 8 --batch 2 --steps 20 --hidden 8 pigs.txt | wc -c
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  #expect(outcome.lines.dropLast() == ["1", "1", "1", "1", "1"])
  #expect(outcome.errorOutput.contains("validation"))
}

@Test(arguments: [
  ("train-rnn < /dev/null", "train-rnn: the token stream is empty; train on some tokens\n"),
  (
    "train-rnn --continuous --window 500 pigs.txt",
    "train-rnn: the stream of 45 tokens is shorter than one window of 500; "
      + "lower --window or train on more\n"
  ),
  ("train-rnn missing", "train-rnn: missing: no such file or directory\n"),
  (
    "train-rnn --cell relu --optimiser sgd --rate 1e8 --clip 0 --hidden 8 --epochs 50 --schedule constant pigs.txt",
    "is not a number any more at step"
  ),
  (
    "train-rnn --hidden 8 --steps 2 --checkpoint c pigs.txt > m; "
      + "train-rnn --hidden 9 --steps 2 --checkpoint c --resume pigs.txt",
    "hidden=8 instead of hidden=9"
  ),
  ("train-rnn --describe pigs.txt", "is no safetensors file"),
  (
    "train-rnn --hidden 8 --steps 1 pigs.txt | head -c 900 > m; train-rnn --describe m",
    "m:@"
  ),
])
func `bad input ends training with one line and leaves the output alone`(
  script: String, message: String
) throws {
  let scratch = try withPigs()
  try scratch.write("out", "old")
  let outcome = try scratch.run(script + " -o out")
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput.contains(message), "\(outcome.errorOutput)")
  #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  #expect(try scratch.read("out") == Data("old".utf8))
}

@Test(arguments: [
  "--hidden 0", "--batch 0", "--dropout 1", "--tied --embed 3 --hidden 4", "--resume",
  "--patience 3", "--valid 1.5", "--time 0", "--average median=2", "--cell transformer",
  "--unroll 3", "-j0",
])
func `training options that make no sense are wrong usage`(options: String) throws {
  #expect(try Scratch().run("train-rnn \(options) < /dev/null").status == 64)
}
