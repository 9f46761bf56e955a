// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// The checksum that the writer notes among the metadata, so that an altered number is seen.
///
/// It covers names, types, shapes, numbers and texts, not how a file lays them out: another program may
/// write them again. Files of other writers have none.
enum TensorChecksum {
  static let key = "chainrule.checksum"

  /// Sixteen hexadecimal digits over the texts and tensors, each in order of their names.
  static func digits(
    metadata: [String: String], entries: [TensorFile.Entry], data: UnsafeRawBufferPointer
  ) -> String {
    var sum: UInt64 = 0
    func add(_ bytes: UnsafeRawBufferPointer) {
      sum = checksum(of: bytes.assumingMemoryBound(to: UInt8.self), seed: sum)
    }
    func add(_ text: String) { Array(text.utf8).withUnsafeBytes(add) }
    for (name, text) in metadata.sorted(by: { ordered($0.key, $1.key) }) where name != key {
      add(name)
      add(text)
    }
    for entry in entries.sorted(by: { ordered($0.name, $1.name) }) {
      add(entry.name)
      add("\(entry.type.rawValue) \(entry.shape)")
      add(UnsafeRawBufferPointer(rebasing: data[entry.range]))
    }
    let digits = String(sum, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  /// Whether one name comes before another, by bytes.
  private static func ordered(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }
}
