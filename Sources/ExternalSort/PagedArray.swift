// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A growing array that lies in memory while the allowance lasts, and else in a temporary file that is
/// mapped, of which only blocks touched of late are in memory.
///
/// Who uses elements touches them first. Where the blocks touched are more than the allowance, some of
/// them go back to the system, which keeps what they hold in its cache or on the disk.
///
/// Unsafe in one place: `base` points to memory for `capacity` elements, the first `count` of them
/// initialised; only this type frees it. The pointer dies when the array grows or settles.
public struct PagedArray<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
  public private(set) var base: UnsafeMutablePointer<Element>
  /// Number of elements; may be set to forget the last ones.
  public var count = 0
  @usableFromInline var capacity = 0
  private let allowance: MemoryAllowance
  private let directory: String
  /// Whether it lies in a file.
  @inlinable public var isMapped: Bool { file != nil }
  @usableFromInline var file: TemporaryFile?
  /// By block of the file: whether pages of it may be in memory.
  private var isTouched: [Bool] = []
  /// Where the next pages are given back.
  private var nextBlock = 0
  /// Bytes taken from the allowance.
  private var takenByteCount = 0
  /// On reading a page the system maps its neighbours in such a block too.
  private let blockByteCount = 1 << 16

  public init(allowance: MemoryAllowance, directory: String) {
    self.allowance = allowance
    self.directory = directory
    base = UnsafeMutablePointer(bitPattern: MemoryLayout<Element>.alignment)!
  }

  deinit {
    discard()
    allowance.give(takenByteCount)
  }

  private func discard() {
    if file != nil {
      munmap(base, byteCount(capacity))
    } else if capacity > 0 {
      free(base)
    }
  }

  private func byteCount(_ count: Int) -> Int { count * MemoryLayout<Element>.stride }

  /// Makes room for more elements, and counts them in; what they are is not defined.
  ///
  /// - Throws: `StreamError` that names the folder when the disk is full.
  @inlinable public mutating func grow(by additional: Int) throws(StreamError) {
    if count &+ additional > capacity { try reserve(count + additional) }
    count &+= additional
  }

  @usableFromInline mutating func reserve(_ wanted: Int) throws(StreamError) {
    let larger = max(wanted, capacity + capacity / 4 + 1024)
    let more = byteCount(larger - capacity)
    if file == nil, allowance.take(more) {
      guard let memory = realloc(capacity > 0 ? base : nil, byteCount(larger)) else {
        allowance.give(more)
        throw StreamError(.none, "no memory for \(byteCount(larger)) bytes")
      }
      takenByteCount += more
      base = memory.assumingMemoryBound(to: Element.self)
      capacity = larger
    } else {
      try map(larger)
    }
  }

  /// Says that elements are about to be used; one more block of memory may come in with each.
  @inlinable public mutating func touch(_ first: Int, count: Int = 1) {
    if file != nil { touchBlocks(first, count) }
  }

  @usableFromInline mutating func touchBlocks(_ first: Int, _ count: Int) {
    let last = (byteCount(first + count) - 1) / blockByteCount
    for block in byteCount(first) / blockByteCount...last where !isTouched[block] {
      if !allowance.take(blockByteCount) {
        // Who has little takes more than there is: others make room when they want the next block.
        if takenByteCount > allowance.byteCount / 16 + 4 * blockByteCount {
          giveBack(takenByteCount / 16)
        }
        allowance.give(-blockByteCount)
      }
      takenByteCount += blockByteCount
      isTouched[block] = true
    }
  }

  /// Has pages of the file go back to the system: so many bytes, or all. They take turns.
  private mutating func giveBack(_ wanted: Int) {
    let rest = max(takenByteCount - wanted, 0)
    while takenByteCount > rest {
      let start = nextBlock
      while nextBlock < isTouched.count, takenByteCount > rest {
        if isTouched[nextBlock] {
          takenByteCount -= blockByteCount
          allowance.give(blockByteCount)
        }
        isTouched[nextBlock] = false
        nextBlock += 1
      }
      let end = min(nextBlock * blockByteCount, byteCount(capacity))
      madvise(
        UnsafeMutableRawPointer(base) + start * blockByteCount, end - start * blockByteCount,
        MADV_DONTNEED)
      if nextBlock == isTouched.count { nextBlock = 0 }
    }
  }

  /// Forgets the elements, and gives their memory back.
  public mutating func removeAll() {
    count = 0
    if file != nil { return giveBack(takenByteCount) }
    discard()
    capacity = 0
    allowance.give(takenByteCount)
    takenByteCount = 0
  }

  /// Says that elements are not used again: whole pages of them go back to the system. Of a file all
  /// pages go, to make room for what is used more often.
  public mutating func release(_ elements: Range<Int>) {
    if file != nil { return giveBack(takenByteCount) }
    let pageByteCount = Int(getpagesize())
    let start = Int(bitPattern: base + elements.lowerBound)
    let first = (start + pageByteCount - 1) / pageByteCount
    let last = Int(bitPattern: base + elements.upperBound) / pageByteCount
    guard first < last else { return }
    let released = (last - first) * pageByteCount
    madvise(UnsafeMutableRawPointer(bitPattern: first * pageByteCount), released, MADV_DONTNEED)
    allowance.give(released)
    takenByteCount -= released
  }

  /// Takes less memory when others have taken more than is allowed.
  public mutating func settle() throws(StreamError) {
    guard allowance.availableByteCount < 0, takenByteCount > 0 else { return }
    if file == nil {
      try map(capacity)
    } else {
      giveBack(-allowance.availableByteCount)
    }
  }

  /// Moves the elements to a file, or makes the file longer.
  private mutating func map(_ larger: Int) throws(StreamError) {
    let file: TemporaryFile
    if let mapped = self.file {
      file = mapped
    } else {
      file = try TemporaryFile(directory: directory)
    }
    // In blocks: the system may bring in at once what was written at once.
    let bytes = UnsafeRawPointer(base).assumingMemoryBound(to: UInt8.self)
    while file.byteCount < byteCount(count) {
      let rest = byteCount(count) - file.byteCount
      _ = try file.append(
        UnsafeBufferPointer(start: bytes + file.byteCount, count: min(rest, blockByteCount)))
    }
    let mapped = try file.mapped(byteCount: byteCount(larger))
    discard()
    allowance.give(takenByteCount)
    takenByteCount = 0
    self.file = file
    capacity = larger
    base = mapped.assumingMemoryBound(to: Element.self)
    isTouched = Array(repeating: false, count: (byteCount(larger) - 1) / blockByteCount + 1)
    nextBlock = 0
  }
}
