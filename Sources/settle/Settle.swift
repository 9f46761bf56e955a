// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteStreams
import EnergyModels
import FilterSupport
import Probability

@main struct Settle: FilterCommand {
  static let configuration = CommandConfiguration.filter(
    abstract: "Recall patterns with a Hopfield network, or visit the states of an Ising model.",
    discussion: """
      With --patterns, each input line of 0s and 1s settles into a remembered pattern. With --ising, \
      prints energy and magnetisation of a grid of spins at each temperature.
      """,
    example: "settle --ising 3x3 -T 1,2,4 --exact")

  @Option(help: ArgumentHelp("Remember the lines of FILE.", valueName: "file"))
  var patterns: String?

  @Option(help: ArgumentHelp("A grid of spins whose edges are joined.", valueName: "rowsxcolumns"))
  var ising: GridSize?

  @Option(
    name: [.customShort("T", allowingJoined: true), .long],
    help: ArgumentHelp(
      "Temperatures, separated by commas; 0 takes the nearest valley (patterns only).",
      valueName: "t"))
  var temperature = Temperatures([0])

  @Flag(help: "Visit every state of the grid instead of sampling.")
  var exact = false

  @Flag(help: "Print the sampled grid below its row of the table.")
  var show = false

  @Option(help: ArgumentHelp("Visits of every unit or spin when sampling.", valueName: "n"))
  var sweeps = 10_000

  @OptionGroup var seed: SeedOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if (patterns == nil) == (ising == nil) {
      throw ValidationError("give either --patterns or --ising")
    }
    if sweeps < 1 { throw ValidationError("--sweeps \(sweeps) is less than 1") }
    if patterns != nil {
      if temperature.values.count != 1 { throw ValidationError("--patterns takes one temperature") }
      if exact || show { throw ValidationError("--exact and --show belong to --ising") }
    }
    if let ising {
      if !input.files.isEmpty { throw ValidationError("--ising reads no files") }
      if temperature.values.contains(where: { $0 <= 0 }) {
        throw ValidationError("an Ising model needs a --temperature above 0")
      }
      if exact, ising.siteCount > IsingModel.largestExactSiteCount {
        throw ValidationError(
          "--exact visits 2^\(ising.siteCount) states; "
            + "at most \(IsingModel.largestExactSiteCount) spins")
      }
      if exact, show { throw ValidationError("--show needs sampling, not --exact") }
    }
  }

  func run() throws {
    let sink = try output.open()
    let random = RandomNumbers(seed: seed.seed)
    if let patterns {
      let network = try HopfieldNetwork(patternsIn: RecordReader(paths: [patterns]))
      try network.recall(
        RecordReader(paths: input.files, terminator: input.terminator), into: sink,
        temperature: temperature.values[0], sweeps: sweeps, random: random)
    } else if let ising {
      let model = IsingModel(rows: ising.rows, columns: ising.columns)
      try model.tabulate(
        at: temperature.values, sweeps: exact ? nil : sweeps, random: random, showsStates: show,
        into: sink)
    }
    try sink.finish()
  }
}

struct GridSize: ExpressibleByArgument {
  let rows: Int
  let columns: Int
  var siteCount: Int { rows * columns }

  init?(argument: String) {
    let parts = argument.split(separator: "x", omittingEmptySubsequences: false)
    guard parts.count == 2, let rows = Int(parts[0]), let columns = Int(parts[1]),
      (1...4096).contains(rows), (1...4096).contains(columns)
    else { return nil }
    self.rows = rows
    self.columns = columns
  }
}

struct Temperatures: ExpressibleByArgument {
  let values: [Double]
  var defaultValueDescription: String { values.map { "\($0)" }.joined(separator: ",") }
  init(_ values: [Double]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Double($0) }.filter { $0 >= 0 && $0.isFinite }
    if values.isEmpty || values.count != parts.count { return nil }
  }
}
