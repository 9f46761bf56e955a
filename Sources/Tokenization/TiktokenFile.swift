// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// `.tiktoken` files: a line holds a piece in base64, a space, its rank, which is its id.
///
/// The files name neither pattern nor special tokens: both are told by the number of ranks, or by
/// the command line.
enum TiktokenFile: TokenizerFormat {
  static func recognises(_ source: ModelSource) -> Bool {
    let line = source.firstLine
    guard let space = line.firstIndex(of: 0x20), space > line.startIndex else { return false }
    let rank = line[line.index(after: space)...].filter { $0 != 0x0D }
    return !rank.isEmpty && rank.allSatisfy { $0 &- 0x30 < 10 }
      && (space - line.startIndex) % 4 == 0
      && line[..<space].allSatisfy { value(of: $0) != nil || $0 == UInt8(ascii: "=") }
  }

  static func open(_ source: ModelSource) throws(StreamError) -> any Tokenizer {
    let model = try model(source)
    do {
      return try BytePairTokenizer(model, allowsSpecialTokens: source.allowsSpecialTokens)
    } catch { throw StreamError(.file(source.name), error.problem, advice: error.advice) }
  }

  static func model(_ source: ModelSource) throws(StreamError) -> BytePairModel {
    var pieces = PieceList()
    var ids: [Token] = []
    var seen: Set<Token> = []
    var lineNumber = 0
    var piece: [UInt8] = []
    let bytes = source.bytes
    var start = 0
    while start < bytes.count {
      lineNumber += 1
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
      var line = bytes[start..<end]
      start = end + 1
      if line.last == 0x0D { line.removeLast() }
      if line.isEmpty { continue }
      func failure(_ problem: String) -> StreamError {
        StreamError(.line(source.name, lineNumber), problem)
      }
      guard let space = line.firstIndex(of: 0x20) else { throw failure("no space before a rank") }
      piece.removeAll(keepingCapacity: true)
      guard decode(line[..<space], into: &piece), !piece.isEmpty else {
        throw failure("malformed base64")
      }
      let digits = line[(space + 1)...]
      guard (1...9).contains(digits.count), digits.allSatisfy({ $0 &- 0x30 < 10 }) else {
        throw failure("malformed rank")
      }
      let id = Token(digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
      guard seen.insert(id).inserted else { throw failure("rank \(id) stands twice") }
      pieces.append(piece)
      ids.append(id)
    }
    let known = published.first { $0.rankCount == ids.count }
    guard let pattern = source.pattern ?? known?.pattern else {
      throw StreamError(
        .file(source.name), "\(ids.count) ranks of no published encoding",
        advice: "name its --pattern")
    }
    var model = BytePairModel(level: .byte, pattern: pattern)
    model.order = .ranks
    model.pieces = pieces
    model.ids = ids
    for (content, id) in known?.specials ?? [] {
      model.addedTokens.append(
        TokenizerFile.AddedToken(id: id, content: Array(content.utf8), isSpecial: true))
    }
    return model
  }

  /// The encodings that OpenAI published, by the number of their ranks.
  private static let published:
    [(rankCount: Int, pattern: SplitPattern, specials: [(String, Int)])] = [
      (50256, .gpt2, [("<|endoftext|>", 50256)]),
      (50280, .gpt2, [("<|endoftext|>", 50256)]),
      (
        100256, .cl100k,
        [
          ("<|endoftext|>", 100257), ("<|fim_prefix|>", 100258), ("<|fim_middle|>", 100259),
          ("<|fim_suffix|>", 100260), ("<|endofprompt|>", 100276),
        ]
      ),
      (199998, .o200k, [("<|endoftext|>", 199999), ("<|endofprompt|>", 200018)]),
    ]

  private static func decode(_ text: ArraySlice<UInt8>, into output: inout [UInt8]) -> Bool {
    guard text.count % 4 == 0 else { return false }
    var bits: UInt32 = 0
    var count = 0
    var padding = 0
    for byte in text {
      if byte == UInt8(ascii: "=") {
        padding += 1
        bits <<= 6
      } else {
        guard padding == 0, let value = value(of: byte) else { return false }
        bits = bits << 6 | value
      }
      count += 1
      if count % 4 == 0 {
        output.append(UInt8(truncatingIfNeeded: bits >> 16))
        if padding < 2 { output.append(UInt8(truncatingIfNeeded: bits >> 8)) }
        if padding < 1 { output.append(UInt8(truncatingIfNeeded: bits)) }
        bits = 0
      }
    }
    return padding <= 2
  }

  private static func value(of byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte) - 71
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) + 4
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
