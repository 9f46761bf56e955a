// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Numbers in [0, 1] from a text, in place of random ones: blanks, TABs and newlines separate them.
public final class UniformReader {
  private let reader: RecordReader
  private let name: String
  private var numbers: ArraySlice<Double> = []
  private var count = 0

  public init(path: String) {
    name = path == "-" ? "<stdin>" : path
    reader = RecordReader(paths: [path])
  }

  /// The next number.
  ///
  /// - Throws: `StreamError` at the end, and for what is no number between 0 and 1.
  public func next() throws(StreamError) -> Double {
    while numbers.isEmpty {
      guard let block = try reader.nextBlock() else {
        throw StreamError(
          .file(name), "\(count) uniform numbers are fewer than the sampler draws",
          advice: "draw fewer tokens with -n or --max-tokens")
      }
      var read: [Double] = []
      try block.forEachRecord { (line, number) throws(StreamError) in
        for word in line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
          let text = String(decoding: word, as: UTF8.self)
          guard let value = Double(text), value >= 0, value <= 1 else {
            throw StreamError(.line(name, number), "'\(text)' is no number between 0 and 1")
          }
          read.append(value)
        }
      }
      numbers = read[...]
    }
    count += 1
    return numbers.popFirst()!
  }
}
