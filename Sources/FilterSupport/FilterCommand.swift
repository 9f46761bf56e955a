// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
internal import ByteStreams

/// A program: parses its command line, runs, and ends with the status that shells and engines rely on.
///
/// 0: done. 1: failed, with one line on standard error that names program, place and problem.
/// 64: wrong usage. Death by signal stays death by signal; a closed pipe ends it silently.
public protocol FilterCommand: ParsableCommand {}

/// The release, as `--version` shows it and model files note it.
public let chainruleVersion = "0.1.0"

extension FilterCommand {
  public static func main() {
    // Writing to a closed pipe shows as an error, which ByteSink turns back into the signal.
    signal(SIGPIPE, SIG_IGN)
    reserveStandardDescriptors()
    do {
      if CommandLine.arguments.isEmpty {
        throw StreamError(.none, "cannot read the command line", advice: "mount /proc")
      }
      var command = try parseAsRoot()
      try command.run()
    } catch {
      Message.end(status: status(reporting: error))
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
      let problem = lowercasedFirst(message(for: error))
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

  private static func lowercasedFirst(_ text: String) -> String {
    let line = text.split(separator: "\n").joined(separator: "; ")
    // Not for names and acronyms such as «UTF-8».
    guard let second = line.dropFirst().first, second.isLowercase else { return line }
    return line.prefix(1).lowercased() + line.dropFirst()
  }
}

extension CommandConfiguration {
  /// The configuration of a program: its name is the one it was called by.
  ///
  /// - operands: what the options are followed by, as a synopsis shows it.
  public static func filter(
    abstract: String, discussion: String = "", operands: String = "[file ...]"
  ) -> CommandConfiguration {
    CommandConfiguration(
      commandName: Message.programName, abstract: abstract,
      usage: "\(Message.programName) [options] \(operands)", discussion: discussion,
      version: "\(Message.programName) (chainrule) \(chainruleVersion)")
  }
}
