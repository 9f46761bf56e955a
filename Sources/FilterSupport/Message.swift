// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Lines on standard error: `program: message`.
public enum Message {
  /// The last component of the name that the program was called by.
  public static let programName: String = {
    let path = CommandLine.arguments.first ?? ""
    return path.split(separator: "/").last.map(String.init) ?? "chainrule"
  }()

  public static func print(_ text: String) { printLine("\(programName): \(text)") }

  public static func warn(_ text: String) { printLine("\(programName): warning: \(text)") }

  static func end(status: CInt) -> Never { exit(status) }

  /// Prints a line as it is, such as a trace that one program writes for another to read.
  public static func printLine(_ text: String) { write(text + "\n") }

  static func write(_ text: String) {
    var text = text
    // Nothing can be said about an error stream that is closed.
    text.withUTF8 { _ = writeBytes(2, UnsafeRawBufferPointer($0)) }
  }
}
