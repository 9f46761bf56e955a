// SPDX-License-Identifier: Apache-2.0

import Foundation
import Probability
import Testing

@Test func `sums in log space neither overflow nor lose zero`() {
  func sum(_ values: [Double]) -> Double { values.withUnsafeBufferPointer { logSumExp($0) } }
  #expect(sum([]) == -.infinity)
  #expect(sum([-.infinity, -.infinity]) == -.infinity)
  // A rounding of the last place is all that the exponential and the logarithm may add.
  #expect(abs(sum([1000, 1000]) - (1000 + log(2))) < 1e-12)
  #expect(abs(sum([log(0.25), log(0.5), log(0.25)])) < 1e-15)
  #expect(logAdd(-.infinity, -3) == -3)
  #expect(logAdd(-.infinity, -.infinity) == -.infinity)
  #expect(abs(logAdd(-2000, -2000) - (-2000 + log(2))) < 1e-12)
}

@Test func `a nat is 1.4427 bits and 0.4343 decimal digits`() {
  #expect(abs(LogUnit.bits.perNat - 1.442695040888963) < 1e-15)
  #expect(LogUnit.nats.perNat == 1)
  #expect(abs(LogUnit.log10.perNat - 0.434294481903252) < 1e-15)
}
