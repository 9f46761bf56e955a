// SPDX-License-Identifier: Apache-2.0

/// A regular file mapped read-only: a model that is ready at once and shared by all its readers.
public final class MappedFile: @unchecked Sendable {
  public let bytes: UnsafeRawBufferPointer
  public let name: String

  /// Maps the file, or returns nothing when it is no regular file (a pipe, say).
  public init?(path: String) throws(StreamError) {
    name = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StreamError(.file(path), systemMessage()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw StreamError(.file(path), systemMessage())
    }
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    let count = Int(status.st_size)
    if count == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
      start != MAP_FAILED
    else { throw StreamError(.file(path), systemMessage()) }
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }
}
