// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A file without a name for what does not fit in memory: it vanishes with this object, and with the
/// program however that ends.
public final class TemporaryFile: @unchecked Sendable {
  /// The folder that holds it.
  public let directory: String
  private let descriptor: CInt
  /// Bytes written so far.
  public private(set) var byteCount = 0

  /// - Throws: `StreamError` that names the folder, when no file can be made there.
  public init(directory: String) throws(StreamError) {
    self.directory = directory
    var template = Array("\(directory)/chainrule.XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw StreamError(
        .file(directory), "no temporary file can be made: \(systemMessage())",
        advice: "name another folder with -T")
    }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit { close(descriptor) }

  /// Appends bytes and returns the offset where they lie.
  ///
  /// - Throws: `StreamError` that names the folder and what was wanted, when the disk is full.
  public func append(_ bytes: UnsafeBufferPointer<UInt8>) throws(StreamError) -> Int {
    var rest = UnsafeRawBufferPointer(bytes)
    let start = byteCount
    while rest.count > 0 {
      let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(byteCount))
      if count >= 0 {
        byteCount += count
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno != EINTR {
        throw StreamError(
          .file(directory),
          "\(systemMessage()): a temporary file of \(byteCount) bytes wants \(rest.count) more",
          advice: "name another folder with -T, or allow more memory with -S")
      }
    }
    return start
  }

  /// Reads the bytes at an offset; all of them are there.
  public func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(StreamError) {
    var done = 0
    while done < target.count {
      let count = pread(
        descriptor, target.baseAddress! + done, target.count - done, off_t(offset + done))
      if count > 0 {
        done += count
      } else if count == 0 || errno != EINTR {
        throw StreamError(
          .file(directory),
          "a temporary file cannot be read back: "
            + (count == 0 ? "it ends early" : systemMessage()))
      }
    }
  }

  /// Fills the file up with zeros to a number of bytes, and maps them all; who unmaps them also keeps
  /// this object until then. A full disk shows here, and not where the memory is used.
  func mapped(byteCount wanted: Int) throws(StreamError) -> UnsafeMutableRawPointer {
    let zeros = [UInt8](repeating: 0, count: 1 << 16)
    while byteCount < wanted {
      _ = try zeros.withUnsafeBufferPointer { (zeros) throws(StreamError) in
        try append(UnsafeBufferPointer(rebasing: zeros[..<min(zeros.count, wanted - byteCount)]))
      }
    }
    guard
      let start = mmap(nil, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      start != MAP_FAILED
    else {
      throw StreamError(
        .file(directory), "a temporary file cannot be mapped: \(systemMessage())")
    }
    return start
  }

  /// Bytes free for ordinary users in a folder, or nothing when the system does not say.
  public static func availableByteCount(in directory: String) -> Int? {
    var status = statvfs()
    guard statvfs(directory, &status) == 0 else { return nil }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }
}
