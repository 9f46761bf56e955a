// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

// A sorted run lies in blocks that can be decoded one by one. A block is a number of records (4 bytes), then
// for each record: one byte (bits 0-5: bytes of the difference to the key before it, less one; bits 6-7:
// the payload less one, or 3), the difference's bytes, and where the payload is above 3 that less 4 as a
// varint. The first difference of a block is to zero.

/// Encodes ascending records into blocks.
struct RunEncoder: ~Copyable {
  static let blockByteCount = 1 << 15

  private let keyWordCount: Int
  private let previous: UnsafeMutablePointer<UInt64>
  private var recordCount: UInt32 = 0
  private(set) var block = ByteBuffer(capacity: RunEncoder.blockByteCount + 1024)

  init(keyWordCount: Int) {
    self.keyWordCount = keyWordCount
    previous = .allocate(capacity: keyWordCount)
    previous.initialize(repeating: 0, count: keyWordCount)
    startBlock()
  }

  deinit { previous.deallocate() }

  var isFull: Bool { block.count >= RunEncoder.blockByteCount }
  var isEmpty: Bool { recordCount == 0 }

  mutating func startBlock() {
    block.removeAll()
    block.append(littleEndian: UInt32(0))
    recordCount = 0
    previous.update(repeating: 0, count: keyWordCount)
  }

  /// Appends a record whose key is not below the one before it.
  @inline(__always)
  mutating func append(_ key: UnsafePointer<UInt64>, payload: UInt64) {
    recordCount &+= 1
    block.reserve(8 &* keyWordCount &+ 24)
    let base = block.base
    var end = block.count
    let headIndex = end
    end &+= 1
    var significant = 1
    if keyWordCount == 1 {
      let difference = key[0] &- previous[0]
      previous[0] = key[0]
      UnsafeMutableRawPointer(base + end).storeBytes(of: difference.littleEndian, as: UInt64.self)
      significant = max(1, (71 &- difference.leadingZeroBitCount) &>> 3)
    } else {
      var borrow: UInt64 = 0
      for word in 0..<keyWordCount {
        let (partial, first) = key[word].subtractingReportingOverflow(previous[word])
        let (difference, second) = partial.subtractingReportingOverflow(borrow)
        borrow = first || second ? 1 : 0
        previous[word] = key[word]
        UnsafeMutableRawPointer(base + (end &+ 8 &* word)).storeBytes(
          of: difference.littleEndian, as: UInt64.self)
        if difference != 0 {
          significant = 8 &* word &+ (71 &- difference.leadingZeroBitCount) &>> 3
        }
      }
    }
    end &+= significant
    let short = min(payload &- 1, 3)
    base[headIndex] = UInt8(truncatingIfNeeded: UInt64(significant &- 1) | short &<< 6)
    block.count = end
    if short == 3 { block.append(varint: payload &- 4) }
  }

  /// The finished block.
  mutating func finishBlock() {
    UnsafeMutableRawPointer(block.base).storeBytes(of: recordCount.littleEndian, as: UInt32.self)
  }
}

/// Walks through the records of one block.
struct RunDecoder {
  private var bytes: UnsafePointer<UInt8>
  private(set) var remainingCount: Int
  private let end: UnsafePointer<UInt8>
  init(_ block: UnsafeBufferPointer<UInt8>) {
    let base = block.baseAddress!
    let raw = UnsafeRawPointer(base)
    remainingCount = Int(UInt32(littleEndian: raw.loadUnaligned(as: UInt32.self)))
    bytes = base + 4
    end = base + block.count
  }

  /// Moves `key` on to the next record's and returns its payload; there is one.
  ///
  /// - key: [keyWordCount], zero before the first record of a block.
  @inline(__always)
  mutating func next(_ key: UnsafeMutablePointer<UInt64>, keyWordCount: Int) -> UInt64 {
    remainingCount &-= 1
    let head = bytes[0]
    let significant = Int(head & 63) &+ 1
    let digits = bytes + 1
    if keyWordCount == 1 {
      key[0] &+= RunDecoder.load(digits, significant, end)
    } else {
      var carry: UInt64 = 0
      var word = 0
      while word < keyWordCount {
        let rest = significant &- 8 &* word
        let difference = rest > 0 ? RunDecoder.load(digits + 8 &* word, min(rest, 8), end) : 0
        let (partial, first) = key[word].addingReportingOverflow(difference)
        let (sum, second) = partial.addingReportingOverflow(carry)
        carry = first || second ? 1 : 0
        key[word] = sum
        word &+= 1
      }
    }
    bytes = digits + significant
    var payload = UInt64(head &>> 6)
    if payload == 3 {
      var shift: UInt64 = 0
      var value: UInt64 = 0
      while true {
        let byte = bytes[0]
        bytes += 1
        value |= UInt64(byte & 0x7F) &<< shift
        if byte < 0x80 { break }
        shift &+= 7
      }
      payload = value &+ 3
    }
    return payload &+ 1
  }

  /// The number that `count` bytes, 1 to 8, hold.
  @inline(__always)
  private static func load(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ end: UnsafePointer<UInt8>
  ) -> UInt64 {
    if end - bytes >= 8 {
      let word = UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
      return word & (UInt64.max &>> UInt64(64 &- 8 &* count))
    }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[index]) &<< UInt64(8 &* index) }
    return value
  }
}
