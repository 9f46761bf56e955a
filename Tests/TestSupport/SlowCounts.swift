// SPDX-License-Identifier: Apache-2.0

/// N-gram counts by the definition: a dictionary of lines.
///
/// - records: [record][piece], spellings as in a text stream.
public func slowCounts(
  of records: [[String]], order: Int, predictsEnd: Bool = true, padding: String = "<s>",
  isPositional: Bool = false
) -> [String: UInt64] {
  var counts: [String: UInt64] = [:]
  for record in records {
    let predicted = record + (predictsEnd ? ["</s>"] : [])
    let padded = Array(repeating: padding, count: order - 1) + predicted
    for index in predicted.indices {
      var gram = Array(padded[index..<index + order])
      if isPositional { gram.insert("\\@\(index + 1)", at: 0) }
      counts[gram.joined(separator: " "), default: 0] += 1
    }
  }
  return counts
}

/// Counts as the lines of a counts file, in byte order.
public func countLines(_ counts: [String: UInt64]) -> String {
  counts.map { "\($0.key)\t\($0.value)" }
    .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    .map { $0 + "\n" }.joined()
}
