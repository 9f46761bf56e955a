// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
internal import ByteStreams

/// A number of bytes as sort(1) takes it: `10M`, `1G`, `50%` of the memory, `4096b`; K without a suffix.
public struct MemorySize: ExpressibleByArgument, Sendable {
  public let byteCount: Int

  public init?(argument: String) {
    let digits = argument.prefix { $0.isNumber || $0 == "." }
    guard let number = Double(digits), number >= 0 else { return nil }
    let scale: Double
    switch argument.dropFirst(digits.count) {
    case "b": scale = 1
    case "", "K", "k": scale = 0x1p10
    case "M": scale = 0x1p20
    case "G": scale = 0x1p30
    case "T": scale = 0x1p40
    case "%": scale = Double(Machine.memoryByteCount) / 100
    default: return nil
    }
    guard number * scale < 0x1p60 else { return nil }
    byteCount = Int(number * scale)
  }
}

/// The memory budget, and where to spill what does not fit.
public struct MemoryOptions: ParsableArguments {
  @Option(
    name: [.customShort("S", allowingJoined: true), .customLong("memory")],
    help: ArgumentHelp(
      "Memory to use, as in sort(1): 10M, 1G, 50% (default: half of the memory).",
      valueName: "size"))
  public var memory: MemorySize?

  @Option(
    name: [.customShort("T", allowingJoined: true), .customLong("temporary-directory")],
    help: ArgumentHelp("Folder for temporary files (default: $TMPDIR, or /tmp).", valueName: "dir"))
  public var temporaryDirectory: String?

  public init() {}

  /// A program that has these options has a limit to keep, from here on.
  public func validate() { Machine.returnFreedMemory() }

  public var byteCount: Int { memory?.byteCount ?? Machine.memoryByteCount / 2 }

  public var directory: String {
    if let temporaryDirectory { return temporaryDirectory }
    if let value = getenv("TMPDIR"), value[0] != 0 { return String(cString: value) }
    return "/tmp"
  }
}
