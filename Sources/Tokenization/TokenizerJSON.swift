// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Byte-pair models in Hugging Face's `tokenizer.json`, and in `vocab.json` with its merges.
public enum TokenizerJSON: TokenizerFormat {
  public static func recognises(_ source: ModelSource) -> Bool {
    source.bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 } == 0x7B
  }

  public static func open(_ source: ModelSource) throws(StreamError) -> any Tokenizer {
    let file = try parse(source)
    guard let model = try model(file, source) else {
      throw StreamError(
        .file(source.name), "needs components that are not built: \(file.modelType)",
        advice: "byte-pair models with a byte-level, word or no pre-tokenizer are read")
    }
    do {
      return try BytePairTokenizer(model, allowsSpecialTokens: source.allowsSpecialTokens)
    } catch { throw StreamError(.file(source.name), error.problem, advice: error.advice) }
  }

  /// The file, or the vocabulary with the merges that came with it.
  static func parse(_ source: ModelSource) throws(StreamError) -> TokenizerFile {
    var bytes = ByteBuffer(capacity: source.bytes.count)
    bytes.append(source.bytes)
    guard let merges = source.merges else {
      return try TokenizerFile(parsing: bytes.bytes, name: source.name)
    }
    var file = TokenizerFile(name: source.name)
    var scanner = JSONScanner(bytes.bytes, name: source.name)
    try file.readVocabulary(&scanner)
    try scanner.finish()
    file.modelType = "BPE"
    file.preTokenizer = .object([("type", .string("ByteLevel"))])
    file.merges = try MergesFile.halves(merges)
    return file
  }

  /// The byte-pair model in a file; nothing when the file needs what this engine does not do.
  static func model(
    _ file: TokenizerFile, _ source: ModelSource
  ) throws(StreamError) -> BytePairModel? {
    guard file.modelType == "BPE", file.normalizer.isNull, file["byte_fallback"]?.boolean != true,
      file["continuing_subword_prefix"]?.string ?? "" == "",
      let split = Split(file.preTokenizer)
    else { return nil }
    var model = BytePairModel(
      level: split.isByteLevel ? .byte : .character, pattern: source.pattern ?? split.pattern)
    model.addsPrefixSpace = split.addsPrefixSpace
    model.ignoresMerges = file["ignore_merges"]?.boolean ?? false
    model.fusesUnknown = file["fuse_unk"]?.boolean ?? false
    model.wordEnd = Array((file["end_of_word_suffix"]?.string ?? "").utf8)
    try addPieces(of: file, to: &model)
    if let unknown = file["unk_token"]?.string {
      model.unknown = id(of: Array(unknown.utf8), in: model)
    }
    return model
  }

  private static func id(of content: [UInt8], in model: BytePairModel) -> Token? {
    if let added = model.addedTokens.first(where: { $0.content == content }) {
      return Token(added.id)
    }
    let index = (0..<model.pieces.count).first { model.pieces[$0].elementsEqual(content) }
    return index.map { model.ids[$0] }
  }

  /// Pieces, ids and merges. Added tokens stand in the vocabulary too, as text and not as bytes.
  private static func addPieces(
    of file: TokenizerFile, to model: inout BytePairModel
  ) throws(StreamError) {
    model.addedTokens = file.addedTokens
    let addedIDs = Set(file.addedTokens.map(\.id))
    var seen: Set<Int> = []
    var table = PieceTable()
    var bytes = ByteBuffer()
    for (index, id) in file.ids.enumerated() {
      guard seen.insert(id).inserted else {
        throw StreamError(.file(file.name), "id \(id) stands twice in the vocabulary")
      }
      bytes.removeAll()
      let isBytes = file.pieces.withPiece(at: index) { piece in
        if model.level == .byte { return ByteLevelAlphabet.appendBytes(of: piece, to: &bytes) }
        bytes.append(piece)
        return true
      }
      if !isBytes || (addedIDs.contains(id) && model.level == .byte) {
        if isBytes || addedIDs.contains(id) { continue }
        let piece = String(decoding: file.pieces[index], as: UTF8.self)
        throw StreamError(.file(file.name), "the piece '\(piece)' is not written as bytes are")
      }
      guard Int(table.insert(bytes.bytes)) == model.ids.count else {
        throw StreamError(
          .file(file.name), "the piece of id \(id) stands twice in the vocabulary")
      }
      model.pieces.append(bytes)
      model.ids.append(Token(id))
    }
    try addMerges(of: file, table, to: &model)
  }

  private static func addMerges(
    of file: TokenizerFile, _ table: borrowing PieceTable, to model: inout BytePairModel
  ) throws(StreamError) {
    var bytes = ByteBuffer()
    model.merges.reserveCapacity(file.merges.count / 2)
    for index in 0..<file.merges.count / 2 {
      bytes.removeAll()
      var middle = 0
      for half in 0..<2 {
        file.merges.withPiece(at: 2 * index + half) { piece in
          if model.level == .byte {
            _ = ByteLevelAlphabet.appendBytes(of: piece, to: &bytes)
          } else {
            bytes.append(piece)
          }
        }
        if half == 0 { middle = bytes.count }
      }
      guard middle > 0, middle < bytes.count,
        let left = table.find(UnsafeBufferPointer(rebasing: bytes.bytes[..<middle])),
        let right = table.find(UnsafeBufferPointer(rebasing: bytes.bytes[middle...])),
        let result = table.find(bytes.bytes)
      else {
        let names = [file.merges[2 * index], file.merges[2 * index + 1]]
          .map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
        throw StreamError(
          .file(file.name), "merge \(index + 1), '\(names)', names a piece not in the vocabulary")
      }
      model.merges.append(
        BytePairModel.Merge(
          left: model.ids[Int(left)], right: model.ids[Int(right)],
          result: model.ids[Int(result)]))
    }
  }
}

/// The pre-tokenizers that the split patterns stand for.
private struct Split {
  var isByteLevel = false
  var pattern = SplitPattern.none
  var addsPrefixSpace = false

  init?(_ component: JSONValue) {
    if component.isNull { return }
    let parts =
      component["type"]?.string == "Sequence"
      ? component["pretokenizers"]?.array ?? [] : [component]
    for part in parts {
      switch part["type"]?.string {
      case "ByteLevel":
        isByteLevel = true
        addsPrefixSpace = part["add_prefix_space"]?.boolean ?? false
        if part["use_regex"]?.boolean ?? true {
          guard pattern == .none else { return nil }
          pattern = .gpt2
        }
      case "WhitespaceSplit":
        guard pattern == .none else { return nil }
        pattern = .whitespace
      case "Split":
        guard pattern == .none, let regex = part["pattern"]?["Regex"]?.string,
          let known = SplitPattern.allCases.first(where: { $0.regularExpressions.contains(regex) })
        else { return nil }
        pattern = known
      default: return nil
      }
    }
  }
}
