// SPDX-License-Identifier: Apache-2.0

/// The scripts of code points, read from their table when something asks for them.
enum UnicodeScripts {
  /// The set of a script by its name, such as `Han`.
  static func set(named name: String) -> CharacterSet? {
    let key = name.lowercased().filter { $0 != "_" && $0 != " " && $0 != "-" }
    return ranges[key].map { .ranges($0) }
  }

  /// The script of a code point; empty where it has none.
  static func script(of scalar: UInt32) -> String {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].range.upperBound < scalar { low = middle + 1 } else { high = middle }
    }
    return low < sorted.count && sorted[low].range.contains(scalar) ? sorted[low].name : ""
  }

  private static let ranges: [String: [ClosedRange<UInt32>]] = {
    var result: [String: [ClosedRange<UInt32>]] = [:]
    for line in UnicodeScriptTable.lines.description.split(separator: "\n") {
      let words = line.split(separator: " ")
      var last: UInt32 = 0
      result[String(words[0])] = words.dropFirst().map { word in
        let numbers = word.split(separator: "+").map { UInt32($0, radix: 36)! }
        let first = last + numbers[0]
        last = first + numbers[1]
        return first...last - 1
      }
    }
    return result
  }()

  private static let sorted: [(range: ClosedRange<UInt32>, name: String)] =
    ranges.flatMap { name, ranges in ranges.map { (range: $0, name: name) } }
    .sorted { $0.range.lowerBound < $1.range.lowerBound }
}
