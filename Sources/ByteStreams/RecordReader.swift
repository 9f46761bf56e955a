// SPDX-License-Identifier: Apache-2.0

/// Whole records of one file, as a worker gets them: bytes, and where they came from.
public final class RecordBlock: @unchecked Sendable {
  /// The records, each with its terminator, except perhaps the last of a file.
  public let bytes: ByteBuffer
  /// The byte that ends a record: LF, or NUL with `-z`.
  public let terminator: UInt8
  /// The number of the block's first record in its file, from 1.
  public let firstLineNumber: Int
  /// How many records came before the block, over all files: what random numbers are keyed by.
  public let earlierRecordCount: Int
  /// The file's name in messages.
  public let name: String

  public init(
    bytes: consuming ByteBuffer, terminator: UInt8 = 0x0A, firstLineNumber: Int = 1,
    earlierRecordCount: Int = 0, name: String = "<memory>"
  ) {
    self.earlierRecordCount = earlierRecordCount
    self.bytes = bytes
    self.terminator = terminator
    self.firstLineNumber = firstLineNumber
    self.name = name
  }

  /// Whether the last record had its terminator.
  public var isTerminated: Bool { bytes.isEmpty || bytes.base[bytes.count - 1] == terminator }

  /// Calls `body` with each record, without its terminator, and the record's number in its file.
  ///
  /// The bytes are borrowed: they are valid during the call only.
  @inlinable public func forEachRecord<Failure: Error>(
    _ body: (UnsafeBufferPointer<UInt8>, Int) throws(Failure) -> Void
  ) throws(Failure) {
    var start = 0
    let count = bytes.count
    let base = bytes.base
    var lineNumber = firstLineNumber
    while start < count {
      let found = memchr(base + start, CInt(terminator), count - start)
      let end = found.map { base.distance(to: $0.assumingMemoryBound(to: UInt8.self)) } ?? count
      try body(UnsafeBufferPointer(start: base + start, count: end - start), lineNumber)
      start = end + 1
      lineNumber += 1
    }
  }

  /// Number of records: terminators, and one more for an unterminated last record.
  public var recordCount: Int {
    RecordBlock.occurrences(of: terminator, in: bytes.bytes) + (isTerminated ? 0 : 1)
  }

  public static func occurrences(of byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
    // Eight bytes at a time, counted in eight lanes: vectors of bytes are compared one lane at a time
    // for processors without AVX2, at a fiftieth of this speed.
    let ones: UInt64 = 0x0101_0101_0101_0101
    let pattern = ones &* UInt64(byte)
    let raw = UnsafeRawBufferPointer(bytes)
    var total = 0
    var index = 0
    while index &+ 8 <= raw.count {
      var lanes: UInt64 = 0
      let stop = min(raw.count, index &+ 8 &* 255)
      while index &+ 8 <= stop {
        let difference = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ pattern
        // The top bit of a lane stays clear only where the lane is zero.
        let filled = ((difference & ~(ones &<< 7)) &+ ~(ones &<< 7)) | difference
        lanes &+= ~filled &>> 7 & ones
        index &+= 8
      }
      // Sum the lanes in pairs first: their sum can exceed a byte.
      let pairs = (lanes & 0x00FF_00FF_00FF_00FF) &+ (lanes &>> 8 & 0x00FF_00FF_00FF_00FF)
      total &+= Int(truncatingIfNeeded: (pairs &* 0x0001_0001_0001_0001) &>> 48)
    }
    while index < raw.count {
      total += raw[index] == byte ? 1 : 0
      index += 1
    }
    return total
  }
}

/// Reads files, one after the other, as blocks of whole records.
///
/// A block never spans two files. A record of any length is one record: its block grows.
public final class RecordReader {
  private var paths: ArraySlice<String>
  private var file: InputFile?
  private var rest = ByteBuffer(capacity: 1 << 12)
  private var lineNumber = 1
  private var recordCount = 0
  private let terminator: UInt8
  private let blockByteCount: Int
  /// Bytes taken from all files so far, as they lie on disk.
  public private(set) var consumedByteCount = 0
  private var earlierByteCount = 0

  /// - paths: files in order; `-` is standard input; an empty list means standard input.
  /// - blockByteCount: bytes a block aims at.
  public init(
    paths: [String], terminator: UInt8 = 0x0A, blockByteCount: Int = 1 << 18
  ) {
    self.paths = paths.isEmpty ? ["-"] : paths[...]
    self.terminator = terminator
    self.blockByteCount = blockByteCount
  }

  /// Reads one open file.
  public init(
    file: InputFile, terminator: UInt8 = 0x0A, blockByteCount: Int = 1 << 18
  ) {
    paths = []
    self.file = file
    self.terminator = terminator
    self.blockByteCount = blockByteCount
  }

  /// Whether the next block would have to wait for another process.
  public var wouldBlock: Bool { file?.wouldBlock ?? false }

  /// The next block of at least one record, or nothing at the end of the last file.
  public func nextBlock() throws(StreamError) -> RecordBlock? {
    while true {
      if file == nil {
        guard let path = paths.popFirst() else { return nil }
        file = try InputFile(path: path)
        lineNumber = 1
      }
      if let block = try nextBlock(of: file!) { return block }
      earlierByteCount += file!.consumedByteCount
      file = nil
    }
  }

  private func nextBlock(of file: InputFile) throws(StreamError) -> RecordBlock? {
    var bytes = ByteBuffer(capacity: blockByteCount + (1 << 16))
    bytes.append(rest.bytes)
    rest.removeAll()
    var recordsEnd = 0
    var searched = 0
    // Read until the block is full, or holds a record and more would have to be waited for.
    while true {
      let isOpen = try file.read(
        upTo: max(1 << 16, blockByteCount - bytes.count), appendingTo: &bytes)
      consumedByteCount = earlierByteCount + file.consumedByteCount
      if !isOpen {
        // Between two files a missing terminator is supplied; only the end of all may lack it.
        if !paths.isEmpty, !bytes.isEmpty, bytes.base[bytes.count - 1] != terminator {
          bytes.append(terminator)
        }
        recordsEnd = bytes.count
        break
      }
      if let end = bytes.lastIndex(of: terminator, from: searched) { recordsEnd = end + 1 }
      searched = bytes.count
      if recordsEnd > 0, bytes.count >= blockByteCount || file.wouldBlock { break }
    }
    if recordsEnd == 0 { return nil }
    rest.append(UnsafeBufferPointer(rebasing: bytes.bytes[recordsEnd...]))
    bytes.count = recordsEnd
    let block = RecordBlock(
      bytes: bytes, terminator: terminator, firstLineNumber: lineNumber,
      earlierRecordCount: recordCount, name: file.name)
    let count = block.recordCount
    lineNumber += count
    recordCount += count
    return block
  }
}

extension ByteBuffer {
  /// The last place of `byte` at or after `start`.
  func lastIndex(of byte: UInt8, from start: Int) -> Int? {
    var index = count
    while index > start {
      index -= 1
      if base[index] == byte { return index }
    }
    return nil
  }
}
