// SPDX-License-Identifier: Apache-2.0

// The binary stream format, whatever it carries. A stream is one segment or more (`cat` joins them):
//
//     signature  head block  data blocks ...  end block
//
// A block is 24 bytes of header (type, item count, payload length, checksum of the payload) and the
// payload. The signature counts to the head block. Each block is one zstd frame; the layer below
// decompresses, so that `zstd -dc` and `zstd -19` may be applied to a stream at will.

/// What a binary stream carries: its kind, the version of its layout, and facts in `key=value` lines.
public struct StreamHeader: Hashable, Sendable {
  /// Four letters: `tokn`, `cnts`, `ngrm`, ...
  public var kind: String
  /// Parameters of the kind, each key at most once.
  public var parameters: [(key: String, value: String)]
  /// The kind's own part, such as a vocabulary.
  public var payload: [UInt8]

  public init(kind: String, parameters: [(key: String, value: String)] = [], payload: [UInt8] = [])
  {
    precondition(kind.utf8.count == 4)
    self.kind = kind
    self.parameters = parameters
    self.payload = payload
  }

  public subscript(key: String) -> String? { parameters.first { $0.key == key }?.value }

  public static func == (a: StreamHeader, b: StreamHeader) -> Bool {
    a.kind == b.kind && a.payload == b.payload
      && a.parameters.elementsEqual(b.parameters) { $0 == $1 }
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(kind) }

  static let signature: [UInt8] = [0x89] + Array("CHAIN\r\n".utf8)
  /// A reader refuses a newer major version and ignores what a newer minor one adds.
  static let version: (major: UInt16, minor: UInt16) = (1, 0)

  func encoded() -> ByteBuffer {
    var bytes = ByteBuffer(capacity: 64 + payload.count)
    bytes.append(littleEndian: StreamHeader.version.major)
    bytes.append(littleEndian: StreamHeader.version.minor)
    bytes.append(kind)
    let facts = parameters.map { "\($0.key)=\($0.value)\n" }.joined()
    bytes.append(littleEndian: UInt32(facts.utf8.count))
    bytes.append(facts)
    bytes.append(payload)
    return bytes
  }

  init(decoding bytes: UnsafeBufferPointer<UInt8>) throws(StreamError) {
    var cursor = ByteCursor(bytes)
    let major = try cursor.integer(as: UInt16.self)
    guard major <= StreamHeader.version.major else {
      throw StreamError(
        .none, "stream version \(major) is newer than \(StreamHeader.version.major)",
        advice: "use a newer release")
    }
    _ = try cursor.integer(as: UInt16.self)
    kind = String(decoding: try cursor.bytes(4), as: UTF8.self)
    let factsCount = Int(try cursor.integer(as: UInt32.self))
    let facts = String(decoding: try cursor.bytes(factsCount), as: UTF8.self)
    parameters = []
    for line in facts.utf8.split(separator: 0x0A) {
      guard let mark = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let key = String(decoding: line[..<mark], as: UTF8.self)
      let value = String(decoding: line[line.index(after: mark)...], as: UTF8.self)
      parameters.append((key, value))
    }
    payload = Array(try cursor.bytes(cursor.remainingCount))
  }
}

/// Types of block, as they are written.
enum BlockType: UInt32 {
  case head = 0x4441_4548  // "HEAD"
  case data = 0x4154_4144  // "DATA"
  case end = 0x2044_4E45  // "END "
}

/// Frames one block: header, payload, checksum, and zstd around them unless `level` is 0.
///
/// One encoder belongs to one thread; blocks may be encoded in any order and written in theirs.
public struct BlockEncoder: ~Copyable, @unchecked Sendable {
  private let level: Int
  private let compressor: ZstdCompressor
  private var plain = ByteBuffer(capacity: 1 << 12)

  /// - level: zstd level; 0 leaves the blocks uncompressed.
  public init(level: Int = 1) {
    self.level = level
    compressor = ZstdCompressor(level: level)
  }

  /// Appends a data block of `itemCount` items to `output`.
  public mutating func append(
    data payload: borrowing ByteBuffer, itemCount: Int, to output: inout ByteBuffer
  ) {
    append(.data, payload.bytes, itemCount: itemCount, to: &output)
  }

