// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// The symbols of the adaptive model: an escape to a new piece, the end of a record, and the pieces in
/// order of appearance. A new piece is spelt out, byte by byte, with an adaptive model of its own.
private enum Symbol {
  static let new: UInt32 = 0
  static let end: UInt32 = 1
  static let first: UInt32 = 2
  /// Ends a spelling, after the 256 bytes.
  static let endOfSpelling: UInt32 = 256
}

/// What encoder and decoder learn alike. Contexts run on across records: the end is a symbol.
private struct AdaptiveModel {
  var pieces: AdaptiveCounter
  var spellings: AdaptiveCounter
  private(set) var pieceCount = 0

  init(_ coding: AdaptiveCoding) {
    pieces = AdaptiveCounter(
      order: coding.order, symbolCount: 2, learnsWeights: coding.learnsWeights)
    spellings = AdaptiveCounter(
      order: 2, symbolCount: 257, learnsWeights: coding.learnsWeights)
  }

  /// Learns that a new piece came.
  mutating func addPiece() {
    pieceCount += 1
    pieces.appendSymbol()
    // Method C: as many escapes as there are different symbols.
    pieces.setEscape(pieceCount)
    pieces.add(Symbol.first + UInt32(pieceCount) - 1)
    spellings.restart()
  }
}

/// Codes a token stream with a model that is learnt from what was coded before.
struct AdaptiveEncoder: ~Copyable {
  private var model: AdaptiveModel
  private var encoder = ArithmeticEncoder()
  private var symbols: [UInt32?] = []
  /// Bytes of all new pieces so far.
  private(set) var spelledByteCount = 0

  init(_ coding: AdaptiveCoding) { model = AdaptiveModel(coding) }

  /// - spelling: of a token in the reader's growing numbering.
  mutating func encode(_ token: Token, spelling: UnsafeBufferPointer<UInt8>) {
    while symbols.count <= Int(token) { symbols.append(nil) }
    if let symbol = symbols[Int(token)] {
      code(symbol)
      model.pieces.add(symbol)
      return
    }
    code(Symbol.new)
    spelledByteCount += spelling.count
    for byte in spelling { spell(UInt32(byte)) }
    spell(Symbol.endOfSpelling)
    symbols[Int(token)] = Symbol.first + UInt32(model.pieceCount)
    model.addPiece()
  }

  mutating func endRecord() {
    code(Symbol.end)
    model.pieces.add(Symbol.end)
  }

  mutating func finish() -> [UInt8] {
    encoder.finish()
    return Array(encoder.bytes.bytes)
  }

  private mutating func code(_ symbol: UInt32) {
    encoder.encode(
      model.pieces.cumulated(below: symbol), model.pieces.cumulated(below: symbol + 1),
      of: model.pieces.total)
  }

  private mutating func spell(_ symbol: UInt32) {
    encoder.encode(
      model.spellings.cumulated(below: symbol), model.spellings.cumulated(below: symbol + 1),
      of: model.spellings.total)
    model.spellings.add(symbol)
  }
}

/// Gives back the spellings of an adaptive code, record by record.
struct AdaptiveDecoder {
  private var model: AdaptiveModel
  private var decoder: ArithmeticDecoder
  private var spellings: [[UInt8]] = []
  /// Bytes of new pieces that are still to come.
  private var spellableByteCount: UInt64

  /// The bound of a piece's bytes.
  static let largestSpelling = 1 << 24

  init(_ code: [UInt8], _ coding: AdaptiveCoding) throws(StreamError) {
    model = AdaptiveModel(coding)
    var start = 0
    (spellableByteCount, start) = try code.withUnsafeBufferPointer { (code) throws(StreamError) in
      var cursor = ByteCursor(code)
      return (try cursor.varint(), cursor.index)
    }
    decoder = ArithmeticDecoder(Array(code[start...]))
  }

  /// The next piece's spelling, or nothing at the end of a record.
  mutating func next() throws(StreamError) -> [UInt8]? {
    let symbol = AdaptiveDecoder.take(model.pieces, &decoder)
    if symbol != Symbol.new {
      model.pieces.add(symbol)
      return symbol == Symbol.end ? nil : spellings[Int(symbol - Symbol.first)]
    }
    var spelling: [UInt8] = []
    while true {
      let byte = AdaptiveDecoder.take(model.spellings, &decoder)
      model.spellings.add(byte)
      if byte == Symbol.endOfSpelling { break }
      spelling.append(UInt8(byte))
      guard spellableByteCount > 0, spelling.count < AdaptiveDecoder.largestSpelling else {
        throw altered
      }
      spellableByteCount -= 1
    }
    spellings.append(spelling)
    model.addPiece()
    return spelling
  }

  private static func take(
    _ counter: AdaptiveCounter, _ decoder: inout ArithmeticDecoder
  ) -> UInt32 {
    let total = counter.total
    let symbol = counter.symbol(holding: decoder.target(of: total))
    decoder.decode(
      counter.cumulated(below: symbol), counter.cumulated(below: symbol + 1), of: total)
    return symbol
  }
}
