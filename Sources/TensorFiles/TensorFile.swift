// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A safetensors file, checked: named tensors of numbers, row-major and little-endian, and a table of
/// strings.
///
///     8 bytes: N, little-endian
///     N bytes: JSON {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
///     data: every byte belongs to exactly one tensor
///
/// Reference: the format of the safetensors library, version 0.4, README «Format».
public struct TensorFile: @unchecked Sendable {
  /// The numbers that networks are made of; other types are known by their size only.
  public enum NumberType: String, Sendable, CaseIterable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case uint64 = "U64"
    case int32 = "I32"
    case uint32 = "U32"
    case int16 = "I16"
    case uint16 = "U16"
    case int8 = "I8"
    case uint8 = "U8"
    case boolean = "BOOL"

    public var byteCount: Int {
      switch self {
      case .float64, .int64, .uint64: 8
      case .float32, .int32, .uint32: 4
      case .float16, .bfloat16, .int16, .uint16: 2
      case .int8, .uint8, .boolean: 1
      }
    }
  }

  /// One tensor of the file.
  public struct Entry: Sendable {
    public let name: String
    public let type: NumberType
    public let shape: [Int]
    /// Bytes of the data, from its beginning.
    public let range: Range<Int>

    /// Numbers in the tensor.
    public var count: Int { range.count / type.byteCount }
  }

  /// The file's name in messages.
  public let name: String
  /// In the order of their data.
  public let entries: [Entry]
  /// Without the writer's checksum.
  public let metadata: [String: String]
  /// Belongs to `owner`, which never changes it: that is what makes the struct sendable.
  private let data: UnsafeRawBufferPointer
  private let owner: any AnyObject & Sendable

  /// Whether bytes at the beginning of a file are those of safetensors: a length, then `{`.
  ///
  /// - prefix: nine bytes, or all that there are.
  public static func recognises(_ prefix: some Collection<UInt8>) -> Bool {
    let bytes = Array(prefix.prefix(9))
    return bytes.count == 9 && bytes[8] == UInt8(ascii: "{") && bytes[4..<8].allSatisfy { $0 == 0 }
  }

  /// Opens the file at `path`, mapped where that is possible; `-` is standard input.
  ///
  /// - Throws: `StreamError` with the byte at which the file breaks the format.
  public init(path: String) throws(StreamError) {
    if path != "-", let mapped = try MappedFile(path: path),
      TensorFile.recognises(mapped.bytes.prefix(9))
    {
      try self.init(mapped.bytes, name: path, owner: mapped)
    } else {
      try self.init(try InputFile(path: path))
    }
  }

  /// Reads an open file to its end.
  public init(_ file: InputFile) throws(StreamError) {
    var buffer = ByteBuffer(capacity: (file.fileByteCount ?? 0) + (1 << 16))
    while try file.read(upTo: 1 << 20, appendingTo: &buffer) {}
    let whole = WholeFile(buffer)
    try self.init(whole.bytes, name: file.name, owner: whole)
  }

  /// Reads bytes in memory.
  public init(bytes: [UInt8], name: String = "<memory>") throws(StreamError) {
    var buffer = ByteBuffer(capacity: bytes.count)
    buffer.append(bytes)
    let whole = WholeFile(buffer)
    try self.init(whole.bytes, name: name, owner: whole)
  }

  private init(
    _ bytes: UnsafeRawBufferPointer, name: String, owner: any AnyObject & Sendable
  ) throws(StreamError) {
    guard TensorFile.recognises(bytes.prefix(9)) else {
      throw StreamError(.file(name), "is no safetensors file", advice: "write one with train-rnn")
    }
    let headerCount = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard headerCount <= 100_000_000, headerCount <= UInt64(bytes.count - 8) else {
      throw StreamError(
        .offset(name, 0), "the header claims \(headerCount) bytes of \(bytes.count - 8)",
        advice: "the file is truncated or corrupt")
    }
    let header = UnsafeRawBufferPointer(rebasing: bytes[8..<8 + Int(headerCount)])
    data = UnsafeRawBufferPointer(rebasing: bytes[(8 + Int(headerCount))...])
    var scanner = JSONScanner(
      header.assumingMemoryBound(to: UInt8.self), name: name, fileOffset: 8)
    var texts: [String: String]
    (entries, texts) = try TensorFile.parse(&scanner, dataByteCount: data.count)
    if let found = texts.removeValue(forKey: TensorChecksum.key),
      found != TensorChecksum.digits(metadata: texts, entries: entries, data: data)
    {
      throw StreamError(
        .file(name), "fails its checksum",
        advice: "restore it, or drop \(TensorChecksum.key) if it was changed on purpose")
    }
    metadata = texts
    self.name = name
    self.owner = owner
  }

  /// The tensor of that name, if there is one.
  public func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }

  /// The numbers of a tensor, converted.
  ///
  /// - Throws: `StreamError` when they are not floating-point numbers.
  public func numbers<Scalar: BinaryFloatingPoint>(
    of entry: Entry, as type: Scalar.Type = Scalar.self
  ) throws(StreamError) -> [Scalar] {
    let bytes = UnsafeRawBufferPointer(rebasing: data[entry.range])
    func convert<Stored: BitwiseCopyable>(
      _ stored: Stored.Type, _ number: (Stored) -> Scalar
    ) -> [Scalar] {
      (0..<entry.count).map {
        number(
          bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Stored>.size, as: Stored.self))
      }
    }
    return switch entry.type {
    case .float32: convert(UInt32.self) { Scalar(Float(bitPattern: UInt32(littleEndian: $0))) }
    case .float64: convert(UInt64.self) { Scalar(Double(bitPattern: UInt64(littleEndian: $0))) }
    case .bfloat16:
      convert(UInt16.self) {
        Scalar(Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16))
      }
    case .float16: convert(UInt16.self) { Scalar(float(half: UInt16(littleEndian: $0))) }
    default:
      throw StreamError(
        .file(name), "tensor \(entry.name) holds \(entry.type.rawValue), not floating-point numbers"
      )
    }
  }

  /// The raw bytes of a tensor, valid as long as the file is.
  public func bytes(of entry: Entry) -> [UInt8] { Array(data[entry.range]) }
}

