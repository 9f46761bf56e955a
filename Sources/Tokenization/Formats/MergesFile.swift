// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Merges as lines of two pieces, under a line that says how to use them:
///
///     #version: 0.2 level=character pattern=gpt2 alphabet=bghnpsu
///     u g
///     u n
///
/// Byte-level pieces are written as in GPT-2's `merges.txt`, others as in token streams. Without facts
/// in its first line a file is GPT-2's, or subword-nmt's or fastBPE's codes if it has `</w>`.
public enum MergesFile: TokenizerFormat {
  public static func recognises(_ source: ModelSource) -> Bool {
    if source.begins(with: "#version") { return true }
    // fastBPE: two pieces and a count.
    let fields = source.firstLine.split(separator: 0x20, omittingEmptySubsequences: false)
    return fields.count == 3 && !fields[2].isEmpty && fields[2].allSatisfy { $0 &- 0x30 < 10 }
  }

  public static func read(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    try model(source).file(name: source.name)
  }

  public static func open(_ source: ModelSource) throws(StreamError) -> (any Tokenizer)? {
    try BytePairTokenizer(
      model(source), allowsSpecialTokens: source.options.allowsSpecialTokens)
  }

  /// Appends the file of a model to `output`.
  public static func append(_ model: BytePairModel, to output: inout ByteBuffer) {
    output.append("#version: 0.2 level=\(model.level) pattern=\(model.pattern)")
    if !model.wordEnd.isEmpty {
      output.append(" word-end=")
      output.append(Spelling.spelling(of: model.wordEnd))
    }
    if model.level == .character {
      output.append(" alphabet=")
      let results = Set(model.merges.map(\.result))
      for index in 0..<model.pieces.count where !results.contains(model.ids[index]) {
        let piece = Array(model.pieces[index])
        // A character that ends words stands in the alphabet with its mark.
        output.append(Spelling.spelling(of: piece))
        if !model.wordEnd.isEmpty { output.append(0x2C) }
      }
    }
    output.append(0x0A)
    for merge in model.merges {
      output.append(text(of: merge.left, model))
      output.append(0x20)
      output.append(text(of: merge.right, model))
      output.append(0x0A)
    }
  }

  static func text(of id: Token, _ model: BytePairModel) -> [UInt8] {
    let first = Int(model.ids[0])
    let piece = model.pieces[Int(id) - first]
    return model.level == .byte
      ? ByteLevelAlphabet.text(of: piece) : Spelling.spelling(of: Array(piece))
  }

  /// What the first line says.
  private struct Facts {
    var level: BytePairModel.Level?
    var pattern: SplitPattern?
    var wordEnd: [UInt8] = []
    var alphabet: [[UInt8]] = []
  }

  static func model(_ source: ModelSource) throws(StreamError) -> BytePairModel {
    let lines = try Lines(source)
    let facts = try facts(source)
    let isMarked = lines.pieces.bytes.contains(bytes: Array("</w>".utf8))
    let decoded = isMarked ? nil : ByteLevelAlphabet.decoded(lines.pieces)
    let level = facts.level ?? (decoded != nil ? .byte : .character)
    var model = BytePairModel(
      level: level,
      pattern: source.pattern ?? facts.pattern ?? (isMarked ? .whitespace : .gpt2))
    model.wordEnd = facts.level == nil && isMarked ? Array("</w>".utf8) : facts.wordEnd
    var numbering = PieceNumbering(first: 0)
    var halves: PieceList
    if level == .byte {
      guard let decoded else {
        throw StreamError(.file(source.name), "a piece is not written as bytes are")
      }
      halves = decoded
      for byte in ByteLevelAlphabet.order { _ = numbering.add([byte]) }
    } else {
      halves = PieceList()
      for index in 0..<lines.pieces.count {
        halves.append(Spelling.bytes(of: Array(lines.pieces[index])))
      }
      for character in facts.alphabet { _ = numbering.add(character) }
      if facts.alphabet.isEmpty { addAlphabet(of: halves, model.wordEnd, to: &numbering) }
    }
    for index in 0..<halves.count / 2 {
      func find(_ half: Int) throws(StreamError) -> Token {
        guard let token = halves.withPiece(at: half, { numbering.find($0) }) else {
          let piece = String(decoding: lines.pieces[half], as: UTF8.self)
          throw StreamError(
            .line(source.name, lines.numbers[index]),
            "'\(piece)' is neither in the alphabet nor made by a merge above")
        }
        return token
      }
      let left = try find(2 * index)
      let right = try find(2 * index + 1)
      let result = numbering.id(joining: left, right)
      model.merges.append(BytePairModel.Merge(left: left, right: right, result: result))
    }
    model.setPieces(numbering)
    return model
  }

