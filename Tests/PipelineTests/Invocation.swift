// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A minimal run of a program, on which the filter contract is tried.
///
/// A set-up script makes the file `in`, which the program reads from standard input or as an operand,
/// and `in.bin` where it reads binary streams too. `$d` is the test's folder.
struct Invocation: CustomTestStringConvertible, Sendable {
  /// The program's name.
  var program: String
  /// Bash that makes `in` and what the options name.
  var setUp: String
  /// What makes the program work on `in`.
  var options = ""
  /// Whether the set-up makes `in.bin`: the same content as a binary stream.
  var readsBinary = false
  /// The status for input without a byte: most have an empty answer, learners have nothing to learn.
  var statusWhenEmpty: Int32 = 0
  /// How many copies of `in` make several blocks, for what depends on threads; 0 skips that.
  var copies = 4000
  /// What reads `in`: standard input and operands, or an option that names a model.
  var inputOption: String?
  /// Whether the files of several operands are one stream (the output is that of their concatenation).
  var joinsFiles = true
  /// Whether its output is text.
  var isText = true
  /// Whether a binary stream tells the output something that text cannot: how pieces become text.
  var binarySaysMore = false
  /// Whether text is among its input; else `in` is a binary file, whose truncation is an error.
  var readsText = true

  /// Whether the output can be turned back into the input to the last byte: a missing newline stays so.
  var isLossless = false
  /// Whether an altered byte of a binary file shows; safetensors, a format of others, has no checksum.
  var hasChecksum = true

  var testDescription: String { "\(program) \(options)" }

  /// The command that reads `file` as its main input.
  func command(on file: String, _ more: String = "") -> String {
    inputOption.map { "\(program) \(options) \(more) \($0) \(file)" }
      ?? "\(program) \(options) \(more) \(file)"
  }

  /// A folder in which the set-up has run.
  func prepared() throws -> Scratch {
    let scratch = try Scratch()
    let outcome = try scratch.run("export d=$PWD\n" + setUp)
    guard outcome.status == 0 else { throw SetUpFailure(outcome) }
    return scratch
  }

  private struct SetUpFailure: Error, CustomStringConvertible {
    let description: String
    init(_ outcome: Outcome) { description = outcome.errorOutput }
  }

