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
      && line[..<space].allSatisfy { Base64.value(of: $0) != nil || $0 == UInt8(ascii: "=") }
  }

  static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    try model(source).file(name: source.name)
  }

  /// Straight to the engine: most of the file's 100 000 pieces would be written in another alphabet first.
  static func open(_ source: ModelSource) throws(StreamError) -> (any Tokenizer)? {
    let model = try model(source)
    do throws(StreamError) {
      return try BytePairTokenizer(
        model, allowsSpecialTokens: source.options.allowsSpecialTokens)
    } catch { throw error.located(at: .file(source.name)) }
  }

  /// Appends the lines of a byte-level model whose ids are ranks.
  ///
  /// - Throws: `StreamError` without a place where listed merges have another order than their ids.
  static func append(_ file: TokenizerFile, to output: inout ByteBuffer) throws(StreamError) {
    guard let model = try BytePairModel(file), model.level == .byte, model.wordEnd.isEmpty else {
      throw StreamError(.none, ".tiktoken holds byte-level byte-pair models only")
    }
    var last: Token = 0
    for merge in model.merges {
      guard merge.result >= last else {
        throw StreamError(
          .none, "the ids do not follow the order of the merges, which .tiktoken needs",
          advice: "save json")
      }
      last = merge.result
    }
    for index in model.ids.indices.sorted(by: { model.ids[$0] < model.ids[$1] }) {
      output.append(Base64.encoded(model.pieces[index]))
      output.append(" \(model.ids[index])\n")
    }
  }

  static func model(_ source: ModelSource) throws(StreamError) -> BytePairModel {
    var pieces = PieceList()
    var ids: [Token] = []
    var isSeen: [Bool] = []
    var lineNumber = 0
    var piece = ByteBuffer()
    func read(_ line: UnsafeBufferPointer<UInt8>) throws(StreamError) {
      func failure(_ problem: String) -> StreamError {
        StreamError(.line(source.name, lineNumber), problem)
      }
      guard let space = line.firstIndex(of: 0x20) else { throw failure("no space before a rank") }
      piece.removeAll()
      let text = UnsafeBufferPointer(rebasing: line[..<space])
      guard Base64.decode(text, into: &piece), !piece.isEmpty else {
        throw failure("malformed base64")
      }
      let digits = UnsafeBufferPointer(rebasing: line[(space + 1)...])
      guard (1...9).contains(digits.count), digits.allSatisfy({ $0 &- 0x30 < 10 }) else {
        throw failure("malformed rank")
      }
      let id = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
      // Larger ones are out of range for any engine.
      if id <= max(1 << 20, source.bytes.count) {
        while isSeen.count <= id { isSeen.append(contentsOf: repeatElement(false, count: 1 << 16)) }
        guard !isSeen[id] else { throw failure("rank \(id) stands twice") }
        isSeen[id] = true
      }
      pieces.append(piece)
      ids.append(Token(id))
    }
    try source.bytes.withUnsafeBufferPointer { (bytes) throws(StreamError) in
      var start = 0
      while start < bytes.count {
        var end = start
        while end < bytes.count, bytes[end] != 0x0A { end += 1 }
        let isMarked = end > start && bytes[end - 1] == 0x0D
        let line = UnsafeBufferPointer(rebasing: bytes[start..<(isMarked ? end - 1 : end)])
        lineNumber += 1
        if !line.isEmpty { try read(line) }
        start = end + 1
      }
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
}
