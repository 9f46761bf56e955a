// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import FilterSupport
import ModelFiles

@main struct Transduce: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Label sequences with a trained network or a written automaton.",
    discussion: """
      One record in, one record out: a label for each column. What follows a TAB in a record are \
      targets, which --check compares with.
      """,
    example: "echo 1 0 1 1 | transduce --fsa parity.fsa")

  @Option(
    name: [.customShort("m", allowingJoined: true), .long],
    help: ArgumentHelp("Labeller that train-rnn or train-masked made.", valueName: "file")
  )
  var model: String?

  @Option(help: ArgumentHelp("Automaton: lines of state, input, next state.", valueName: "file"))
  var fsa: String?

  @Flag(help: "Print the states of the automaton instead of their outputs.")
  var states = false

  @Flag(help: "Print the probabilities of the network instead of the labels.")
  var prob = false

  @Flag(help: "Print only how many records have the labels that their targets say.")
  var check = false

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if (model == nil) == (fsa == nil) { throw ValidationError("give either --model or --fsa") }
    if states, fsa == nil { throw ValidationError("--states needs --fsa") }
    if prob, model == nil { throw ValidationError("--prob needs --model") }
    if check, states || prob { throw ValidationError("--check prints no states or probabilities") }
  }

  func run() throws {
    let sink = try output.open()
    let reader = RecordReader(paths: input.files, terminator: input.terminator)
    let transducer =
      try fsa.map { try openAutomaton(at: $0, printsStates: states) }
      ?? openTransducer(at: model!, printsProbabilities: prob)
    var tally = LabelTally()
    while let block = try reader.nextBlock() {
      try block.forEachRecord { record, number in
        let place = StreamError.Place.line(block.name, number)
        let labels = try transducer.labels(record, place: place)
        if check {
          try tally.add(labels, of: record, place: place)
        } else {
          try sink.write(Array(labels.joined(separator: [0x20])) + [input.terminator])
        }
      }
      if !check, reader.wouldBlock { try sink.flush() }
    }
    if check {
      try sink.write("\(tally.right) of \(tally.total) records right\n")
    }
    try sink.finish()
  }
}