  mutating func append(
    _ type: BlockType, _ payload: UnsafeBufferPointer<UInt8>, itemCount: Int,
    to output: inout ByteBuffer
  ) {
    plain.removeAll()
    if type == .head { plain.append(StreamHeader.signature) }
    plain.append(littleEndian: type.rawValue)
    plain.append(littleEndian: UInt32(itemCount))
    plain.append(littleEndian: UInt64(payload.count))
    plain.append(
      littleEndian: checksum(of: payload, seed: UInt64(type.rawValue) << 32 | UInt64(itemCount)))
    plain.append(payload)
    if level == 0 {
      output.append(plain.bytes)
    } else {
      compressor.appendFrame(of: plain.bytes, to: &output)
    }
  }
}

/// Writes one segment: `init` writes the head block, `finish` the end block.
public struct BlockWriter: ~Copyable {
  public let sink: ByteSink
  private var encoder: BlockEncoder
  private var frame = ByteBuffer(capacity: 1 << 12)
  private var itemCount = 0

  /// - level: zstd level; 0 leaves the blocks uncompressed.
  public init(_ sink: ByteSink, header: StreamHeader, level: Int = 1) throws(StreamError) {
    self.sink = sink
    encoder = BlockEncoder(level: level)
    let head = header.encoded()
    encoder.append(.head, head.bytes, itemCount: 0, to: &frame)
    try sink.write(frame)
  }

  /// Writes a data block.
  public mutating func write(_ payload: borrowing ByteBuffer, itemCount: Int) throws(StreamError) {
    frame.removeAll()
    encoder.append(data: payload, itemCount: itemCount, to: &frame)
    self.itemCount += itemCount
    try sink.write(frame)
  }

  /// Writes a data block that a `BlockEncoder` of the same level has framed.
  public mutating func write(encoded: borrowing ByteBuffer, itemCount: Int) throws(StreamError) {
    self.itemCount += itemCount
    try sink.write(encoded)
  }

  /// Writes the end block with the total of items and the kind's own totals; the sink stays open.
  public mutating func finish(totals: [UInt8] = []) throws(StreamError) {
    var payload = ByteBuffer()
    payload.append(littleEndian: UInt64(itemCount))
    payload.append(totals)
    frame.removeAll()
    encoder.append(.end, payload.bytes, itemCount: 0, to: &frame)
    try sink.write(frame)
  }
}

/// Reads a binary stream block by block, checking each.
public struct BlockReader: ~Copyable {
  /// One block, in the order of the stream.
  public enum Block: ~Copyable {
    /// A segment begins; the first block of every stream is one.
    case head(StreamHeader)
    case data(ByteBuffer, itemCount: Int)
    /// A segment is complete; the kind's own totals.
    case end(totals: [UInt8])
  }

  private let file: InputFile
  private var isInsideSegment = false
  private var itemCount = 0

  /// - file: a file for which `BlockReader.recognises` is true.
  public init(_ file: InputFile) { self.file = file }

  /// Whether the file begins as a binary stream does.
  public static func recognises(_ file: InputFile) throws(StreamError) -> Bool {
    try file.begins(with: StreamHeader.signature)
  }

  /// The name in messages.
  public var name: String { file.name }
  /// Whether the next block would have to wait for another process.
  public var wouldBlock: Bool { file.wouldBlock }
  /// Bytes taken from the file so far, before decompression.
  public var consumedByteCount: Int { file.consumedByteCount }

