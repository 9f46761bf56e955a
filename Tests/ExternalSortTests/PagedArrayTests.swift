// SPDX-License-Identifier: Apache-2.0

import ExternalSort
import TestSupport
import Testing

@Suite struct PagedArrayTests {
  @Test(arguments: [0, 1 << 16, 1 << 18, 1 << 24])
  func `an array holds what an ordinary one does, whatever the allowance`(allowed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(allowed))
    let allowance = MemoryAllowance(byteCount: allowed)
    do {
      var paged = PagedArray<UInt32>(allowance: allowance, directory: "/tmp")
      var other = PagedArray<UInt64>(allowance: allowance, directory: "/tmp")
      var plain: [UInt32] = []
      for round in 0..<300 {
        let count = Int.random(in: 0...3000, using: &generator)
        let start = paged.count
        try paged.grow(by: count)
        try other.grow(by: count / 8)
        for index in start..<start + count {
          plain.append(UInt32(truncatingIfNeeded: generator.next()))
          paged.touch(index)
          paged.base[index] = plain[index]
        }
        for _ in 0..<(plain.isEmpty ? 0 : 500) {
          let index = Int.random(in: plain.indices, using: &generator)
          paged.touch(index)
          #expect(paged.base[index] == plain[index])
          plain[index] &+= 1
          paged.base[index] &+= 1
        }
        // Others take memory, and give some back.
        allowance.resize(to: Int.random(in: allowed / 2...allowed, using: &generator))
        try paged.settle()
        try other.settle()
        if round % 50 == 49 {
          let kept = plain.count * 3 / 4
          plain.removeLast(plain.count - kept)
          paged.count = kept
        }
      }
      #expect(paged.isMapped == (allowed < 1 << 24))
      var difference = 0
      for index in plain.indices {
        paged.touch(index)
        difference += paged.base[index] == plain[index] ? 0 : 1
      }
      #expect(difference == 0 && paged.count == plain.count)
    }
    allowance.resize(to: allowed)
    #expect(allowance.availableByteCount == allowed, "all is given back")
  }

  @Test func `released elements make room`() throws {
    let allowance = MemoryAllowance(byteCount: 1 << 23)
    var paged = PagedArray<UInt32>(allowance: allowance, directory: "/tmp")
    try paged.grow(by: 1 << 20)
    for index in 0..<1 << 20 { paged.base[index] = UInt32(index) }
    let before = allowance.availableByteCount
    paged.release(0..<1 << 18)
    #expect(allowance.availableByteCount >= before + 1 << 20 - 1 << 14)
    #expect(paged.base[1 << 18] == 1 << 18 && !paged.isMapped)
  }
}
