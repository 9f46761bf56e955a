// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Discounts of the Kneser-Ney family that are given instead of estimated.
public struct GivenDiscounts: Sendable {
  /// [order] One discount, or those of counts 1, 2, and 3 or more.
  public private(set) var values: [Int: [Double]] = [:]

  public init() {}

  /// Reads lines as estimation reports them: `order 2: discounts 0.6 1.1 1.4`, after the name of a
  /// program or not. Orders that have no line are estimated.
  ///
  /// - Throws: `StreamError` with the line that is none, or whose discounts are not between 0 and the count.
  public init(_ file: InputFile) throws(StreamError) {
    let records = RecordReader(file: file)
    while let block = try records.nextBlock() {
      try block.forEachRecord { (line, number) throws(StreamError) in
        let text = String(decoding: line, as: UTF8.self)
        let fields = text.split { $0 == " " || $0 == "\t" || $0 == ":" || $0 == "\r" }
        if fields.isEmpty { return }
        let start = fields.firstIndex(of: "order") ?? fields.endIndex
        let numbers = fields[min(start + 3, fields.endIndex)...].map { Double($0) ?? .nan }
        guard numbers.count == 1 || numbers.count == 3, let order = Int(fields[start + 1]),
          order > 0, fields[start + 2].hasPrefix("discount")
        else {
          throw StreamError(
            .line(block.name, number), "'\(text.prefix(60))' is no line of discounts",
            advice: "a line is 'order 2: discounts 0.6 1.1 1.4'")
        }
        for (index, value) in numbers.enumerated() where !(value >= 0 && value <= Double(index + 1))
        {
          throw StreamError(
            .line(block.name, number),
            "the discount of count \(index + 1) is not between 0 and \(index + 1)")
        }
        values[order] = numbers
      }
    }
  }
}
