// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import ByteStreams

/// The operands: files in order, as one stream.
public struct InputOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Input files; standard input when none or '-'.", valueName: "file"))
  public var files: [String] = []

  @Flag(name: [.customShort("z"), .long], help: "Records end in NUL instead of LF, in and out.")
  public var zeroTerminated = false

  public init() {}

  /// The byte that ends a record.
  public var terminator: UInt8 { zeroTerminated ? 0 : 0x0A }

  public func validate() throws {
    if files.filter({ $0 == "-" }).count > 1 {
      throw ValidationError("standard input ('-') can be read only once")
    }
  }
}

/// Where the output goes.
public struct OutputOptions: ParsableArguments {
  @Option(
    name: [.customShort("o", allowingJoined: true), .customLong("output")],
    help: ArgumentHelp(
      "Write to FILE instead of standard output; it appears whole or not at all.",
      valueName: "file"))
  public var file: String?

  public init() {}

  /// The sink that the options name.
  public func open() throws(StreamError) -> ByteSink {
    if let file { try ByteSink.file(file) } else { ByteSink.standardOutput() }
  }
}

/// Text or binary output.
public struct BinaryOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Write the compressed binary stream instead of text.")
  public var binary = false

  @Option(
    name: [.customShort("l", allowingJoined: true), .long],
    help: ArgumentHelp("zstd level of binary output; 0 leaves it uncompressed.", valueName: "n"))
  public var level = 1

  public init() {}

  public func validate() throws {
    guard (-7...19).contains(level) else {
      throw ValidationError("--level \(level) is not between -7 and 19")
    }
  }

  /// The sink for `output`; a binary stream is never written to a terminal.
  public func open(_ output: OutputOptions) throws -> ByteSink {
    let sink = try output.open()
    if binary, sink.isTerminal {
      throw ValidationError("a binary stream makes no sense on a terminal; use -o or a pipe")
    }
    return sink
  }
}

/// How many threads to use.
public struct ThreadOptions: ParsableArguments {
  @Option(
    name: [.customShort("j", allowingJoined: true), .long],
    help: ArgumentHelp(
      "Number of threads (default: the cores available); changes speed, never bytes.",
      valueName: "n"))
  public var threads: Int?

  public init() {}

  public var count: Int { threads ?? Machine.availableCores }

  public func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads) is not between 1 and 1024")
    }
  }
}

/// The seed of all that is random.
public struct SeedOptions: ParsableArguments {
  @Option(
    name: [.customShort("s", allowingJoined: true), .long],
    help: ArgumentHelp("Seed of the random numbers.", valueName: "n"))
  public var seed: UInt64 = 0

  public init() {}
}

/// How much a program says on standard error.
public struct VerbosityOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print errors only.")
  public var quiet = false

  @Flag(name: .shortAndLong, help: "Print facts about each stage on standard error.")
  public var verbose = false

  @Option(
    help: ArgumentHelp(
      "Show progress on standard error: auto (on a terminal), always (without =when) or never.",
      valueName: "when"))
  public var progress = ProgressWhen.auto

  public init() {}

  public func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
  }

  /// A progress line for a stage, shown as the options say.
  public func progress(_ stage: String) -> Progress {
    Progress(stage, when: quiet ? .never : progress)
  }

  /// Prints a fact when `--verbose` was given.
  public func note(_ text: @autoclosure () -> String) {
    if verbose { Message.print(text()) }
  }

  /// Prints a warning unless `--quiet` was given.
  public func warn(_ text: String) {
    if !quiet { Message.warn(text) }
  }
}
