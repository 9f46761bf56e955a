// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import TestSupport
import Testing

@Test func `memory is what the control groups around a process leave`() throws {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    mkdir -p memory/job/step user/session
    echo 9223372036854771712 > memory/memory.limit_in_bytes
    echo 4000 > memory/job/memory.limit_in_bytes; echo 5000 > memory/job/step/memory.limit_in_bytes
    echo max > user/memory.max; echo 3000 > user/session/memory.max
    """)
  try #require(outcome.status == 0)
  let root = scratch.folder.path
  for (groups, limit) in [
    ("4:memory:/job/step\n", 4000), ("3:cpu:/\n2:cpu,memory:/job\n", 4000),
    ("0::/user/session\n4:memory:/job\n", 3000), ("0::/user\n", .max),
    ("1:memory:/elsewhere/gone\n", 9_223_372_036_854_771_712), ("3:cpu:/job\nnonsense", .max),
  ] {
    #expect(Machine.controlGroupLimit(groups: groups, root: root) == limit)
  }
  #expect(Machine.controlGroupLimit(groups: nil, root: root) == 9_223_372_036_854_771_712)
}
