// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import FilterSupport
import Testing

@Test(arguments: [
  ("4096b", 4096), ("3", 3 << 10), ("3K", 3 << 10), ("10M", 10 << 20), ("1.5G", 3 << 29),
  ("2T", 2 << 40), ("0", 0),
]) func `sizes are read as sort reads them`(text: String, byteCount: Int) {
  #expect(MemorySize(argument: text)?.byteCount == byteCount)
}

@Test(arguments: ["", "G", "-1", "1X", "1GB", "nan", "1e3", "9999999999T", "½", "1 G"])
func `what is no size is refused`(text: String) {
  #expect(MemorySize(argument: text) == nil)
}

@Test func `a share is of the memory that this process may use`() throws {
  let half = try #require(MemorySize(argument: "50%")).byteCount
  #expect(half == Machine.memoryByteCount / 2)
  #expect(half > 1 << 20)
  #expect(Machine.availableCores >= 1)
}