  /// The pieces of all lines as the file writes them, two a merge.
  static func halves(_ source: [UInt8]) throws(StreamError) -> PieceList {
    try Lines(ModelSource(name: "merges", bytes: source)).pieces
  }

  /// Codes do not list their alphabet: it is what no merge makes.
  private static func addAlphabet(
    of halves: PieceList, _ wordEnd: [UInt8], to numbering: inout PieceNumbering
  ) {
    var made: Set<[UInt8]> = []
    for index in 0..<halves.count / 2 {
      for half in [halves[2 * index], halves[2 * index + 1]] where !made.contains(Array(half)) {
        _ = numbering.add(Array(half))
      }
      made.insert(Array(halves[2 * index] + halves[2 * index + 1]))
    }
  }

  private static func facts(_ source: ModelSource) throws(StreamError) -> Facts {
    var facts = Facts()
    guard source.begins(with: "#version") else { return facts }
    for word in source.firstLine.split(separator: 0x20) {
      guard let mark = word.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let key = String(decoding: word[..<mark], as: UTF8.self)
      let bytes = Array(word[(mark + 1)...])
      let value = String(decoding: bytes, as: UTF8.self)
      func failure() -> StreamError {
        StreamError(.line(source.name, 1), "unknown \(key) '\(value)'")
      }
      switch key {
      case "level":
        guard let level = BytePairModel.Level(rawValue: value) else { throw failure() }
        facts.level = level
      case "pattern":
        guard let pattern = SplitPattern(rawValue: value) else { throw failure() }
        facts.pattern = pattern
      case "word-end": facts.wordEnd = Spelling.bytes(of: bytes)
      case "alphabet": facts.alphabet = characters(of: bytes, facts.wordEnd)
      default: throw failure()
      }
    }
    return facts
  }

  /// The symbols of an alphabet: characters, or with a mark of the word's end, between commas.
  private static func characters(of spelled: [UInt8], _ wordEnd: [UInt8]) -> [[UInt8]] {
    if !wordEnd.isEmpty {
      // A comma that is itself a symbol leaves an empty field before and after it.
      var symbols: [[UInt8]] = []
      var index = 0
      while index < spelled.count {
        let searchStart = spelled[index] == 0x2C ? index + 1 : index
        let end = spelled[searchStart...].firstIndex(of: 0x2C) ?? spelled.count
        symbols.append(Spelling.bytes(of: Array(spelled[index..<end])))
        index = end + 1
      }
      return symbols
    }
    let bytes = Spelling.bytes(of: spelled)
    var symbols: [[UInt8]] = []
    bytes.withUnsafeBufferPointer { bytes in
      Segmentation.characters.forEachPiece(in: bytes) { symbols.append(Array($0)) }
    }
    return symbols
  }

  /// The pieces of all lines, two a line, and the numbers of their lines.
  private struct Lines {
    var pieces = PieceList()
    var numbers: [Int] = []

    init(_ source: ModelSource) throws(StreamError) {
      var number = 0
      for line in source.bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
        number += 1
        var line = line
        if line.last == 0x0D { line.removeLast() }
        if line.isEmpty || (number == 1 && line.starts(with: "#version".utf8)) { continue }
        let fields = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard fields.count == 2 || (fields.count == 3 && fields[2].allSatisfy { $0 &- 0x30 < 10 }),
          !fields[0].isEmpty, !fields[1].isEmpty
        else {
          throw StreamError(
            .line(source.name, number), "a merge is two pieces and a space between them")
        }
        pieces.append(fields[0])
        pieces.append(fields[1])
        numbers.append(number)
      }
    }
  }
}
