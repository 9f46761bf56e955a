// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort

/// Numbers that are set in any order, each once, and then taken in ascending order of their places.
///
/// Places lie in segments. A segment is an array in memory while the allowance lasts; the others collect
/// pairs of place and number, in blocks that go to a temporary file, and become arrays when their turn
/// comes.
final class ScatteredValues {
  private static let segmentBits = 18
  private static let pairByteCount = 12
  private static let pairCount = 1 << 10

  private let count: Int
  private let segmentCount: Int
  private let allowance: MemoryAllowance
  private let store: BlockStore
  /// [segments] Those in memory.
  private let arrays: UnsafeMutablePointer<UnsafeMutablePointer<Double>?>
  /// [segments] Of the others, the pairs that are not in a block yet.
  private let pending: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let pendingCounts: UnsafeMutablePointer<Int>
  /// [segments] Their blocks in `store`.
  private var blocks: [[Int]]
  private var scratch = BlockStore.Scratch()
  private var nextPlace = 0

  init(count: Int, allowance: MemoryAllowance, directory: String) {
    self.count = count
    self.allowance = allowance
    store = BlockStore(allowance: allowance, directory: directory, isCompressed: false)
    segmentCount = (count >> ScatteredValues.segmentBits) + 1
    arrays = .allocate(capacity: segmentCount)
    arrays.initialize(repeating: nil, count: segmentCount)
    pending = .allocate(capacity: segmentCount)
    pending.initialize(repeating: nil, count: segmentCount)
    pendingCounts = .allocate(capacity: segmentCount)
    pendingCounts.initialize(repeating: 0, count: segmentCount)
    blocks = Array(repeating: [], count: segmentCount)
    for segment in 0..<segmentCount {
      if allowance.take(byteCount(segment)) {
        arrays[segment] = LargeMemory.allocate(of: Double.self, capacity: byteCount(segment) / 8)
      } else {
        pending[segment] = .allocate(
          byteCount: ScatteredValues.pairByteCount * ScatteredValues.pairCount, alignment: 16)
      }
    }
  }

  deinit {
    for segment in 0..<segmentCount {
      drop(segment)
      pending[segment]?.deallocate()
    }
    arrays.deallocate()
    pending.deallocate()
    pendingCounts.deallocate()
  }

  private func byteCount(_ segment: Int) -> Int {
    8 * min(count - segment << ScatteredValues.segmentBits, 1 << ScatteredValues.segmentBits)
  }

  private func drop(_ segment: Int) {
    guard let array = arrays[segment] else { return }
    array.deallocate()
    if pending[segment] == nil { allowance.give(byteCount(segment)) }
    arrays[segment] = nil
  }

  @inline(__always)
  func set(_ place: Int, _ value: Double) throws(StreamError) {
    let segment = place &>> ScatteredValues.segmentBits
    let offset = place & (1 &<< ScatteredValues.segmentBits &- 1)
    if let array = arrays[segment] {
      array[offset] = value
      return
    }
    let pair = pending[segment]! + ScatteredValues.pairByteCount &* pendingCounts[segment]
    pair.storeBytes(of: UInt32(truncatingIfNeeded: offset), as: UInt32.self)
    (pair + 4).storeBytes(of: value, as: Double.self)
    pendingCounts[segment] &+= 1
    if pendingCounts[segment] == ScatteredValues.pairCount { try flush(segment) }
  }

  private func flush(_ segment: Int) throws(StreamError) {
    let byteCount = ScatteredValues.pairByteCount * pendingCounts[segment]
    var block = ByteBuffer(capacity: byteCount)
    block.append(UnsafeRawBufferPointer(start: pending[segment], count: byteCount))
    blocks[segment].append(store.count)
    try store.append(block)
    pendingCounts[segment] = 0
  }

  /// The next number, from place 0 on; all have been set.
  @inline(__always)
  func next() throws(StreamError) -> Double {
    let segment = nextPlace &>> ScatteredValues.segmentBits
    let offset = nextPlace & (1 &<< ScatteredValues.segmentBits &- 1)
    if offset == 0 { try open(segment) }
    nextPlace &+= 1
    return arrays[segment]![offset]
  }

  private func open(_ segment: Int) throws(StreamError) {
    if segment == 0 { store.finish() } else { drop(segment - 1) }
    guard let pairs = pending[segment] else { return }
    let array = UnsafeMutablePointer<Double>.allocate(capacity: byteCount(segment) / 8)
    func place(_ pairs: UnsafeRawPointer, _ count: Int) {
      for index in 0..<count {
        let pair = pairs + ScatteredValues.pairByteCount &* index
        array[Int(pair.loadUnaligned(as: UInt32.self))] =
          (pair + 4).loadUnaligned(as: Double.self)
      }
    }
    for block in blocks[segment] {
      let bytes = try store.bytes(of: block, scratch: &scratch)
      place(bytes.baseAddress!, bytes.count / ScatteredValues.pairByteCount)
      store.release(block)
    }
    place(pairs, pendingCounts[segment])
    arrays[segment] = array
  }
}
