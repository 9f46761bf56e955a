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
  private var buffer: ByteBuffer
  private var finished = false
  /// Bytes accepted so far.
  public private(set) var byteCount = 0

  private init(name: String, descriptor: CInt, target: Target) {
    self.name = name
    self.descriptor = descriptor
    self.target = target
    buffer = ByteBuffer(capacity: descriptor < 0 ? 1 << 12 : 1 << 18)
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
    // Without /proc a file that has no name could not be given one.
    try file(path, unnamed: access("/proc/self/fd", X_OK) == 0)
  }

  /// - unnamed: use a file without a name where the system has such, and no temporary name.
  package static func file(_ path: String, unnamed: Bool) throws(StreamError) -> ByteSink {
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
      let nameless = unnamed ? open(folder, unnamedFileFlag | O_WRONLY | O_CLOEXEC, 0o666) : -1
      if nameless >= 0 {
        if exists { fchmod(nameless, status.st_mode & 0o7777) }
        return ByteSink(
          name: path, descriptor: nameless, target: .unnamed(path: finalPath, temporaryPath: nil))
      }
    #endif
    var template = Array("\(folder)/.chainrule.XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      let advice = errno == EACCES || errno == EROFS ? "choose a folder that can be written" : nil
      throw StreamError(.file(path), systemMessage(), advice: advice)
    }
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
      if let temporaryPath {
        try move(temporaryPath, to: path)
      } else if !link(as: path) {
        try move(try linkBeside(path), to: path)
      }
    }
    finished = true
  }

  /// The bytes written to a memory sink.
  public func takeBytes() -> [UInt8] {
    defer { buffer.removeAll() }
    return Array(buffer.bytes)
  }

  /// Gives the unnamed file a name that nothing has yet; false when something has it.
  private func link(as path: String) -> Bool {
    linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0
  }

  /// Gives the unnamed file a temporary name in the folder of `path`.
  private func linkBeside(_ path: String) throws(StreamError) -> String {
    var attempt = 0
    while errno == EEXIST, attempt < 1000 {
      let temporaryPath = "\(ByteSink.parent(of: path))/.chainrule.\(getpid()).\(attempt)"
      if link(as: temporaryPath) { return temporaryPath }
      attempt += 1
    }
    throw StreamError(.file(name), systemMessage())
  }

  private func move(_ temporaryPath: String, to path: String) throws(StreamError) {
    guard rename(temporaryPath, path) == 0 else {
      let reason = systemMessage()
      unlink(temporaryPath)
      throw StreamError(.file(name), reason)
    }
  }

  private func writeThrough(_ bytes: UnsafeBufferPointer<UInt8>) throws(StreamError) {
    var rest = UnsafeRawBufferPointer(bytes)
    while rest.count > 0 {
      let count = writeBytes(descriptor, rest)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        // Somebody else made the pipe non-blocking.
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&poller, 1, -1)
      case EPIPE:
        let reason = systemMessage()
        if case .standardOutput = target {
          // The reader has gone: end as a filter does that never ignored the signal.
          signal(SIGPIPE, SIG_DFL)
          raise(SIGPIPE)
        }
        throw StreamError(.file(name), reason)
      case ENOSPC, EDQUOT:
        let reason = "\(systemMessage()) with \(rest.count) more bytes to write"
        guard case .unnamed(let path, _) = target else { throw StreamError(.file(name), reason) }
        throw StreamError(
          .file(name), reason, advice: "free space in \(ByteSink.parent(of: path))")
      default: throw StreamError(.file(name), systemMessage())
      }
    }
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
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
