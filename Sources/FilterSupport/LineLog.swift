// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A file that grows line by line while a program runs, for others to follow meanwhile.
public final class LineLog {
  private let name: String
  private let descriptor: CInt
  /// Whether the file holds nothing yet.
  public let isEmpty: Bool

  /// - isContinued: whether lines that are there are kept.
  public init(path: String, isContinued: Bool = false) throws(StreamError) {
    name = path
    let mode = isContinued ? O_APPEND : O_TRUNC
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0o666)
    guard descriptor >= 0 else { throw StreamError(.file(path), systemMessage()) }
    isEmpty = lseek(descriptor, 0, SEEK_END) <= 0
  }

  deinit { close(descriptor) }

  /// Writes a line at once.
  public func write(line: String) throws(StreamError) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { writeBytes(descriptor, $0) }
      guard count > 0 || errno == EINTR else { throw StreamError(.file(name), systemMessage()) }
      rest = rest.dropFirst(max(count, 0))
    }
  }
}
