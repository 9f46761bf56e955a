// SPDX-License-Identifier: Apache-2.0

// The standard library's own come with its regular expressions, which would make every program
// a tenth slower to start.

extension Collection<UInt8> {
  /// Whether `text`, which is not empty, occurs as it stands.
  @inlinable public func contains(bytes text: [UInt8]) -> Bool {
    var rest = self[...]
    while let start = rest.firstIndex(of: text[0]) {
      rest = rest[start...]
      if rest.starts(with: text) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}

extension [UInt8] {
  /// These bytes with `new` for each occurrence of `text`, from the front; as they are when `text` is empty.
  public func replacing(bytes text: [UInt8], by new: [UInt8]) -> [UInt8] {
    guard let first = text.first, contains(first) else { return self }
    var result: [UInt8] = []
    result.reserveCapacity(count + new.count)
    var index = 0
    while index < count {
      if self[index] == first, self[index...].starts(with: text) {
        result += new
        index += text.count
      } else {
        result.append(self[index])
        index += 1
      }
    }
    return result
  }
}