  /// The next block, or nothing at the end of a complete stream.
  ///
  /// - Throws: `StreamError` with the offset (in the decompressed stream) of the block that is
  ///   truncated, corrupt or out of place.
  public mutating func next() throws(StreamError) -> Block? {
    let start = file.offset
    func failure(_ problem: String, advice: String? = nil) -> StreamError {
      StreamError(.offset(file.name, start), problem, advice: advice)
    }
    var bytes = ByteBuffer(capacity: 64)
    if !isInsideSegment {
      let signatureCount = StreamHeader.signature.count
      try fill(&bytes, to: signatureCount, orEnd: true)
      if bytes.isEmpty { return nil }
      guard bytes.count == signatureCount, bytes.bytes.elementsEqual(StreamHeader.signature) else {
        throw failure(
          "no binary stream where one should begin", advice: "do not mix text and binary")
      }
      bytes.removeAll()
    }
    try fill(&bytes, to: 24, orEnd: false)
    var cursor = ByteCursor(bytes.bytes)
    let typeCode = try cursor.integer(as: UInt32.self)
    let count = Int(try cursor.integer(as: UInt32.self))
    let payloadCount = try cursor.integer(as: UInt64.self)
    let expected = try cursor.integer(as: UInt64.self)
    guard let type = BlockType(rawValue: typeCode), (type == .head) != isInsideSegment,
      payloadCount <= 1 << 40
    else {
      throw failure("corrupt block header")
    }
    bytes.removeAll()
    try fill(&bytes, to: Int(payloadCount), orEnd: false)
    guard checksum(of: bytes.bytes, seed: UInt64(typeCode) << 32 | UInt64(count)) == expected
    else { throw failure("corrupt block: bad checksum") }
    switch type {
    case .head:
      isInsideSegment = true
      itemCount = 0
      do {
        return .head(try StreamHeader(decoding: bytes.bytes))
      } catch { throw failure(error.problem, advice: error.advice) }
    case .data:
      itemCount += count
      return .data(bytes, itemCount: count)
    case .end:
      isInsideSegment = false
      var cursor = ByteCursor(bytes.bytes)
      guard try cursor.integer(as: UInt64.self) == UInt64(itemCount) else {
        throw failure("blocks are missing: the end block counts more than \(itemCount) items")
      }
      return .end(totals: Array(bytes.bytes[8...]))
    }
  }

  /// Reads until `bytes` holds `count` bytes; memory grows with what is there, not with what is
  /// claimed.
  private func fill(_ bytes: inout ByteBuffer, to count: Int, orEnd mayEnd: Bool)
    throws(StreamError)
  {
    while bytes.count < count {
      let wanted = min(count - bytes.count, 1 << 20)
      if try !file.read(upTo: wanted, appendingTo: &bytes) {
        if mayEnd { return }
        throw StreamError(
          .offset(file.name, file.offset), "truncated binary stream",
          advice: "its writer did not finish")
      }
    }
  }
}

/// A 64-bit checksum of a block and of what its header says of it; not cryptographic.
///
/// Eight bytes a step, so that it costs nothing beside decompression.
public func checksum(of bytes: UnsafeBufferPointer<UInt8>, seed: UInt64 = 0) -> UInt64 {
  let raw = UnsafeRawBufferPointer(bytes)
  var a = (0x9E37_79B9_7F4A_7C15 ^ seed) &* 0xA076_1D64_78BD_642F ^ UInt64(raw.count)
  var index = 0
  while index + 8 <= raw.count {
    let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    a = (a ^ word) &* 0xD6E8_FEB8_6659_FD93
    a ^= a &>> 32
    index += 8
  }
  var tail: UInt64 = 0
  while index < raw.count {
    tail = tail &<< 8 | UInt64(raw[index])
    index += 1
  }
  a = (a ^ tail) &* 0xD6E8_FEB8_6659_FD93
  a ^= a &>> 29
  a = a &* 0xBF58_476D_1CE4_E5B9
  return a ^ a &>> 32
}

/// Takes integers and runs of bytes off the front of a payload, never past its end.
public struct ByteCursor: ~Copyable {
  @usableFromInline let bytes: UnsafeBufferPointer<UInt8>
  @usableFromInline var place = 0

  /// - bytes: borrowed; they must outlive the cursor.
  public init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// Bytes taken so far.
  public var index: Int { place }

  @inlinable public var remainingCount: Int { bytes.count &- place }

  @usableFromInline static let exhausted = StreamError(.none, "a block is shorter than it says")

  @inlinable public mutating func integer<I: FixedWidthInteger>(as type: I.Type) throws(StreamError)
    -> I
  {
    let size = MemoryLayout<I>.size
    guard remainingCount >= size else { throw ByteCursor.exhausted }
    defer { place += size }
    return I(
      littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(
        fromByteOffset: place, as: I.self))
  }

  /// An integer written by `ByteBuffer.append(varint:)`.
  @inlinable public mutating func varint() throws(StreamError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while place < bytes.count, shift < 64 {
      let byte = bytes[place]
      place += 1
      value |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw ByteCursor.exhausted
  }

  public mutating func bytes(_ count: Int) throws(StreamError) -> UnsafeBufferPointer<UInt8> {
    guard count >= 0, remainingCount >= count else { throw ByteCursor.exhausted }
    defer { place += count }
    return UnsafeBufferPointer(rebasing: bytes[place..<place + count])
  }
}
