// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import Synchronization

/// Bytes of memory that several owners share: each takes what it needs while there is some.
public final class MemoryAllowance: Sendable {
  private let total: Atomic<Int>
  private let available: Atomic<Int>

  public init(byteCount: Int) {
    total = Atomic(byteCount)
    available = Atomic(byteCount)
  }

  /// Makes the bytes in all another number; owners keep what they have.
  public func resize(to byteCount: Int) {
    give(byteCount - total.exchange(byteCount, ordering: .relaxed))
  }

  /// Takes bytes if they are there.
  public func take(_ byteCount: Int) -> Bool {
    let before = available.wrappingSubtract(byteCount, ordering: .relaxed).oldValue
    if before >= byteCount { return true }
    give(byteCount)
    return false
  }

  public var byteCount: Int { total.load(ordering: .relaxed) }
  public var availableByteCount: Int { available.load(ordering: .relaxed) }

  public func give(_ byteCount: Int) { available.wrappingAdd(byteCount, ordering: .relaxed) }
}

/// Blocks of bytes in the order they were put in: in memory while the allowance lasts, then in a
/// temporary file, compressed.
///
/// One thread appends; then any number may read and release.
public final class BlockStore: @unchecked Sendable {
  private enum Place: Sendable {
    case memory(Bytes)
    /// plainCount: bytes before compression.
    case file(offset: Int, byteCount: Int, plainCount: Int)
    case released
  }

  private final class Bytes: Sendable {
    let bytes: ByteBuffer
    init(_ bytes: consuming ByteBuffer) { self.bytes = bytes }
  }

  private let allowance: MemoryAllowance
  private let directory: String
  private let isCompressed: Bool
  private let places = Locked<[Place]>([])
  private var file: TemporaryFile?
  private var compressor: ZstdCompressor?

  /// - isCompressed: false for bytes that would not get fewer, such as floating-point numbers.
  public init(allowance: MemoryAllowance, directory: String, isCompressed: Bool = true) {
    self.allowance = allowance
    self.directory = directory
    self.isCompressed = isCompressed
  }

  deinit { for index in 0..<count { release(index) } }

  /// Number of blocks.
  public var count: Int { places.withLock { $0.count } }
  /// Bytes in the temporary file.
  public var fileByteCount: Int { file?.byteCount ?? 0 }

  /// Bytes in memory.
  public var memoryByteCount: Int {
    places.withLock { places in
      places.reduce(0) { if case .memory(let block) = $1 { $0 + block.bytes.count } else { $0 } }
    }
  }

  /// Appends a block.
  public func append(_ block: borrowing ByteBuffer) throws(StreamError) {
    // Once blocks have gone to the file memory is short, and what follows goes there too.
    if file == nil, allowance.take(block.count) {
      var copy = ByteBuffer(capacity: block.count)
      copy.append(block.bytes)
      append(.memory(Bytes(copy)))
      return
    }
    if file == nil { file = try TemporaryFile(directory: directory) }
    guard isCompressed else {
      let offset = try file!.append(block.bytes)
      return append(.file(offset: offset, byteCount: block.count, plainCount: block.count))
    }
    if compressor == nil { compressor = ZstdCompressor(level: 1) }
    var frame = ByteBuffer(capacity: block.count)
    compressor!.appendFrame(of: block.bytes, to: &frame)
    let offset = try file!.append(frame.bytes)
    append(.file(offset: offset, byteCount: frame.count, plainCount: block.count))
  }

  private func append(_ place: Place) { places.withLock { $0.append(place) } }

  /// Says that no more blocks come.
  public func finish() { compressor = nil }

  /// The bytes of a block, valid until the block is released and `scratch` is used again.
  public func bytes(
    of index: Int, scratch: inout Scratch
  ) throws(StreamError) -> UnsafeBufferPointer<UInt8> {
    switch places.withLock({ $0[index] }) {
    case .memory(let block): return block.bytes.bytes
    case .file(let offset, let byteCount, let plainCount):
      scratch.plain.removeAll()
      guard isCompressed else {
        try read(offset, byteCount, into: &scratch.plain)
        return scratch.plain.bytes
      }
      let decompression = scratch.decompression
      try read(offset, byteCount, into: &decompression.frame)
      guard
        decompression.decompressor.append(
          decompression.frame.bytes, plainCount, to: &scratch.plain)
      else { throw StreamError(.file(directory), "a temporary file was altered") }
      return scratch.plain.bytes
    case .released: preconditionFailure("a block is read after its release")
    }
  }

  /// Gives the memory of a block back.
  public func release(_ index: Int) {
    let place = places.withLock { places in
      defer { places[index] = .released }
      return places[index]
    }
    if case .memory(let block) = place { allowance.give(block.bytes.count) }
  }

  private func read(_ offset: Int, _ byteCount: Int, into buffer: inout ByteBuffer)
    throws(StreamError)
  {
    buffer.removeAll()
    buffer.reserve(byteCount)
    try file!.read(
      at: offset, into: UnsafeMutableRawBufferPointer(start: buffer.base, count: byteCount))
    buffer.count = byteCount
  }

  /// What readers on one thread share.
  public final class Decompression {
    fileprivate var frame = ByteBuffer()
    fileprivate let decompressor = ZstdFrameDecompressor()
    public init() {}
  }

  /// What one reader needs: the block that it has.
  public struct Scratch: ~Copyable {
    fileprivate var plain = ByteBuffer()
    fileprivate let decompression: Decompression

    public init(_ decompression: Decompression = Decompression()) {
      self.decompression = decompression
    }
  }
}