extension TensorFile {
  private static func parse(
    _ scanner: inout JSONScanner, dataByteCount: Int
  ) throws(StreamError) -> ([Entry], [String: String]) {
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    try scanner.forEachMember { (scanner, name) throws(StreamError) in
      if name == "__metadata__" {
        try scanner.forEachMember { (scanner, key) throws(StreamError) in
          metadata[key] = try scanner.string()
        }
      } else {
        entries.append(try entry(name, &scanner, dataByteCount: dataByteCount))
      }
    }
    try scanner.finish()
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        let relation = entry.range.lowerBound < end ? "overlaps" : "leaves a hole after"
        throw scanner.failure(
          "tensor \(entry.name) at \(entry.range.lowerBound) \(relation) byte \(end) of the data")
      }
      end = entry.range.upperBound
    }
    guard end == dataByteCount else {
      throw scanner.failure("the tensors take \(end) bytes, the file holds \(dataByteCount)")
    }
    return (entries, metadata)
  }

  private static func entry(
    _ name: String, _ scanner: inout JSONScanner, dataByteCount: Int
  ) throws(StreamError) -> Entry {
    var type: NumberType?
    var shape: [Int]?
    var offsets: [Int]?
    func counts(_ key: String, _ scanner: inout JSONScanner) throws(StreamError) -> [Int] {
      do throws(StreamError) {
        return try scanner.counts()
      } catch {
        throw StreamError(
          error.place, "\(key) of tensor \(name): \(error.problem)", advice: error.advice)
      }
    }
    try scanner.forEachMember { (scanner, key) throws(StreamError) in
      switch key {
      case "dtype":
        let text = try scanner.string()
        type = NumberType(rawValue: text)
        guard type != nil else { throw scanner.failure("unknown dtype \(text) of tensor \(name)") }
      case "shape": shape = try counts(key, &scanner)
      case "data_offsets": offsets = try counts(key, &scanner)
      default: throw scanner.failure("unknown key \"\(key)\" of tensor \(name)")
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2 else {
      throw scanner.failure("tensor \(name) lacks dtype, shape or two data_offsets")
    }
    var byteCount = type.byteCount
    for extent in shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw scanner.failure("tensor \(name) is larger than 2^63 bytes") }
      byteCount = product
    }
    guard offsets[0] <= offsets[1], offsets[1] <= dataByteCount else {
      throw scanner.failure(
        "tensor \(name) claims bytes \(offsets[0]) to \(offsets[1]) of \(dataByteCount)")
    }
    guard offsets[1] - offsets[0] == byteCount else {
      throw scanner.failure(
        "tensor \(name) has \(offsets[1] - offsets[0]) bytes, its shape needs \(byteCount)")
    }
    return Entry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
  }
}

/// A file read to memory.
private final class WholeFile: Sendable {
  private let buffer: ByteBuffer
  init(_ buffer: consuming ByteBuffer) { self.buffer = buffer }
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(buffer.bytes) }
}

/// IEEE 754 binary16, widened by hand: `Float16` does not exist on every platform.
private func float(half bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let exponent = UInt32(bits >> 10 & 0x1F)
  let fraction = UInt32(bits & 0x3FF)
  switch exponent {
  case 0:
    let magnitude = Float(fraction) * 0x1p-24
    return sign == 0 ? magnitude : -magnitude
  case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}
