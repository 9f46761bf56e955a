// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Prepares text as a SentencePiece model asks: character map, white space, dummy prefix.
///
/// Both a space and a literal `▁` come out as one byte 0x20: to the pieces they are the same. A byte
/// that is not UTF-8 becomes U+FFFD, so such text cannot be given back.
struct SentencePieceNormalizer: Sendable {
  private let map: CharacterMap?
  /// Strings that nothing changes: the user-defined pieces.
  private let kept: PieceTrie?
  private let addsPrefix: Bool
  private let addsSuffix: Bool
  private let removesExtra: Bool
  private let classes: [ByteClass]

  /// What the first byte of a character says about it.
  private enum ByteClass: UInt8 {
    /// ASCII that stays as it is whatever follows.
    case plain
    /// ASCII that stays as it is before ASCII; with a mark behind it, a rule may begin.
    case plainBeforeASCII
    /// A space, where spaces are collapsed.
    case space
    /// The beginning of two bytes, or three, that stay together as they are unless the map says else.
    case pair
    case triple
    case other
  }

  init(_ model: SentencePieceModel, name: String) throws(StreamError) {
    let map = model.characterMap.isEmpty ? nil : try CharacterMap(model.characterMap, name: name)
    let userDefined = (0..<model.pieces.count).filter { model.types[$0] == .userDefined }
    let kept = PieceTrie()
    for id in userDefined { kept.insert(model.pieces[id], value: id) }
    self.map = map
    self.kept = userDefined.isEmpty ? nil : kept
    addsPrefix = model.addsDummyPrefix && !model.treatsWhitespaceAsSuffix
    addsSuffix = model.addsDummyPrefix && model.treatsWhitespaceAsSuffix
    removesExtra = model.removesExtraWhitespace
    let removesExtra = removesExtra
    classes = (0..<256).map { byte in
      if kept.child(of: 0, UInt8(byte)) >= 0 { return .other }
      if byte >= 0x80 {
        // U+2581 begins with E2, and ED may begin a surrogate, E0 an overlong form.
        return switch byte {
        case 0xC2...0xDF: .pair
        case 0xE1, 0xE3...0xEC, 0xEE, 0xEF: .triple
        default: .other
        }
      }
      let isFree = map?.begins(with: UInt8(byte)) != true
      if byte == 0x20, removesExtra { return isFree ? .space : .other }
      return isFree ? .plain : map!.isPlain[byte] ? .plainBeforeASCII : .other
    }
  }

  /// Replaces the contents of `output` by the prepared text, with 16 readable bytes behind it.
  func normalize(_ text: UnsafeBufferPointer<UInt8>, into output: inout ByteBuffer) {
    output.removeAll()
    var index = 0
    if removesExtra {
      while index < text.count {
        let (length, isSpace) = step(text, at: index)
        guard isSpace else { break }
        index += length
      }
    }
    output.reserve(text.count - index + 32)
    if index < text.count {
      if addsPrefix { output.append(0x20) }
      appendRest(of: text, from: index, to: &output)
      // White space at the end goes, also where a literal ▁ stands for it.
      if removesExtra {
        while output.count > 0, output.base[output.count - 1] == 0x20 { output.count -= 1 }
      }
      if addsSuffix { output.append(0x20) }
    }
    output.reserve(16)
  }

  /// Whether what begins at `index` becomes exactly one space, and its bytes.
  private func step(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> (Int, Bool) {
    if let found = kept?.longestPrefix(of: text, from: index) { return (found.end - index, false) }
    if let (replacement, length) = map?.match(text, at: index) {
      return (length, replacement.elementsEqual([0x20]))
    }
    return (1, text[index] == 0x20)
  }

  private func appendRest(
    of text: UnsafeBufferPointer<UInt8>, from start: Int, to output: inout ByteBuffer
  ) {
    var index = start
    var followsSpace = removesExtra
    let count = text.count
    classes.withUnsafeBufferPointer { classes in
      while index < count {
        let runStart = index
        run: while index < count {
          switch classes[Int(text[index])] {
          case .plain: index &+= 1
          case .plainBeforeASCII:
            if index &+ 1 < count, text[index &+ 1] >= 0x80 { break run }
            index &+= 1
          case .pair:
            guard index &+ 1 < count, text[index &+ 1] & 0xC0 == 0x80, isFree(text, index, 2) else {
              break run
            }
            index &+= 2
          case .triple:
            guard index &+ 2 < count, text[index &+ 1] & 0xC0 == 0x80,
              text[index &+ 2] & 0xC0 == 0x80, isFree(text, index, 3)
            else { break run }
            index &+= 3
          case .space, .other: break run
          }
        }
        if index > runStart {
          output.append(UnsafeBufferPointer(rebasing: text[runStart..<index]))
          followsSpace = false
        }
        guard index < count else { return }
        if classes[Int(text[index])] == .space {
          if !followsSpace { output.append(0x20) }
          followsSpace = true
          index &+= 1
        } else {
          index &+= appendStep(text, at: index, followsSpace: &followsSpace, to: &output)
        }
      }
    }
  }

  /// Whether no rule begins with the well-formed character of `length` bytes at `index`.
  @inline(__always)
  private func isFree(_ text: UnsafeBufferPointer<UInt8>, _ index: Int, _ length: Int) -> Bool {
    guard let map else { return true }
    let low = UInt32(text[index &+ length &- 1] & 0x3F)
    let scalar =
      length == 2
      ? UInt32(text[index] & 0x1F) &<< 6 | low
      : UInt32(text[index] & 0x0F) &<< 12 | UInt32(text[index &+ 1] & 0x3F) &<< 6 | low
    return !map.begins(withScalar: scalar)
  }

  /// Appends what stands for the characters at `index`; returns their bytes.
  private func appendStep(
    _ text: UnsafeBufferPointer<UInt8>, at index: Int, followsSpace: inout Bool,
    to output: inout ByteBuffer
  ) -> Int {
    if let found = kept?.longestPrefix(of: text, from: index) {
      appendUnescaped(UnsafeBufferPointer(rebasing: text[index..<found.end]), to: &output)
      followsSpace = removesExtra && text[found.end - 1] == 0x20
      return found.end - index
    }
    if let (replacement, length) = map?.match(text, at: index) {
      var rest = replacement
      while followsSpace, rest.first == 0x20 { rest = rest.dropFirst() }
      if !rest.isEmpty {
        rest.withUnsafeBufferPointer { appendUnescaped($0, to: &output) }
        followsSpace = removesExtra && rest.last == 0x20
      }
      return length
    }
    let (_, length) = scalar(of: text, at: index)
    if text[index] >= 0x80, utf8SequenceLength(text, at: index) == 0 {
      output.append([0xEF, 0xBF, 0xBD])
      followsSpace = false
      return 1
    }
    if text[index] == 0x20 {
      if !followsSpace { output.append(0x20) }
      followsSpace = removesExtra
      return 1
    }
    appendUnescaped(UnsafeBufferPointer(rebasing: text[index..<index + length]), to: &output)
    followsSpace = false
    return length
  }

  /// Appends bytes with one space for each `▁`.
  private func appendUnescaped(
    _ text: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer
  ) {
    var index = 0
    while index < text.count {
      if text[index] == 0xE2, index + 2 < text.count, text[index + 1] == 0x96,
        text[index + 2] == 0x81
      {
        output.append(0x20)
        index += 3
      } else {
        output.append(text[index])
        index += 1
      }
    }
  }
}
