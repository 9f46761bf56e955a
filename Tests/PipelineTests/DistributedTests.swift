// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Test func `shards counted apart and merged are the bytes of one process`() throws {
  let outcome = try Scratch().run(
    "make -s -j 2 -C $examples/21-distributed OUT=$PWD/out MERGES=50 SHARDS=3 "
      + "TEXT=$examples/pigs.txt; cat out/21-distributed/compared.txt")
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  #expect(outcome.text.contains("one process: merged.counts"))
  #expect(outcome.text.contains("one process: sorted.counts"))
}
