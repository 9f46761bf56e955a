// SPDX-License-Identifier: Apache-2.0

/// Memory for large tables.
public enum LargeMemory {
  /// Two mebibytes: a large page of x86-64, and mostly of arm64.
  private static let pageByteCount = 1 << 21

  /// Uninitialised memory, to be given back by `deallocate()`.
  ///
  /// From some size on it lies in large pages where the system has them for who asks: fewer of them are
  /// to be brought in and found.
  ///
  /// - alignment: in bytes.
  public static func allocate<Element: ~Copyable>(
    of type: Element.Type, capacity: Int, alignment: Int = MemoryLayout<Element>.alignment
  ) -> UnsafeMutablePointer<Element> {
    let byteCount = capacity * MemoryLayout<Element>.stride
    let isLarge = byteCount >= pageByteCount
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: byteCount, alignment: isLarge ? pageByteCount : alignment)
    #if os(Linux)
      // Advice: it may be refused.
      if isLarge { _ = madvise(memory, byteCount, Int32(MADV_HUGEPAGE)) }
    #endif
    return memory.bindMemory(to: Element.self, capacity: capacity)
  }
}
