// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// How SentencePiece prepares text: character map, white space, dummy prefix; the steps that
/// `SentencePieceNormalizer` does in one pass, with alignment.
public struct SentencePieceRules: Sendable {
  var map: CharacterMap?
  /// Strings that nothing changes: the user-defined pieces, as the file spells them.
  var kept: [[UInt8]] = []
  var addsDummyPrefix = true
  var treatsWhitespaceAsSuffix = false
  var removesExtraWhitespace = true

  static let mark: [UInt8] = [0xE2, 0x96, 0x81]

  init() {}

  init(_ model: SentencePieceModel, name: String) throws(StreamError) {
    if !model.characterMap.isEmpty { map = try CharacterMap(model.characterMap, name: name) }
    kept = (0..<model.pieces.count).filter { model.types[$0] == .userDefined }
      .map { Array(model.pieces[$0]) }.sorted { $0.count > $1.count }
    addsDummyPrefix = model.addsDummyPrefix
    treatsWhitespaceAsSuffix = model.treatsWhitespaceAsSuffix
    removesExtraWhitespace = model.removesExtraWhitespace
  }

  /// The prepared text, with `▁` for each space.
  func applied(to text: AlignedText) -> AlignedText {
    var units = replaced(text)
    if removesExtraWhitespace {
      units = Array(units.drop { $0.bytes == [0x20] && !$0.isKept })
    }
    // Text that the map leaves nothing of still gets its suffix.
    let hasText = !units.isEmpty
    if removesExtraWhitespace {
      while let last = units.last, last.bytes.isEmpty || last.bytes.last == 0x20 {
        units[units.count - 1].bytes = last.bytes.dropLast()
        if units[units.count - 1].bytes.isEmpty { units.removeLast() }
      }
    }
    var result = AlignedText(isTraced: text.isTraced)
    guard hasText, !units.isEmpty || treatsWhitespaceAsSuffix else { return result }
    if addsDummyPrefix, !treatsWhitespaceAsSuffix {
      result.append(SentencePieceRules.mark, for: 0..<0, of: text)
    }
    var followsSpace = removesExtraWhitespace
    for unit in units {
      var bytes = unit.bytes[...]
      if removesExtraWhitespace, followsSpace, !unit.isKept { bytes = bytes.drop { $0 == 0x20 } }
      if bytes.isEmpty { continue }
      result.append(SentencePieceRules.escaped(bytes), for: unit.range, of: text)
      followsSpace = removesExtraWhitespace && bytes.last == 0x20
    }
    if addsDummyPrefix, treatsWhitespaceAsSuffix {
      result.append(SentencePieceRules.mark, for: text.count..<text.count, of: text)
    }
    return result
  }

  /// A character or more, and what the map makes of it; spaces are 0x20.
  private struct Unit {
    var bytes: [UInt8]
    var range: Range<Int>
    var isKept = false
  }

  private func replaced(_ text: AlignedText) -> [Unit] {
    var units: [Unit] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        let rest = bytes[index...]
        if let piece = kept.first(where: { rest.starts(with: $0) }) {
          let range = index..<index + piece.count
          units.append(
            Unit(bytes: SentencePieceRules.unescaped(piece), range: range, isKept: true))
          index = range.upperBound
        } else if let (new, length) = map?.match(bytes, at: index) {
          units.append(
            Unit(bytes: SentencePieceRules.unescaped(new), range: index..<index + length))
          index += length
        } else {
          let (scalar, length) = scalar(of: bytes, at: index)
          let range = index..<index + length
          units.append(Unit(bytes: SentencePieceRules.unescaped(scalar.utf8), range: range))
          index += length
        }
      }
    }
    return units
  }

  /// `▁` for a space.
  static func escaped(_ text: some Sequence<UInt8>) -> [UInt8] {
    text.flatMap { $0 == 0x20 ? mark : [$0] }
  }

  /// A space for `▁`.
  static func unescaped(_ text: some Collection<UInt8>) -> [UInt8] {
    Array(text).replacing(bytes: mark, by: [0x20])
  }
}
