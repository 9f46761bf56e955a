// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
internal import ByteStreams

/// A program: parses its command line, runs, and ends with the status that shells and engines rely on.
///
/// 0: done. 1: failed, with one line on standard error that names program, place and problem.
/// 64: wrong usage. Death by signal stays death by signal; a closed pipe ends it silently.
public protocol FilterCommand: ParsableCommand {
  /// The options that may stand without a value, which else comes after `=`, and what they mean then.
  static var bareOptions: [String: String] { get }
}

/// The release, as `--version` shows it and model files note it.
public let chainruleVersion = "0.1.0"

extension FilterCommand {
  public static var bareOptions: [String: String] { ["--progress": "always"] }

  public static func main() {
    // Writing to a closed pipe shows as an error, which ByteSink turns back into the signal.
    signal(SIGPIPE, SIG_IGN)
    // So does writing past a limit on the size of files (ulimit -f).
    signal(SIGXFSZ, SIG_IGN)
    reserveStandardDescriptors()
    Machine.keepFreedMemory()
    do {
      if CommandLine.arguments.isEmpty {
        throw StreamError(.none, "cannot read the command line", advice: "mount /proc")
      }
      var command = try parsed(Array(CommandLine.arguments.dropFirst()))
      try command.run()
    } catch {
      Message.end(status: status(reporting: error))
    }
  }

  private static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    // It would take the encoder that FoundationStandIns leaves out.
    let dumpsHelp = "--experimental-dump-help"
    if arguments.prefix(while: { $0 != "--" }).contains(dumpsHelp) {
      throw ValidationError("unknown option '\(dumpsHelp)'")
    }
    let arguments = CommandLineSpelling.completed(arguments, bare: bareOptions)
    do {
      return try parseAsRoot(arguments)
    } catch  where exitCode(for: error) == .validationFailure {
      // Only now, since the help takes longer to make than all the rest.
      let split = CommandLineSpelling.split(arguments, help: helpMessage())
      if split == arguments { throw error }
      return try parseAsRoot(split)
    }
  }

  /// Prints what `error` has to say where it belongs and returns the exit status.
  private static func status(reporting error: any Error) -> CInt {
    let code = exitCode(for: error)
    if code == .success {
      // --help, --version and completion scripts are output.
      let sink = ByteSink.standardOutput()
      do {
        try sink.write(fullMessage(for: error) + "\n")
        try sink.finish()
        return 0
      } catch {
        Message.print("\(error)")
        return 1
      }
    }
    if code == .validationFailure {
      let problem = inHouseStyle(message(for: error))
      Message.print("\(problem); see '\(Message.programName) --help'")
      return code.rawValue
    }
    if !(error is ExitCode) { Message.print("\(error)") }
    return 1
  }

  /// Keeps a file from being opened under the number of a standard stream that was closed.
  private static func reserveStandardDescriptors() {
    for descriptor: CInt in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      // The wrong way round: a read or write shows the mistake.
      _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
    }
  }

  /// One line of clauses, lower case, without a full stop.
  private static func inHouseStyle(_ text: String) -> String {
    var bytes = Array(text.utf8)
    for (theirs, ours) in [
      (". Please provide one of the following:\n  - ", "; give one of "), ("\n  - ", ", "),
      (". Please provide one of ", "; give one of "), (". Please ", "; please "),
      (". Did you ", "; did you "), ("\n", "; "),
    ] {
      bytes = bytes.replacing(bytes: Array(theirs.utf8), by: Array(ours.utf8))
    }
    var line = String(decoding: bytes, as: UTF8.self)
    if line.hasSuffix(".") || line.hasSuffix("?") { line.removeLast() }
    // Not for names and acronyms such as «UTF-8».
    guard let second = line.dropFirst().first, second.isLowercase else { return line }
    return line.prefix(1).lowercased() + line.dropFirst()
  }
}

extension CommandConfiguration {
  /// The configuration of a program: its name is the one it was called by.
  ///
  /// - operands: what the options are followed by, as a synopsis shows it.
  /// - example: a command line that its manual page shows too.
  /// - facts: what `--version` adds with `-v`.
  public static func filter(
    abstract: String, discussion: String, operands: String = "[file ...]", example: String,
    facts: String = ""
  ) -> CommandConfiguration {
    let isVerbose = CommandLine.arguments.contains { $0 == "-v" || $0 == "--verbose" }
    return CommandConfiguration(
      commandName: Message.programName, abstract: abstract,
      usage: "\(Message.programName) [options] \(operands)",
      discussion: discussion + "\n\nEXAMPLE: \(example)",
      version: "\(Message.programName) (chainrule) \(chainruleVersion)"
        + (isVerbose && !facts.isEmpty ? "\n\(facts)" : ""))
  }
}
