// SPDX-License-Identifier: Apache-2.0

/// A readable byte stream: a file, a pipe or memory, decompressed if it is zstd.
///
/// What a file holds is recognised by its first bytes, never by its name.
public final class InputFile {
  /// The name in messages: the path as given, or `<stdin>`.
  public let name: String
  /// Bytes of the file on disk, when it is a regular file.
  public private(set) var fileByteCount: Int?
  /// Bytes taken from the descriptor so far, before decompression: what progress is measured in.
  public private(set) var consumedByteCount = 0
  /// Bytes handed to the reader so far, after decompression: what offsets in messages count.
  public private(set) var offset = 0

  private var descriptor: CInt
  private var decompressor: ZstdDecompressor?
  /// Bytes read ahead and not yet handed out: [aheadStart, ahead.count).
  private var ahead = ByteBuffer(capacity: 64)
  private var aheadStart = 0
  private var reachedEnd = false

  /// Opens the file at `path`; `-` is standard input.
  ///
  /// - Throws: `StreamError` when it cannot be opened, is a folder, or is gzip or xz.
  public convenience init(path: String) throws(StreamError) {
    if path == "-" {
      try self.init(descriptor: dup(0), name: "<stdin>")
    } else {
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw StreamError(.file(path), systemMessage()) }
      try self.init(descriptor: descriptor, name: path)
    }
  }

  /// Takes over an open descriptor, which is closed with this object.
  public init(descriptor: CInt, name: String) throws(StreamError) {
    self.descriptor = descriptor
    self.name = name
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw StreamError(.file(name), systemMessage())
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw StreamError(.file(name), "is a directory", advice: "give its files")
    }
    if status.st_mode & S_IFMT == S_IFREG {
      fileByteCount = Int(status.st_size)
      #if os(Linux)
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
      #endif
    }
    try recognise()
  }

  /// A stream over bytes in memory.
  public init(bytes: [UInt8], name: String = "<memory>") throws(StreamError) {
    descriptor = -1
    self.name = name
    fileByteCount = bytes.count
    consumedByteCount = bytes.count
    ahead.append(bytes)
    reachedEnd = true
    try recognise()
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether the stream begins with these bytes; reads ahead as far as needed.
  public func begins(with prefix: [UInt8]) throws(StreamError) -> Bool {
    // No further than needed: the next bytes may be long in coming.
    while startsLike(prefix), ahead.count - aheadStart < prefix.count {
      if try !fillAhead() { return false }
    }
    return startsLike(prefix)
  }

  /// The first bytes that are still to be read, up to `maximum`; fewer only at the end of the stream.
  public func prefix(_ maximum: Int) throws(StreamError) -> [UInt8] {
    while ahead.count - aheadStart < maximum, try fillAhead() {}
    return Array(UnsafeBufferPointer(rebasing: ahead.bytes[aheadStart...]).prefix(maximum))
  }

  /// Reads up to `buffer.count` bytes; zero only at the end of the stream.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> Int {
    var count = min(buffer.count, ahead.count - aheadStart)
    if count > 0 {
      buffer.baseAddress!.copyMemory(from: ahead.base + aheadStart, byteCount: count)
      aheadStart += count
      if aheadStart == ahead.count {
        ahead.removeAll()
        aheadStart = 0
      }
    } else {
      count = try readThrough(into: buffer)
    }
    offset += count
    return count
  }

  /// Appends up to `maximum` bytes to `buffer`; false only at the end of the stream.
  public func read(upTo maximum: Int, appendingTo buffer: inout ByteBuffer) throws(StreamError)
    -> Bool
  {
    buffer.reserve(maximum)
    let count = try read(
      into: UnsafeMutableRawBufferPointer(start: buffer.base + buffer.count, count: maximum))
    buffer.count += count
    return count > 0
  }

  /// Whether a read would have to wait for another process: the moment to flush one's output.
  public var wouldBlock: Bool {
    if descriptor < 0 || reachedEnd || aheadStart < ahead.count || fileByteCount != nil {
      return false
    }
    if decompressor?.isReady == true { return false }
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&poller, 1, 0) == 0
  }

  private static let gzip: [UInt8] = [0x1F, 0x8B]
  private static let xz: [UInt8] = [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]
  private static let zstd: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
  private static let skippable: [[UInt8]] = (0x50...0x5F).map { [$0, 0x2A, 0x4D, 0x18] }

  /// Looks at the first bytes: zstd is decompressed, other compressions are refused with advice.
  private func recognise() throws(StreamError) {
    if try begins(with: InputFile.gzip) {
      throw StreamError(.file(name), "is gzip-compressed", advice: "pipe it through zcat")
    }
    if try begins(with: InputFile.xz) {
      throw StreamError(.file(name), "is xz-compressed", advice: "pipe it through xzcat")
    }
    var isZstd = try begins(with: InputFile.zstd)
    for magic in InputFile.skippable where !isZstd { isZstd = try begins(with: magic) }
    if isZstd {
      decompressor = ZstdDecompressor(name: name, beginningWith: ahead.bytes)
      ahead.removeAll()
    }
    // A stump of a binary stream must not pass as a short text; one byte of zstd is a parenthesis.
    if try !begins(with: StreamHeader.signature), startsLike(StreamHeader.signature) {
      guard ahead.isEmpty else { throw truncated }
    }
    if !isZstd, ahead.count > 1, startsLike(InputFile.zstd) { throw truncated }
    for magic in [InputFile.zstd, StreamHeader.signature] where !isZstd {
      if try isOneBitFrom(magic) {
        throw StreamError(
          .offset(name, 0), "a binary stream with a wrong bit in its first bytes",
          advice: "copy it again from its source")
      }
    }
  }

  /// Whether the stream begins with these bytes but for one bit: damaged, and never meant as text.
  /// Reads no further ahead than it agrees so far.
  private func isOneBitFrom(_ magic: [UInt8]) throws(StreamError) -> Bool {
    var wrongBitCount = 0
    for index in magic.indices where wrongBitCount < 2 {
      while ahead.count - aheadStart <= index { if try !fillAhead() { return false } }
      wrongBitCount += (ahead.base[aheadStart + index] ^ magic[index]).nonzeroBitCount
    }
    return wrongBitCount == 1
  }

  private var truncated: StreamError {
    StreamError(.offset(name, ahead.count), "truncated binary stream")
  }

  /// Whether what was read ahead agrees with `prefix` as far as it goes.
  private func startsLike(_ prefix: [UInt8]) -> Bool {
    let count = min(prefix.count, ahead.count - aheadStart)
    return (0..<count).allSatisfy { ahead.base[aheadStart + $0] == prefix[$0] }
  }

  /// Reads some more ahead; false at the end of the stream.
  private func fillAhead() throws(StreamError) -> Bool {
    ahead.reserve(4096)
    let count = try readThrough(
      into: UnsafeMutableRawBufferPointer(start: ahead.base + ahead.count, count: 4096))
    ahead.count += count
    return count > 0
  }

  private func readThrough(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> Int {
    guard decompressor != nil else { return try readDescriptor(into: buffer) }
    return try decompressor!.read(into: buffer) { (target) throws(StreamError) in
      try self.readDescriptor(into: target)
    }
  }

  private func readDescriptor(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> Int
  {
    guard !reachedEnd else { return 0 }
    while true {
      let count = readBytes(descriptor, buffer)
      if count >= 0 {
        reachedEnd = count == 0
        consumedByteCount += count
        return count
      }
      guard errno == EINTR else { throw StreamError(.file(name), systemMessage()) }
    }
  }
}
