// SPDX-License-Identifier: Apache-2.0

import ExternalSort
import TestSupport
import Testing

/// A record with its key's most significant word first, so that arrays compare as keys do.
private struct Record: Comparable {
  var key: [UInt64]
  var payload: UInt64

  static func < (a: Record, b: Record) -> Bool {
    if a.key != b.key { return a.key.lexicographicallyPrecedes(b.key) }
    return a.payload < b.payload
  }
}

@Suite struct ExternalSorterTests {
  /// Runs records through a sorter, `chunkCapacity` at a time.
  private func sorted(
    _ records: [Record], bits: Int, sums: Bool, hasPayload: Bool, chunkCapacity: Int,
    memory: Int, mergeMemory: Int
  ) throws -> [Record] {
    let sorter = ExternalSorter(
      keyBitCount: bits, hasPayload: hasPayload, equalKeys: sums ? .sum : .keep,
      allowance: MemoryAllowance(byteCount: memory), mergeByteCount: mergeMemory,
      directory: "/tmp")
    let chunk = sorter.makeChunk(capacity: chunkCapacity)
    for record in records {
      let words = (hasPayload ? [record.payload] : []) + record.key.reversed()
      for (index, word) in words.enumerated() {
        chunk.records[chunk.count * sorter.recordWordCount + index] = word
      }
      chunk.count += 1
      if chunk.count == chunkCapacity { try sorter.add(chunk) }
    }
    try sorter.add(chunk)
    let stream = try sorter.sorted()
    var result: [Record] = []
    while let batch = try stream.next(capacity: 100) {
      for index in 0..<batch.count {
        let key = (0..<sorter.keyWordCount).map { batch.keys[index * sorter.keyWordCount + $0] }
        result.append(Record(key: key.reversed(), payload: batch.payloads[index]))
      }
    }
    return result
  }

  private func summed(_ records: [Record]) -> [Record] {
    var sums: [[UInt64]: UInt64] = [:]
    for record in records { sums[record.key, default: 0] += record.payload }
    return sums.map { Record(key: $0.key, payload: $0.value) }.sorted()
  }

  @Test(arguments: [1, 7, 20, 63, 64, 65, 100, 128, 150, 192, 300, 512])
  func `records come out in the order of their keys, equal ones as one`(bits: Int) throws {
    var generator = SeededGenerator(seed: UInt64(bits))
    let wordCount = (bits + 63) / 64
    let topMask = UInt64.max >> UInt64(64 * wordCount - bits)
    for (count, capacity, memory, mergeMemory) in [
      (0, 10, 1 << 20, 1 << 20), (1, 10, 0, 0), (5000, 6000, 1 << 20, 1 << 20),
      (5000, 300, 1 << 14, 1 << 20), (20000, 700, 0, 0),
    ] {
      var pool: [[UInt64]] = []
      var records: [Record] = []
      for _ in 0..<count {
        var key = (0..<wordCount).map { _ in generator.next() >> generator.next() % 64 }
        key[0] &= topMask
        if Bool.random(using: &generator) { key = pool.randomElement(using: &generator) ?? key }
        pool.append(key)
        records.append(Record(key: key, payload: 1))
      }
      #expect(
        try sorted(
          records, bits: bits, sums: true, hasPayload: false, chunkCapacity: capacity,
          memory: memory, mergeMemory: mergeMemory) == summed(records))
      for index in records.indices { records[index].payload = generator.next() >> 20 }
      #expect(
        try sorted(
          records, bits: bits, sums: true, hasPayload: true, chunkCapacity: capacity,
          memory: memory, mergeMemory: mergeMemory) == summed(records))
      if capacity > count {
        #expect(
          try sorted(
            records, bits: bits, sums: false, hasPayload: true, chunkCapacity: capacity,
            memory: memory, mergeMemory: mergeMemory) == records.sorted())
      }
    }
  }

  @Test func `a sum beyond 64 bits is an error`() throws {
    let records = [Record(key: [5], payload: .max), Record(key: [5], payload: 1)]
    #expect(throws: (any Error).self) {
      try sorted(
        records, bits: 8, sums: true, hasPayload: true, chunkCapacity: 1, memory: 1000,
        mergeMemory: 1000)
    }
  }

  @Test func `a folder that takes no files is named`() throws {
    let sorter = ExternalSorter(
      keyBitCount: 8, hasPayload: false, equalKeys: .sum,
      allowance: MemoryAllowance(byteCount: 0), mergeByteCount: 0, directory: "/nonexistent")
    let chunk = sorter.makeChunk(capacity: 1)
    chunk.records[0] = 1
    chunk.count = 1
    #expect { try sorter.add(chunk) } throws: {
      "\($0)".contains("/nonexistent") && "\($0)".contains("-T")
    }
  }

  @Test(arguments: [70, 100, 150, 250]) func `threads share the sorting of many records`(bits: Int)
    throws
  {
    var generator = SeededGenerator(seed: UInt64(bits))
    let width = (bits + 63) / 64
    let records = (0..<40_000).map { _ in
      (0..<width).map { word in
        // Few values in the upper bits, so that runs of equal digits are long.
        word == width - 1
          ? generator.next() & (UInt64.max >> UInt64(64 * width - bits)) & 0x5_0005
          : generator.next() & 0xFF
      }
    }
    func keys(threads: Int) throws -> [[UInt64]] {
      let sorter = ExternalSorter(
        keyBitCount: bits, hasPayload: false, equalKeys: .sum,
        allowance: MemoryAllowance(byteCount: 1 << 30), mergeByteCount: 1 << 20, directory: "/tmp")
      let chunk = sorter.makeChunk(capacity: records.count)
      for (index, record) in records.enumerated() {
        for word in 0..<width { chunk.records[index * width + word] = record[word] }
      }
      chunk.count = records.count
      let sorted = try sorter.sorted(with: chunk, threads: threads)
      var keys: [[UInt64]] = []
      while let batch = try sorted.next(capacity: 999) {
        for index in 0..<batch.count {
          keys.append((0..<width).map { batch.keys[index * width + $0] })
        }
      }
      return keys
    }
    let expected = Set(records).sorted { $0.reversed().lexicographicallyPrecedes($1.reversed()) }
    #expect(try keys(threads: 3) == expected)
    #expect(try keys(threads: 1) == expected)
  }
}
