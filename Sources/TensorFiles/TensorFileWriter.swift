// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Collects tensors and writes them as one safetensors file; its data begins at a multiple of 64
/// bytes. The same tensors and metadata in the same order give the same bytes. A checksum of all stands
/// at the end of the metadata.
public final class TensorFileWriter {
  private let metadata: [(key: String, value: String)]
  private var entries: [TensorFile.Entry] = []
  private var data = ByteBuffer(capacity: 1 << 16)

  /// - metadata: shown in this order.
  public init(metadata: [(key: String, value: String)] = []) {
    self.metadata = metadata
  }

  /// Adds a tensor of 32-bit numbers.
  public func add(_ name: String, shape: [Int], _ numbers: some Collection<Float>) {
    let start = begin(numbers.count * 4)
    for number in numbers { data.append(littleEndian: number.bitPattern) }
    describe(name, .float32, shape, start)
  }

  /// Adds a tensor of 64-bit numbers.
  public func add(_ name: String, shape: [Int], _ numbers: some Collection<Double>) {
    let start = begin(numbers.count * 8)
    for number in numbers { data.append(littleEndian: number.bitPattern) }
    describe(name, .float64, shape, start)
  }

  /// Adds a row of whole numbers.
  public func add(_ name: String, _ numbers: [Int]) {
    let start = begin(numbers.count * 8)
    for number in numbers { data.append(littleEndian: Int64(number)) }
    describe(name, .int64, [numbers.count], start)
  }

  /// Writes the file; does not finish the sink.
  public func write(to sink: ByteSink) throws(StreamError) {
    let texts = Dictionary(metadata.map { ($0.key, $0.value) }) { $1 }
    let digits = TensorChecksum.digits(
      metadata: texts, entries: entries, data: UnsafeRawBufferPointer(data.bytes))
    let members = (metadata + [(TensorChecksum.key, digits)])
      .map { "\(quoted($0.key)):\(quoted($0.value))" }
    let header = "{\"__metadata__\":{\(members.joined(separator: ","))}"
    var text = Array((header + entries.map { ",\(description(of: $0))" }.joined() + "}").utf8)
    // Spaces after the JSON are part of the format.
    while (text.count + 8) % 64 != 0 { text.append(0x20) }
    var length = ByteBuffer(capacity: 8)
    length.append(littleEndian: UInt64(text.count))
    try sink.write(length)
    try sink.write(text)
    try sink.write(data)
  }

  private func begin(_ byteCount: Int) -> Int {
    data.reserve(byteCount)
    return data.count
  }

  private func describe(
    _ name: String, _ type: TensorFile.NumberType, _ shape: [Int], _ start: Int
  ) {
    precondition(shape.reduce(type.byteCount, *) == data.count - start)
    entries.append(
      TensorFile.Entry(name: name, type: type, shape: shape, range: start..<data.count))
  }

  private func description(of entry: TensorFile.Entry) -> String {
    let extents = entry.shape.map(String.init).joined(separator: ",")
    let (start, end) = (entry.range.lowerBound, entry.range.upperBound)
    return "\(quoted(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(extents)],"
      + "\"data_offsets\":[\(start),\(end)]}"
  }
}

/// A JSON string.
private func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": result += "\\\(scalar)"
    case "\u{0}"..<" ":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