  /// One row a program, and more where a program has two faces.
  static let all: [Invocation] = [
    Invocation(
      program: "wordpiece-learn", setUp: "cp $examples/pigs.txt in", options: "-n 20",
      statusWhenEmpty: 1),
    Invocation(
      program: "unigram-learn", setUp: "cp $examples/pigs.txt in", options: "--vocabulary 60",
      statusWhenEmpty: 1),
    Invocation(
      program: "bpe-learn", setUp: "cp $examples/pigs.txt in", options: "--merges 40"),
    Invocation(
      program: "transduce", setUp: "printf '01 00 11\\n10 10\\n' > in",
      options: "--fsa $examples/adder.fsa", copies: 20000),
    Invocation(
      program: "transduce",
      setUp: "printf '01 11\\t1 1\\n' > t; train-rnn --transduce --hidden 4 --steps 2 t > in",
      options: "$d/t", inputOption: "-m", readsText: false, hasChecksum: false),
    Invocation(
      program: "probe-gradients",
      setUp: tokens + "train-rnn --hidden 4 --steps 2 -q t > m; head -3 t > in; "
        + "tokenize --words -b in > in.bin",
      options: "-m $d/m", readsBinary: true, statusWhenEmpty: 1),
    Invocation(
      program: "probe-gradients", setUp: tokens + "train-rnn --hidden 4 --steps 2 -q t > in",
      options: "$d/t", inputOption: "-m", readsText: false, hasChecksum: false),
    Invocation(
      program: "diverge",
      setUp: tokens + "count-ngrams -n 1 --no-eos t > in; cp in other; "
        + "count-ngrams -n 1 --no-eos -b t > in.bin",
      options: "$d/other", readsBinary: true, inputOption: ""),
    Invocation(
      program: "settle",
      setUp: "printf '1100\\n1010\\n' > p; printf '1101\\n1010\\n0100\\n' > in",
      options: "--patterns $d/p"),
    Invocation(program: "tokenize", setUp: pigs, options: "--words"),
    Invocation(
      program: "arith-code", setUp: pigs, options: "--adaptive 2", isLossless: true),
    Invocation(
      program: "arith-code",
      setUp: pigs + "count-ngrams -n 2 < in | estimate-ngrams --smoothing laplace=1 > m",
      options: "-m $d/m", isLossless: true),
    Invocation(
      program: "arith-code",
      setUp: pigs + "arith-code --adaptive 2 in > c; mv c in",
      options: "-d --adaptive 2", joinsFiles: false, readsText: false),
    Invocation(
      program: "tokenize", setUp: "printf 'P1 3 2 101010\nP1 3 2 110011\n' > in", options: "--pbm"),
    Invocation(
      program: "transduce",
      setUp:
        "printf '01 1\t1\n10 0\t0\n' > t; train-masked --mask none --targets 1 --epochs 2 -q t > m; "
        + "printf '01 1\n10 0\n' > in",
      options: "-m $d/m"),
    Invocation(
      program: "tokenize", setUp: pigs, options: "--bytes -b", joinsFiles: false,
      isText: false),
    Invocation(
      program: "tokenize",
      setUp: pigs + "tokenize --bytes in > t; tokenize --bytes -b in > in.bin; mv t in",
      options: "-d --bytes", readsBinary: true),
    Invocation(
      program: "count-ngrams",
      setUp: pigs + "tokenize --words in > t; tokenize --words -b in > in.bin; mv t in",
      options: "-n 2", readsBinary: true),
    Invocation(
      program: "estimate-ngrams",
      setUp: tokens + "count-ngrams -n 2 t > in; count-ngrams -n 2 -b t > in.bin",
      options: "--smoothing laplace=1", readsBinary: true),
    Invocation(
      program: "train-masked",
      setUp: "printf '0 1 1 0\n1 1 0 0\n0 0 1 1\n1 0 1 1\n' > in; tokenize --words -b in > in.bin",
      options: "--hidden 4 --epochs 2", readsBinary: true, statusWhenEmpty: 1, copies: 30,
      isText: false, binarySaysMore: true),
    Invocation(
      program: "train-rnn", setUp: tokens + "mv t in; tokenize --words -b in > in.bin",
      options: "--hidden 8 --embed 4 --epochs 2 -q", readsBinary: true, statusWhenEmpty: 1,
      copies: 4, isText: false, binarySaysMore: true),
    Invocation(
      program: "score",
      setUp: model + "tokenize --words -b $examples/pigs.txt > in.bin; mv m.bin m; mv t in",
      options: "-m $d/m --per-token", readsBinary: true, copies: 500),
    Invocation(
      program: "score", setUp: model + "mv m in; mv m.bin in.bin", options: "$d/t",
      readsBinary: true, inputOption: "-m"),
    Invocation(
      program: "sample", setUp: model + "mv m in; mv m.bin in.bin", options: "-n 200 --top-p 0.9",
      readsBinary: true, inputOption: "-m"),
    Invocation(
      program: "sample", setUp: tokens + "train-rnn --hidden 4 --steps 2 -q t > in",
      options: "-n 20 --max-tokens 20", inputOption: "-m", readsText: false, hasChecksum: false),
    Invocation(
      program: "beam", setUp: model + "mv m in; mv m.bin in.bin", options: "--width 3 -n 3",
      readsBinary: true, inputOption: "-m"),
    Invocation(
      program: "estimate-ngrams", setUp: backoffModel, readsBinary: true, inputOption: "-m"),
    Invocation(
      program: "mix-ngrams", setUp: backoffModel + "cp in other; ", options: "-m $d/other",
      readsBinary: true, inputOption: "-m"),
  ]

  private static let pigs = "sed 's/pigs/p\\x01/' $examples/pigs.txt > in; "
  private static let tokens = "tokenize --words $examples/pigs.txt > t; "
  /// A model in back-off form, ARPA and mapped.
  private static let backoffModel =
    tokens + "count-ngrams -n 2 t | estimate-ngrams -q > in; estimate-ngrams -b -m in > in.bin; "
  /// The same model as text and binary.
  private static let model =
    tokens + "count-ngrams -n 2 t | estimate-ngrams --smoothing witten-bell > m; "
    + "estimate-ngrams -b -m m > m.bin; "
}

extension Scratch {
  /// Runs a script in which `$d` is this folder.
  func attempt(_ script: String) throws -> Outcome { try run("d=$PWD\n" + script) }
}
