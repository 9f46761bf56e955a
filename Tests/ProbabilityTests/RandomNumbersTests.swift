// SPDX-License-Identifier: Apache-2.0

import Probability
import Testing

/// Reference: the known answers that come with Salmon et al. 2011 (Random123, `philox4x32 10`).
@Test func `the generator gives the published answers`() {
  let zero = RandomNumbers(seed: 0).bits(record: 0, step: 0)
  #expect(zero == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
  let ones = RandomNumbers(seed: .max).bits(record: .max, step: .max)
  #expect(ones == [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD])
  let pi = RandomNumbers(seed: 0x299F_31D0_A409_3822)
    .bits(record: 0x0370_7344_1319_8A2E, step: 0x85A3_08D3_243F_6A88)
  #expect(pi == [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1])
}

@Test func `uniform numbers fill the unit interval evenly`() {
  let random = RandomNumbers(seed: 3)
  var bins = [Double](repeating: 0, count: 100)
  for step in 0..<100_000 {
    let u = random.uniform(record: 0, step: UInt64(step))
    #expect(u >= 0 && u < 1)
    bins[Int(u * 100)] += 1
  }
  // Chi-square with 99 degrees of freedom: above 148.23 with probability 0.001.
  let statistic = bins.reduce(0) { $0 + ($1 - 1000) * ($1 - 1000) / 1000 }
  #expect(statistic < 148.23)
}
