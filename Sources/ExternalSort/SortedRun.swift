// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Records in ascending order, written once and read once.
final class SortedRun: @unchecked Sendable {
  let store: BlockStore
  let keyWordCount: Int
  /// Of single records.
  private var single: SingleEncoder?

  private final class SingleEncoder {
    var encoder: RunEncoder
    init(keyWordCount: Int) { encoder = RunEncoder(keyWordCount: keyWordCount) }
  }

  private(set) var recordCount = 0

  init(keyWordCount: Int, allowance: MemoryAllowance, directory: String) {
    self.keyWordCount = keyWordCount
    store = BlockStore(allowance: allowance, directory: directory)
  }

  /// Appends sorted keys without payload; equal ones become one record with their number.
  ///
  /// - keys: [count, keyWordCount].
  func append(sorted keys: UnsafePointer<UInt64>, count: Int) throws(StreamError) {
    switch keyWordCount {
    case 1: try append(sorted: keys, count: count, width: 1)
    case 2: try append(sorted: keys, count: count, width: 2)
    default: try append(sorted: keys, count: count, width: keyWordCount)
    }
  }

  @inline(__always)
  private func append(sorted keys: UnsafePointer<UInt64>, count: Int, width: Int)
    throws(StreamError)
  {
    var encoder = RunEncoder(keyWordCount: width)
    var index = 0
    while index < count {
      let key = keys + index &* width
      var next = index &+ 1
      while next < count, equal(keys + next &* width, key, width) { next &+= 1 }
      encoder.append(key, payload: UInt64(truncatingIfNeeded: next &- index))
      recordCount &+= 1
      index = next
      if encoder.isFull { try flush(&encoder) }
    }
    try flush(&encoder)
    store.finish()
  }

  /// Appends one record; the keys come in ascending order.
  func append(_ key: UnsafePointer<UInt64>, payload: UInt64) throws(StreamError) {
    let single = single ?? SingleEncoder(keyWordCount: keyWordCount)
    self.single = single
    single.encoder.append(key, payload: payload)
    recordCount += 1
    if single.encoder.isFull { try flush(&single.encoder) }
  }

  /// Completes what single records were appended to.
  func finish() throws(StreamError) {
    if let single { try flush(&single.encoder) }
    single = nil
    store.finish()
  }

  private func flush(_ encoder: inout RunEncoder) throws(StreamError) {
    guard !encoder.isEmpty else { return }
    encoder.finishBlock()
    try store.append(encoder.block)
    encoder.startBlock()
  }
}

@inline(__always)
private func equal(_ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>, _ width: Int) -> Bool {
  for word in 0..<width where a[word] != b[word] { return false }
  return true
}
