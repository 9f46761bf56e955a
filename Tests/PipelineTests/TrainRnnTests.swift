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
    train-rnn -j1 --embed 16 --hidden 32 --epochs 2000 --seed 1 --zero-output --log log \\
      -o pigs.rnn < pigs.txt &&
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
      until [ -e c ]; do sleep 0.05; done
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

@Test func `the log is columns with names, or objects with the same members`() throws {
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    train='train-rnn -j1 --hidden 8 --epochs 3 --valid 0.3 --log-every 1'
    $train --log a.tsv pigs.txt | cksum
    $train --log a.json --log-format json pigs.txt | cksum
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  #expect(outcome.lines.count == 2 && outcome.lines[0] == outcome.lines[1])
  let rows = String(decoding: try scratch.read("a.tsv"), as: UTF8.self)
    .split(separator: "\n").map { columns(String($0)) }
  let objects = try String(decoding: try scratch.read("a.json"), as: UTF8.self)
    .split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  #expect(rows.count == objects.count + 1 && objects.count == 3)
  for (row, object) in zip(rows.dropFirst(), objects) {
    #expect(object.count == rows[0].count)
    for (name, value) in zip(rows[0], row) where name != "tokens_per_second" {
      if value.isEmpty {
        #expect(object[name] is NSNull)
      } else {
        #expect((object[name] as? NSNumber)?.doubleValue == Double(value), "\(name)")
      }
    }
  }
}

@Test func `training ends after a time, with the rate at the cosine's end`() throws {
  let scratch = try withPigs()
  let start = Date()
  let outcome = try scratch.run(
    "train-rnn -j1 --hidden 8 --time 1s --log log --log-every 1 pigs.txt > m; tail -1 log")
  let rate = try #require(Double(columns(outcome.lines[0])[6]))
  #expect(outcome.status == 0 && Date().timeIntervalSince(start) >= 1)
  #expect(rate < 2e-4)
}

@Test func `a network that learns while it is scored does better on what repeats itself`() throws {
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    train-rnn -j1 --hidden 16 --epochs 60 pigs.txt > m
    for i in 1 2 3 4 5 6 7 8; do echo dogs eat grass .; done > grass.txt
    score -m m grass.txt --unit nats | grep -E '^(tokens|cross_entropy)'
    for j in 1 3; do score -m m grass.txt --unit nats --dynamic --dynamic-rate 3 --bytes 144 -j$j; done
    score -m m grass.txt --unit nats --dynamic --dynamic-rate 0 --dynamic-window 3 |
      grep cross_entropy
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let lines = outcome.lines
  let rows = lines.map { columns($0) }
  let names = [
    "records", "tokens", "unknown", "zero", "dynamic_nats", "dynamic_cross_entropy",
    "dynamic_perplexity", "bytes", "dynamic_bits_per_byte",
  ]
  try #require(rows.count == 21)
  #expect(rows[2..<11].map { $0[0] } == names && lines[2..<11] == lines[11..<20])
  let (still, learning, frozen) = (
    Double(rows[1][1])!, Double(rows[7][1])!, Double(rows[20][1])!
  )
  #expect(rows[0] == ["tokens", "40"] && rows[3] == ["tokens", "40"])
  #expect(learning < 0.9 * still)
  // Without steps it is the usual figure, but for the order of Float sums.
  #expect(abs(frozen - still) < 1e-5)
}

@Test func `readers of networks give the same bytes for any number of threads`() throws {
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    train-rnn --cell gru --layers 2 --hidden 320 --steps 3 --rate 0.01 pigs.txt > m
    for j in 1 2 3 7; do
      { score -m m -j$j --per-token pigs.txt; sample -m m -j$j -n 40 --max-tokens 5
        beam -m m -j$j --width 6 -n 6 --max-tokens 4 --scores; } | cksum
    done | sort -u | wc -l
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  #expect(outcome.text.trimmingCharacters(in: .whitespacesAndNewlines) == "1")
}

