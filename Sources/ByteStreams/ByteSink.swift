// SPDX-License-Identifier: Apache-2.0

/// Where a program's output goes: standard output, a file that appears whole or not at all, or memory.
///
/// Writing ends with `finish()`. A sink that is dropped before it leaves nothing behind.
public final class ByteSink {
  private enum Target {
    case standardOutput
    /// A device or FIFO, written in place.
    case inPlace
    /// A regular file that does not bear its name yet.
    case unnamed(path: String, temporaryPath: String?)
    case memory
  }

  /// The name in messages.
  public let name: String
  private var descriptor: CInt
  private var target: Target
  private var buffer = ByteBuffer(capacity: 1 << 18)
  private var finished = false
  /// Bytes accepted so far.
  public private(set) var byteCount = 0

  private init(name: String, descriptor: CInt, target: Target) {
    self.name = name
    self.descriptor = descriptor
    self.target = target
  }

  /// Standard output, which is not atomic.
  public static func standardOutput() -> ByteSink {
    ByteSink(name: "<stdout>", descriptor: 1, target: .standardOutput)
  }

  /// Collects bytes in memory, for `takeBytes`.
  public static func memory() -> ByteSink {
    ByteSink(name: "<memory>", descriptor: -1, target: .memory)
  }

  /// A file that gets its name with `finish()`: until then the file that has it stays untouched.
  ///
  /// A path that exists and is no regular file (a device, a FIFO) is opened and written in place.
  public static func file(_ path: String) throws(StreamError) -> ByteSink {
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT == S_IFDIR {
      throw StreamError(.file(path), "is a directory", advice: "name a file in it")
    }
    if exists, status.st_mode & S_IFMT != S_IFREG {
      let descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw StreamError(.file(path), systemMessage()) }
      return ByteSink(name: path, descriptor: descriptor, target: .inPlace)
    }
    // A link keeps pointing where it points; its target is replaced.
    let finalPath = resolved(path)
    let folder = parent(of: finalPath)
    #if os(Linux)
      let unnamed = open(folder, unnamedFileFlag | O_WRONLY | O_CLOEXEC, 0o666)
      if unnamed >= 0 {
        if exists { fchmod(unnamed, status.st_mode & 0o7777) }
        return ByteSink(
          name: path, descriptor: unnamed, target: .unnamed(path: finalPath, temporaryPath: nil))
      }
    #endif
    var template = Array("\(folder)/.\(lastComponent(of: finalPath)).XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw StreamError(.file(path), systemMessage()) }
    let mask = umask(0)
    umask(mask)
    fchmod(descriptor, exists ? status.st_mode & 0o7777 : 0o666 & ~mask)
    let temporaryPath = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    return ByteSink(
      name: path, descriptor: descriptor,
      target: .unnamed(path: finalPath, temporaryPath: temporaryPath))
  }

  deinit {
    if case .unnamed(_, let temporaryPath?) = target, !finished { unlink(temporaryPath) }
    if descriptor > 2 { close(descriptor) }
  }

  /// Whether the bytes go to a terminal.
  public var isTerminal: Bool { descriptor >= 0 && isatty(descriptor) == 1 }

  public func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(StreamError) {
    byteCount += bytes.count
    if case .memory = target {
      buffer.append(bytes)
    } else if buffer.count + bytes.count <= buffer.capacity {
      buffer.append(bytes)
    } else {
      try flush()
      if bytes.count < buffer.capacity / 2 {
        buffer.append(bytes)
      } else {
        try writeThrough(bytes)
      }
    }
  }

  public func write(_ bytes: borrowing ByteBuffer) throws(StreamError) { try write(bytes.bytes) }

  public func write(_ bytes: [UInt8]) throws(StreamError) {
    var buffer = ByteBuffer(capacity: bytes.count)
    buffer.append(bytes)
    try write(buffer.bytes)
  }

  public func write(_ text: String) throws(StreamError) { try write(Array(text.utf8)) }

  /// Hands what is buffered to the system, so that a waiting reader sees it.
  public func flush() throws(StreamError) {
    if case .memory = target { return }
    try writeThrough(buffer.bytes)
    buffer.removeAll()
  }

  /// Flushes, checks, and gives the file its name.
  public func finish() throws(StreamError) {
    precondition(!finished)
    try flush()
    switch target {
    case .memory: break
    case .standardOutput, .inPlace:
      let own = descriptor
      descriptor = -1
      // Pipes and terminals may report a late error here; some systems do not allow the call.
      if close(own) != 0, errno != EINTR { throw StreamError(.file(name), systemMessage()) }
    case .unnamed(let path, let temporaryPath):
      guard fsync(descriptor) == 0 || errno == EINVAL else {
        throw StreamError(.file(name), systemMessage())
      }
      let from = if let temporaryPath { temporaryPath } else { try linkUnnamed(besides: path) }
      guard rename(from, path) == 0 else {
        let reason = systemMessage()
        unlink(from)
        throw StreamError(.file(name), reason)
      }
    }
    finished = true
  }

  /// The bytes written to a memory sink.
  public func takeBytes() -> [UInt8] {
    defer { buffer.removeAll() }
    return Array(buffer.bytes)
  }

  private func linkUnnamed(besides path: String) throws(StreamError) -> String {
    let folder = ByteSink.parent(of: path)
    let stem = "\(folder)/.\(ByteSink.lastComponent(of: path))"
    for attempt in 0..<1000 {
      let temporaryPath = "\(stem).\(getpid()).\(attempt)"
      if linkat(
        AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, temporaryPath, AT_SYMLINK_FOLLOW) == 0
      {
        return temporaryPath
      }
      if errno != EEXIST { break }
    }
    throw StreamError(.file(name), systemMessage())
  }

  private func writeThrough(_ bytes: UnsafeBufferPointer<UInt8>) throws(StreamError) {
    var rest = UnsafeRawBufferPointer(bytes)
    while rest.count > 0 {
      let count = writeBytes(descriptor, rest)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno == EPIPE, case .standardOutput = target {
        // The reader has gone: end as a filter does that never ignored the signal.
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
      } else if errno == ENOSPC || errno == EDQUOT {
        let reason = systemMessage()
        throw StreamError(
          .file(name), "\(reason) with \(rest.count) more bytes to write",
          advice: "free space in \(ByteSink.parent(of: name))")
      } else if errno != EINTR && errno != EAGAIN {
        throw StreamError(.file(name), systemMessage())
      }
    }
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func lastComponent(of path: String) -> Substring {
    path.split(separator: "/").last ?? "output"
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}

/// write(2), under a name that the methods called `write` do not hide.
public func writeBytes(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}

#if os(Linux)
  /// open(2)'s flag for a file without a name; a macro that Swift does not import.
  private let unnamedFileFlag = 0o20_000_000 | O_DIRECTORY
#endif
