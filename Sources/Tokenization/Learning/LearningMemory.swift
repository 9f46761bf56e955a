// SPDX-License-Identifier: Apache-2.0

internal import ExternalSort

/// Memory that learning may use, and where what does not fit goes.
public struct LearningMemory: Sendable {
  public let byteCount: Int
  public let directory: String
  /// What is left of it.
  let allowance: MemoryAllowance
  private static let least = 1 << 20

  /// - byteCount: of the whole program.
  public init(byteCount: Int, directory: String) {
    // What the program itself takes, and the blocks of text on their way through it.
    self.byteCount = max(byteCount - 16 << 20, LearningMemory.least)
    self.directory = directory
    allowance = MemoryAllowance(byteCount: self.byteCount)
  }

  /// Leaves to arrays, which can do with less, what is not in use otherwise.
  func reserve(_ usedByteCount: Int) {
    allowance.resize(to: max(byteCount - usedByteCount, LearningMemory.least))
  }
}