@Test(arguments: [
  ("score -m counts --dynamic pigs.txt", "counts: is no recurrent network"),
  ("score -m net --dynamic --dynamic-rate 1e8 --dynamic-window 1 long", "lower --dynamic-rate"),
  ("train-rnn --valid 0.3 --hidden 4 --epochs 1 one", "leaves nothing on one side"),
  (
    "head -c 2000 /dev/zero | tr '\\0' x | paste -d' ' - pigs.txt > bad; "
      + "train-rnn --checkpoint c --resume --steps 3 --hidden 4 -o m pigs.txt; "
      + "train-rnn --checkpoint c --resume --steps 9 --hidden 4 bad > /dev/null",
    "c: belongs to another training"
  ),
])
func `scoring and training say what they cannot do`(script: String, message: String) throws {
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    count-ngrams -n 1 pigs.txt > counts; head -1 pigs.txt > one
    train-rnn --cell relu --hidden 8 --steps 3 pigs.txt > net; cat pigs.txt pigs.txt > long
    \(script)
    """)
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput.contains(message), "\(outcome.errorOutput)")
  #expect(outcome.errorOutput.split(separator: "\n").count == 1, "\(outcome.errorOutput)")
}

@Test func `a loss that is no number keeps the last good checkpoint`() throws {
  let scratch = try withPigs()
  let outcome = try scratch.run(
    """
    train='train-rnn --cell relu --hidden 8 --zero-output --optimiser sgd --schedule constant --clip 0'
    train="$train --rate 1e8"
    $train --epochs 50 --checkpoint c -o m pigs.txt; echo $?
    $train --steps 2 --checkpoint c --resume -v -o n pigs.txt && echo kept
    [ ! -e m ] && echo nothing written
    """)
  #expect(outcome.lines == ["1", "kept", "nothing written"])
  #expect(
    outcome.errorOutput.contains(
      "at step 3, rate 100000000.0; lower --rate or --clip; the last checkpoint is kept"))
  #expect(outcome.errorOutput.contains("resumed after step 2"))
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
  ("train-rnn --hidden 100000 --steps 1 pigs.txt", "60002"),
  ("train-rnn --hidden 1048576 --layers 1048576 --steps 1 pigs.txt", " bytes of "),
  ("train-rnn --embed 1048576 --hidden 50000 --steps 1 pigs.txt", " bytes of "),
  ("echo '01<t>1' | tr '<t>' '\t' | train-rnn --transduce --hidden 900000", " bytes of "),
  (
    "train-rnn --hidden 8 --steps 1 pigs.txt | head -c 900 > m; train-rnn --describe m",
    "m:@"
  ),
])
func `bad input ends training with one line and leaves the output alone`(
  script: String, message: String
) throws {
  try expectRefusal(of: script, message)
}

@Test(.enabled(if: !Scratch.isSanitized))
func `a network larger than the memory is refused before training`() throws {
  try expectRefusal(
    of: "ulimit -v 1000000; train-rnn --hidden 5000 --steps 1 pigs.txt", " bytes of ")
}

/// The script fails with one line that holds the message, and leaves its output file as it was.
private func expectRefusal(of script: String, _ message: String) throws {
  let scratch = try withPigs()
  try scratch.write("out", "old")
  let outcome = try scratch.run(script + " -o out")
  #expect(outcome.status == 1)
  #expect(outcome.errorOutput.contains(message), "\(outcome.errorOutput)")
  #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  #expect(try scratch.read("out") == Data("old".utf8))
}

/// Bash that writes a safetensors file from its JSON and so many bytes of data, with nothing checked.
private let tensorFile = #"""
  network='cell=tanh layers=1 hidden=1 outputs=2 inputs=3 embedding=1 output=softmax tied=false biases=false'
  tensors() {
    printf "\\x$(printf %02x $((${#1} & 255)))\\x$(printf %02x $((${#1} >> 8)))\\0\\0\\0\\0\\0\\0"
    printf %s "$1"; head -c $2 /dev/zero
  }
  tensor() { printf '"%s":{"dtype":"%s","shape":%s,"data_offsets":%s}' "$@"; }
  meta="\"__metadata__\":{\"chainrule.network\":\"$network\"}"

  """#

@Test(arguments: [
  ("{$(tensor encoder.weight F32 [3,1] [0,16])}", 16, "its shape needs"),
  ("{$(tensor encoder.weight F32 [3,1] [0,12])}", 8, "claims bytes 0 to 12 of 8"),
  (
    "{$(tensor encoder.weight F32 [3,1] [0,12]),$(tensor x F32 [2] [8,16])}", 16,
    "overlaps byte 12"
  ),
  ("{$(tensor encoder.weight F32 [3,1] [4,16])}", 16, "leaves a hole"),
  ("{$(tensor encoder.weight F32 [9223372036854775807,4] [0,8])}", 8, "larger than 2^63 bytes"),
  (
    "{$(tensor encoder.weight F32 [3,1] [0,9223372036854775808])}", 8,
    "data_offsets of tensor encoder.weight: 9223372036854775808 is beyond 2^63"
  ),
  (
    "{$(tensor encoder.weight F32 [9223372036854775808] [0,8])}", 8,
    "shape of tensor encoder.weight: 9223372036854775808 is beyond 2^63"
  ),
  ("{$meta,$(tensor encoder.weight I32 [3,1] [0,12])}", 12, "I32"),
  ("{$meta,$(tensor encoder.weight F32 [3,1] [0,12])}", 12, "tensor rnn.weight_ih_l0 is missing"),
  ("{$meta,$(tensor encoder.weight F32 [1,3] [0,12])}", 12, "has shape [1, 3]"),
])
func `a broken model file is named with what is wrong`(json: String, size: Int, message: String)
  throws
{
  let scratch = try Scratch()
  for program in ["train-rnn --describe bad", "score -m bad /dev/null", "sample -m bad"] {
    try scratch.write("out", "old")
    let outcome = try scratch.run(
      tensorFile + "tensors \"\(json)\" \(size) > bad; \(program) -o out")
    #expect(outcome.status == 1)
    #expect(
      outcome.errorOutput.contains(": bad:") && outcome.errorOutput.contains(message),
      "\(outcome.errorOutput)")
    #expect(outcome.errorOutput.split(separator: "\n").count == 1)
    #expect(try scratch.read("out") == Data("old".utf8))
  }
}

@Test(arguments: [
  "--hidden 0", "--batch 0", "--dropout 1", "--tied --embed 3 --hidden 4",
  "--tied --zero-output", "--resume", "--patience 3", "--valid 1.5", "--time 0",
  "--average median=2", "--cell transformer",
  "--unroll 3", "-j0", "--log-format json", "--log-every 5", "--log x --log-format xml",
  "--loss squared", "--describe m pigs.txt", "--transduce --window 4", "--transduce -j2",
  "--transduce --tied", "--transduce --embed 3", "--transduce --continuous",
  "--transduce --valid 0.1", "--transduce --min-count 2", "--transduce --time 3s",
  "--transduce --average ema=0.9", "--transduce --dropout-embedding 0.1",
  "--transduce --checkpoint c", "--schedule plateau", "--evaluate-every 3",
  "--rate 0", "--clip -1", "--weight-decay 1",
])
func `training options that make no sense are wrong usage`(options: String) throws {
  #expect(try Scratch().run("train-rnn \(options) < /dev/null").status == 64)
}
