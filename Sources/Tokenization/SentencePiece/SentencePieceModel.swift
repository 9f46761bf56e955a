// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// What a SentencePiece `.model` file says: pieces with scores, and how text is prepared for them.
///
/// Fields that no encoder asks for (self tests, most settings of the training) are left out, also when
/// a model is written.
public struct SentencePieceModel: Sendable {
  public enum Kind: UInt64, Sendable {
    case unigram = 1
    case bpe = 2
    case word = 3
    case characters = 4
  }

  public enum PieceType: UInt64, Sendable {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  public var kind = Kind.unigram
  /// Pieces by id, as UTF-8 with `▁` for a space.
  public var pieces = PieceList()
  public var scores: [Float] = []
  public var types: [PieceType] = []
  public var hasByteFallback = false
  public var treatsWhitespaceAsSuffix = false
  /// The text that an unknown piece decodes to.
  public var unknownSurface = Array(" \u{2047} ".utf8)
  public var normalizerName: [UInt8] = []
  /// The compiled character map; empty for none.
  public var characterMap: [UInt8] = []
  public var addsDummyPrefix = true
  public var removesExtraWhitespace = true
  public var escapesWhitespace = true

  public init() {}

  public mutating func append(_ piece: some Collection<UInt8>, score: Float, type: PieceType) {
    pieces.append(piece)
    scores.append(score)
    types.append(type)
  }

  /// - Throws: `StreamError` with the byte offset of what is malformed.
  public init(parsing bytes: [UInt8], name: String) throws(StreamError) {
    var message = MessageReader(bytes[...], name: name)
    // Every model has it, behind the pieces: a file without is truncated.
    var hasTrainer = false
    while let (field, value, offset) = try message.next() {
      switch (field, value) {
      case (1, .bytes(let piece)): try readPiece(piece, name: name, offset: offset)
      case (2, .bytes(let trainer)):
        hasTrainer = true
        try readTrainer(trainer, name: name)
      case (3, .bytes(let normalizer)): try readNormalizer(normalizer, name: name)
      case (1...3, _): throw message.failure("field \(field) has the wrong type", at: offset)
      default: break
      }
    }
    guard hasTrainer else {
      throw message.failure("it ends before the settings of its training", at: bytes.count)
    }
    try check(name: name)
  }

  private mutating func readPiece(
    _ bytes: ArraySlice<UInt8>, name: String, offset: Int
  ) throws(StreamError) {
    var message = MessageReader(bytes, name: name)
    var text: ArraySlice<UInt8> = []
    var score: Float = 0
    var type = PieceType.normal
    while let (field, value, offset) = try message.next() {
      switch (field, value) {
      case (1, .bytes(let value)): text = value
      case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
      case (3, .varint(let number)):
        guard let known = PieceType(rawValue: number) else {
          throw message.failure("piece type \(number) is unknown", at: offset)
        }
        type = known
      default: break
      }
    }
    guard !text.isEmpty else { throw message.failure("piece \(types.count) is empty", at: offset) }
    guard score.isFinite else {
      throw message.failure("the score of piece \(types.count) is no number", at: offset)
    }
    append(text, score: score, type: type)
  }

  private mutating func readTrainer(_ bytes: ArraySlice<UInt8>, name: String) throws(StreamError) {
    var message = MessageReader(bytes, name: name)
    while let (field, value, offset) = try message.next() {
      switch (field, value) {
      case (3, .varint(let number)):
        guard let known = Kind(rawValue: number) else {
          throw message.failure("model type \(number) is unknown", at: offset)
        }
        kind = known
      case (24, .varint(let number)): treatsWhitespaceAsSuffix = number != 0
      case (35, .varint(let number)): hasByteFallback = number != 0
      case (44, .bytes(let text)): unknownSurface = Array(text)
      default: break
      }
    }
  }

  private mutating func readNormalizer(
    _ bytes: ArraySlice<UInt8>, name: String
  ) throws(StreamError) {
    var message = MessageReader(bytes, name: name)
    while let (field, value, _) = try message.next() {
      switch (field, value) {
      case (1, .bytes(let text)): normalizerName = Array(text)
      case (2, .bytes(let map)): characterMap = Array(map)
      case (3, .varint(let number)): addsDummyPrefix = number != 0
      case (4, .varint(let number)): removesExtraWhitespace = number != 0
      case (5, .varint(let number)): escapesWhitespace = number != 0
      default: break
      }
    }
  }

  /// What every model must have: distinct pieces, one unknown piece, all bytes for byte fallback.
  func check(name: String) throws(StreamError) {
    func fail(_ problem: String) -> StreamError { StreamError(.file(name), problem) }
    guard pieces.count > 0 else { throw fail("holds no pieces") }
    guard types.count(where: { $0 == .unknown }) == 1 else {
      throw fail("has \(types.count { $0 == .unknown }) unknown pieces; a model has one")
    }
    // One table suffices: a piece that is both text and control is told apart by no spelling.
    var table = PieceTable()
    for id in 0..<pieces.count {
      guard pieces.withPiece(at: id, { Int(table.insert($0)) == id }) else {
        throw fail("piece \(id) stands twice")
      }
    }
    let bytes = Set((0..<pieces.count).filter { types[$0] == .byte }.compactMap { byte(of: $0) })
    guard !hasByteFallback || bytes.count == 256 else {
      throw fail("has \(bytes.count) byte pieces; byte fallback needs 256")
    }
  }

  /// The byte that a piece spelt `<0xHH>` stands for.
  func byte(of id: Int) -> UInt8? { SubwordModel.fallbackByte(pieces[id]) }

  /// The file's bytes; `sentencepiece` opens them.
  public func encoded() -> [UInt8] {
    var output = ByteBuffer(capacity: pieces.bytes.count + 16 * pieces.count)
    for id in 0..<pieces.count {
      var piece = ByteBuffer(capacity: 32)
      piece.append(field: 1, bytes: Array(pieces[id]))
      piece.append(field: 2, float: scores[id])
      if types[id] != .normal { piece.append(field: 3, varint: types[id].rawValue) }
      output.append(field: 1, bytes: Array(piece.bytes))
    }
    var trainer = ByteBuffer()
    trainer.append(field: 3, varint: kind.rawValue)
    trainer.append(field: 4, varint: UInt64(pieces.count))
    if treatsWhitespaceAsSuffix { trainer.append(field: 24, varint: 1) }
    if hasByteFallback { trainer.append(field: 35, varint: 1) }
    trainer.append(field: 44, bytes: unknownSurface)
    // The ids of <unk>, <s> and </s>; a missing one is -1, as ten bytes.
    for (field, spelling) in [(40, Spelling.unknown), (41, Spelling.beginning), (42, Spelling.end)]
    {
      let id = (0..<pieces.count).first { pieces[$0].elementsEqual(spelling) } ?? -1
      trainer.append(field: field, varint: UInt64(bitPattern: Int64(id)))
    }
    output.append(field: 2, bytes: Array(trainer.bytes))
    var normalizer = ByteBuffer(capacity: characterMap.count + 64)
    normalizer.append(field: 1, bytes: normalizerName)
    normalizer.append(field: 2, bytes: characterMap)
    normalizer.append(field: 3, varint: addsDummyPrefix ? 1 : 0)
    normalizer.append(field: 4, varint: removesExtraWhitespace ? 1 : 0)
    normalizer.append(field: 5, varint: escapesWhitespace ? 1 : 0)
    output.append(field: 3, bytes: Array(normalizer.bytes))
    return Array(output.bytes)
  }
}
