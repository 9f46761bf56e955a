// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Reads one component of `tokenizer.json`; what is not built is refused with its place in the file.
struct ComponentReader {
  let source: JSONValue
  /// As in `pre_tokenizer[1]`.
  let path: String

  func failure(_ problem: String) -> StreamError { StreamError(.none, "\(path): \(problem)") }

  private func failure(_ error: StreamError) -> StreamError {
    StreamError(.none, "\(path): \(error.problem)", advice: error.advice)
  }

  private var type: String { source["type"]?.string ?? "" }

  private func flag(_ key: String, _ standard: Bool) -> Bool { source[key]?.boolean ?? standard }

  private func text(_ key: String, _ standard: String = "") -> [UInt8] {
    Array((source[key]?.string ?? standard).utf8)
  }

  private func parts(_ key: String) -> [ComponentReader] {
    (source[key]?.array ?? []).enumerated().map {
      ComponentReader(source: $0.element, path: "\(path)[\($0.offset)]")
    }
  }

  private func pattern() throws(StreamError) -> TextPattern {
    if let literal = source["pattern"]?["String"]?.string {
      return TextPattern(literal: Array(literal.utf8))
    }
    guard let expression = source["pattern"]?["Regex"]?.string else {
      throw failure("no pattern that is a String or a Regex")
    }
    do { return try TextPattern(expression: expression) } catch { throw failure(error) }
  }

  private func choice<Choice: RawRepresentable>(
    _ key: String, _ standard: Choice
  ) throws(StreamError) -> Choice where Choice.RawValue == String {
    guard let name = source[key]?.string else { return standard }
    guard let choice = Choice(rawValue: name) else { throw failure("unknown \(key) '\(name)'") }
    return choice
  }

  func normalizer() throws(StreamError) -> Normalizer {
    if source.isNull { return .none }
    if let form = NormalizationForm(rawValue: type) { return .form(form) }
    switch type {
    case "Sequence":
      var steps: [Normalizer] = []
      for part in parts("normalizers") { steps.append(try part.normalizer()) }
      return .sequence(steps)
    case "BertNormalizer":
      var preparation = BertPreparation()
      preparation.cleansText = flag("clean_text", true)
      preparation.separatesIdeographs = flag("handle_chinese_chars", true)
      preparation.lowercases = flag("lowercase", true)
      preparation.stripsAccents = flag("strip_accents", preparation.lowercases)
      return .bert(preparation)
    case "Lowercase": return .lowercase
    case "StripAccents": return .stripAccents
    case "Nmt": return .nmt
    case "ByteLevel": return .byteLevel
    case "Strip": return .strip(left: flag("strip_left", true), right: flag("strip_right", true))
    case "Prepend": return .prepend(text("prepend"))
    case "Replace": return .replace(try pattern(), text("content"))
    case "Precompiled":
      guard let bytes = Base64.decoded(text("precompiled_charsmap")) else {
        throw failure("malformed base64")
      }
      if bytes.isEmpty { return .none }
      do { return .precompiled(try CharacterMap(bytes, name: "")) } catch { throw failure(error) }
    default: throw failure("the normaliser '\(type)' is not built")
    }
  }

  func preTokenizer() throws(StreamError) -> PreTokenizer {
    if source.isNull { return .none }
    switch type {
    case "Sequence":
      var steps: [PreTokenizer] = []
      for part in parts("pretokenizers") { steps.append(try part.preTokenizer()) }
      return .sequence(steps)
    case "ByteLevel":
      return .byteLevel(
        addsPrefixSpace: flag("add_prefix_space", true), usesPattern: flag("use_regex", true))
    case "Metaspace":
      // Before `prepend_scheme` there was a flag.
      let scheme: PreTokenizer.PrependScheme =
        flag("add_prefix_space", true) ? .always : .never
      return .metaspace(
        replacement: text("replacement", "▁"), try choice("prepend_scheme", scheme),
        splits: flag("split", true))
    case "BertPreTokenizer": return .bert
    case "Split":
      return .split(
        try pattern(), try choice("behavior", .isolated), inverts: flag("invert", false))
    case "Whitespace": return .whitespace
    case "WhitespaceSplit": return .whitespaceSplit
    case "Digits": return .digits(individually: flag("individual_digits", false))
    case "Punctuation": return .punctuation(try choice("behavior", .isolated))
    case "CharDelimiterSplit":
      let delimiter = source["delimiter"]?.string?.unicodeScalars ?? "".unicodeScalars
      guard delimiter.count == 1 else { throw failure("a delimiter is one character") }
      return .delimiter(delimiter.first!.value)
    case "UnicodeScripts": return .unicodeScripts
    case "FixedLength":
      guard let length = source["length"]?.number, length >= 1, length < 1e9 else {
        throw failure("no length")
      }
      return .fixedLength(Int(length))
    default: throw failure("the pre-tokeniser '\(type)' is not built")
    }
  }

  func decoder() throws(StreamError) -> PieceDecoder {
    if source.isNull { return .none }
    switch type {
    case "Sequence":
      var steps: [PieceDecoder] = []
      for part in parts("decoders") { steps.append(try part.decoder()) }
      return .sequence(steps)
    case "ByteLevel": return .byteLevel
    case "WordPiece":
      return .wordPiece(prefix: text("prefix", "##"), cleansUp: flag("cleanup", true))
    case "BPEDecoder": return .bpe(suffix: text("suffix", "</w>"))
    case "Metaspace":
      let scheme: PreTokenizer.PrependScheme = flag("add_prefix_space", true) ? .always : .never
      return .metaspace(
        replacement: text("replacement", "▁"), try choice("prepend_scheme", scheme))
    case "Replace":
      guard case .literal(let literal) = try pattern().kind else {
        throw failure("a decoder that replaces a Regex is not built")
      }
      return .replace(literal, text("content"))
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "Strip":
      let start = source["start"]?.number ?? 0
      guard text("content", " ") == [0x20], start <= 1, source["stop"]?.number ?? 0 == 0 else {
        throw failure("a decoder that strips more than one leading space is not built")
      }
      return .strip(start: Int(start))
    default: throw failure("the decoder '\(type)' is not built")
    }
  }
}
