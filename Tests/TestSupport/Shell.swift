// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// What a finished command left behind.
public struct Outcome: Sendable {
  /// The exit status; 128 + n for death by signal n, as in a shell.
  public let status: Int32
  public let output: Data
  public let errorOutput: String

  public var text: String { String(decoding: output, as: UTF8.self) }
  public var lines: [String] {
    text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
  }
}

/// A folder for one test, with the built programs on its commands' PATH; removed in the end.
public final class Scratch: Sendable {
  public let folder: URL

  public init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("chainrule-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  public func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  public func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
    try Data(bytes).write(to: folder.appendingPathComponent(name))
  }

  public func write(_ name: String, _ text: String) throws { try write(name, text.utf8) }

  public func read(_ name: String) throws -> Data {
    try Data(contentsOf: folder.appendingPathComponent(name))
  }

  /// Runs a script with bash and `pipefail` in the folder; `examples` names the examples' folder.
  public func run(_ script: String, input: Data = Data()) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    let own = ProcessInfo.processInfo.environment
    let unlimited =
      Scratch.isSanitized ? #"ulimit() { [ "$1" = -v ] || builtin ulimit "$@"; }; "# : ""
    process.arguments = ["-o", "pipefail", "-c", unlimited + script]
    process.currentDirectoryURL = folder
    process.environment = own.filter { $0.key.hasSuffix("SAN_OPTIONS") }.merging([
      "PATH": Scratch.programs.path + ":/usr/local/bin:/usr/bin:/bin",
      "examples": Scratch.root.appendingPathComponent("examples").path,
      "SWIFT_BACKTRACE": "enable=no",
    ]) { $1 }
    let files = ["in", "out", "err"].map {
      folder.appendingPathComponent(".\($0)-\(UUID().uuidString)")
    }
    defer { for file in files { try? FileManager.default.removeItem(at: file) } }
    try input.write(to: files[0])
    for file in files[1...] { try Data().write(to: file) }
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    // The threads that tests run on hold signals back, and a child inherits that.
    var none = sigset_t()
    var old = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &old)
    defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
    try process.run()
    process.waitUntilExit()
    let signal = process.terminationReason == .uncaughtSignal ? Int32(128) : 0
    return Outcome(
      status: signal + process.terminationStatus,
      output: try Data(contentsOf: files[1]),
      errorOutput: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
  }

  /// Whether the programs were built with a sanitizer, which maps terabytes of addresses and takes
  /// more memory: no limit is set on them then, and none is checked.
  public static let isSanitized =
    ProcessInfo.processInfo.environment["CHAINRULE_SANITIZE"] != nil

  /// The package's root folder.
  public static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The folder of the built programs: the one that holds the running test bundle.
  public static let programs: URL = {
    let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    if let program, program.hasSuffix(".xctest") {
      return URL(fileURLWithPath: program).deletingLastPathComponent()
    }
    return root.appendingPathComponent(".build/release")
  }()
}
