// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

/// Text to pieces without a vocabulary: whatever stands in the text is a token.
public enum Segmentation: Hashable, Sendable {
  /// Words and punctuation marks.
  case words
  /// Words with underscores, and whole operators.
  case code
  /// What stands between white space.
  case whitespace
  /// Characters; bytes that are no UTF-8 one by one.
  case characters
  /// Characters but white space.
  case ink
  /// Bytes.
  case bytes
  /// The whole record.
  case lines
  /// The pieces within which a subword model works.
  case pieces(SplitPattern)

  /// How the pieces become text again.
  public var decoding: TextDecoding {
    switch self {
    case .words, .code, .whitespace, .lines, .pieces(.words), .pieces(.whitespace): .spaced
    case .characters, .ink, .bytes, .pieces: .concatenated
    }
  }

  /// Appends the spelt pieces of a record to `output`, joined by one space; returns their number.
  func appendText(of record: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer) -> Int {
    let text = TextScanner(record)
    return withUnsafeMutablePointer(to: &output) { output in
      var output = output
      return withScanner(TextWriting.self, text, &output)
    }
  }

  /// Appends the tokens of a record to `numbering`.
  func appendTokens(
    of record: UnsafeBufferPointer<UInt8>, to numbering: inout SegmentNumbering
  ) {
    let text = TextScanner(record)
    withUnsafeMutablePointer(to: &numbering) { numbering in
      var numbering = numbering
      withScanner(Numbering.self, text, &numbering)
    }
  }

  /// Calls `body` with each piece.
  public func forEachPiece(
    in record: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    withoutActuallyEscaping(body) { body in
      var visitor = body
      withScanner(Visiting.self, TextScanner(record), &visitor)
    }
  }

  /// Runs `operation` with the scanner's type known, so that its loop is compiled for it.
  @inline(__always) private func withScanner<Operation: ScannerOperation>(
    _ operation: Operation.Type, _ text: TextScanner, _ state: inout Operation.State
  ) -> Operation.Result {
    switch self {
    case .words, .pieces(.words): operation.run(WordScanner.self, text, &state)
    case .code: operation.run(CodeScanner.self, text, &state)
    case .whitespace, .pieces(.whitespace): operation.run(WhitespaceScanner.self, text, &state)
    case .characters: operation.run(CharacterScanner.self, text, &state)
    case .ink: operation.run(InkScanner.self, text, &state)
    case .bytes: operation.run(ByteScanner.self, text, &state)
    case .lines, .pieces(.none): operation.run(WholeScanner.self, text, &state)
    case .pieces(.gpt2): operation.run(GPT2Scanner.self, text, &state)
    case .pieces(.cl100k): operation.run(CL100KScanner<CL100KRules>.self, text, &state)
    case .pieces(.llama3): operation.run(CL100KScanner<Llama3Rules>.self, text, &state)
    case .pieces(.qwen2): operation.run(CL100KScanner<Qwen2Rules>.self, text, &state)
    case .pieces(.o200k): operation.run(O200KScanner.self, text, &state)
    }
  }
}

/// What is done with the pieces of a record, generic in how they are found.
private protocol ScannerOperation {
  associatedtype State
  associatedtype Result
  static func run<S: SplitScanner>(_ s: S.Type, _ text: TextScanner, _ state: inout State) -> Result
}

private enum TextWriting: ScannerOperation {
  static func run<S: SplitScanner>(
    _ scanner: S.Type, _ text: TextScanner, _ output: inout UnsafeMutablePointer<ByteBuffer>
  ) -> Int {
    let output = output
    var count = 0
    var index = 0
    // Below this, windows have been tried in vain.
    var slowEnd = 0
    while index < text.count {
      if S.hasWindows, index >= slowEnd {
        let window = text.appendWindow(S.self, at: index, to: &output.pointee)
        count &+= window.count
        index = window.next
        slowEnd = window.end
        if index >= text.count { break }
      }
      let start = S.start(in: text, from: index)
      if start >= text.count { break }
      count &+= 1
      index = S.end(in: text, from: start)
      text.append(from: start, length: index &- start, to: &output.pointee)
      output.pointee.append(0x20)
    }
    // The last space has nothing behind it.
    if count > 0 { output.pointee.count &-= 1 }
    return count
  }
}

private enum Numbering: ScannerOperation {
  static func run<S: SplitScanner>(
    _ scanner: S.Type, _ text: TextScanner,
    _ numbering: inout UnsafeMutablePointer<SegmentNumbering>
  ) {
    let numbering = numbering
    S.forEachPiece(in: text) { start, end in
      numbering.pointee.append(text, start, end &- start)
    }
  }
}

private enum Visiting: ScannerOperation {
  static func run<S: SplitScanner>(
    _ scanner: S.Type, _ text: TextScanner, _ body: inout (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    S.forEachPiece(in: text) { start, end in
      body(UnsafeBufferPointer(start: text.base + start, count: end &- start))
    }
  }
}

extension TextScanner {
  /// Appends the piece at `start` as token text spells it.
  @inline(__always) fileprivate func append(
    from start: Int, length: Int, to output: inout ByteBuffer
  ) {
    if length == 1, base[start] &- 0x21 < 0x5E, base[start] != 0x5C {
      output.append(base[start])
    } else if let piece = plainPiece(start, length) {
      output.reserve(16)
      let target = UnsafeMutableRawPointer(output.base + output.count)
      target.storeBytes(of: piece.low.littleEndian, as: UInt64.self)
      target.storeBytes(of: piece.high.littleEndian, toByteOffset: 8, as: UInt64.self)
      output.count &+= length
    } else {
      Spelling.append(UnsafeBufferPointer(start: base + start, count: length), to: &output)
    }
  }

  /// A piece of up to 16 bytes that is spelt as it stands, with zeros behind; nothing if it is another.
  @inline(__always) func plainPiece(_ start: Int, _ length: Int) -> (low: UInt64, high: UInt64)? {
    guard length <= 16, start &+ 16 <= count, base[start] != 0x3C else { return nil }
    let bits = UInt64(8 &* length)
    let lowMask = length >= 8 ? UInt64.max : 1 &<< bits &- 1
    let highMask = length <= 8 ? 0 : length == 16 ? UInt64.max : 1 &<< (bits &- 64) &- 1
    let low = loadWord(start)
    let high = loadWord(start &+ 8)
    guard TextScanner.unplain(low) & lowMask | TextScanner.unplain(high) & highMask == 0 else {
      return nil
    }
    return (low & lowMask, high & highMask)
  }

  /// The high bit of each byte that is not 21-7E, or is a backslash.
  @inline(__always) static func unplain(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let low = word & (0x7F &* ones)
    let isBackslash = ~((low ^ (0x5C &* ones)) &+ 0x7F &* ones)
    return (~(low &+ 0x5F &* ones) | (low &+ ones) | isBackslash | word) & (0x80 &* ones)
  }
}
