// SPDX-License-Identifier: Apache-2.0

/// A regular file mapped into memory: a model that is ready at once and shared by all its readers.
public final class MappedFile: @unchecked Sendable {
  public private(set) var bytes: UnsafeRawBufferPointer
  public let name: String
  private let descriptor: CInt

  /// Maps the file, or returns nothing when it is no regular file (a pipe, say).
  public init?(path: String) throws(StreamError) {
    name = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    guard descriptor >= 0 else { throw StreamError(.file(path), systemMessage()) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw StreamError(.file(path), systemMessage())
    }
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    if status.st_size > 0 {
      bytes = UnsafeRawBufferPointer(try map(Int(status.st_size), PROT_READ))
    }
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
    if descriptor >= 0 { close(descriptor) }
  }

  /// The file mapped once more, to be changed: pages that are written to are copied first, and the file
  /// stays as it is. `munmap` ends it.
  public func writableCopy() throws(StreamError) -> UnsafeMutableRawBufferPointer {
    try map(bytes.count, PROT_READ | PROT_WRITE)
  }

  private func map(
    _ count: Int, _ protection: CInt
  ) throws(StreamError) -> UnsafeMutableRawBufferPointer {
    guard let start = mmap(nil, count, protection, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
    else { throw StreamError(.file(name), systemMessage()) }
    return UnsafeMutableRawBufferPointer(start: start, count: count)
  }
}
