// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

// Components as `tokenizer.json` writes them.

private func component(_ type: String, _ members: [(key: String, value: JSONValue)] = [])
  -> JSONValue
{
  .object([("type", .string(type))] + members)
}

private func text(_ bytes: [UInt8]) -> JSONValue { .string(String(decoding: bytes, as: UTF8.self)) }

/// A sequence, its only part, or null.
private func joined(_ type: String, _ parts: [JSONValue]) -> JSONValue {
  let parts = parts.filter { !$0.isNull }
  return parts.count > 1 ? component("Sequence", [(type, .array(parts))]) : parts.first ?? .null
}

extension TextPattern {
  var json: JSONValue {
    switch kind {
    case .literal(let literal): .object([("String", text(literal))])
    case .expression(let expression): .object([("Regex", .string(expression))])
    }
  }
}

extension Normalizer {
  var json: JSONValue {
    switch self {
    case .sequence(let parts): return joined("normalizers", parts.map(\.json))
    case .bert(let preparation):
      return component(
        "BertNormalizer",
        [
          ("clean_text", .boolean(preparation.cleansText)),
          ("handle_chinese_chars", .boolean(preparation.separatesIdeographs)),
          ("strip_accents", .boolean(preparation.stripsAccents)),
          ("lowercase", .boolean(preparation.lowercases)),
        ])
    case .form(let form): return component(form.rawValue)
    case .lowercase: return component("Lowercase")
    case .stripAccents: return component("StripAccents")
    case .nmt: return component("Nmt")
    case .byteLevel: return component("ByteLevel")
    case .strip(let left, let right):
      return component("Strip", [("strip_left", .boolean(left)), ("strip_right", .boolean(right))])
    case .prepend(let prefix): return component("Prepend", [("prepend", text(prefix))])
    case .replace(let pattern, let content):
      return component("Replace", [("pattern", pattern.json), ("content", text(content))])
    case .precompiled(let map):
      return component("Precompiled", [("precompiled_charsmap", text(Base64.encoded(map.file)))])
    case .sentencePiece(let rules): return rules.asComponents.json
    }
  }
}

extension SentencePieceRules {
  /// The nearest that `tokenizers` has: its map works by grapheme, and user-defined pieces are added
  /// tokens there.
  var asComponents: Normalizer {
    var parts: [Normalizer] = []
    if let map { parts.append(.precompiled(map)) }
    if removesExtraWhitespace {
      parts.append(.strip(left: true, right: true))
      if let pattern = try? TextPattern(expression: " {2,}") {
        parts.append(.replace(pattern, [0x20]))
      }
    }
    return .sequence(parts)
  }
}

extension PreTokenizer {
  var json: JSONValue {
    switch self {
    case .sequence(let parts): joined("pretokenizers", parts.map(\.json))
    case .byteLevel(let addsPrefixSpace, let usesPattern):
      component(
        "ByteLevel",
        [
          ("add_prefix_space", .boolean(addsPrefixSpace)), ("trim_offsets", .boolean(true)),
          ("use_regex", .boolean(usesPattern)),
        ])
    case .metaspace(let mark, let scheme, let splits):
      component(
        "Metaspace",
        [
          ("replacement", text(mark)), ("prepend_scheme", .string(scheme.rawValue)),
          ("split", .boolean(splits)),
        ])
    case .bert: component("BertPreTokenizer")
    case .split(let pattern, let behavior, let inverts):
      component(
        "Split",
        [
          ("pattern", pattern.json), ("behavior", .string(behavior.rawValue)),
          ("invert", .boolean(inverts)),
        ])
    case .whitespace: component("Whitespace")
    case .whitespaceSplit: component("WhitespaceSplit")
    case .digits(let individually):
      component("Digits", [("individual_digits", .boolean(individually))])
    case .punctuation(let behavior):
      component("Punctuation", [("behavior", .string(behavior.rawValue))])
    case .delimiter(let delimiter):
      component("CharDelimiterSplit", [("delimiter", text(delimiter.utf8))])
    case .unicodeScripts: component("UnicodeScripts")
    case .fixedLength(let length): component("FixedLength", [("length", .number(Double(length)))])
    }
  }
}

extension PieceDecoder {
  var json: JSONValue {
    switch self {
    case .sequence(let parts): joined("decoders", parts.map(\.json))
    case .byteLevel:
      component(
        "ByteLevel",
        [
          ("add_prefix_space", .boolean(true)), ("trim_offsets", .boolean(true)),
          ("use_regex", .boolean(true)),
        ])
    case .wordPiece(let prefix, let cleansUp):
      component("WordPiece", [("prefix", text(prefix)), ("cleanup", .boolean(cleansUp))])
    case .bpe(let suffix): component("BPEDecoder", [("suffix", text(suffix))])
    case .metaspace(let mark, let scheme):
      component(
        "Metaspace",
        [
          ("replacement", text(mark)), ("prepend_scheme", .string(scheme.rawValue)),
          ("split", .boolean(true)),
        ])
    case .replace(let old, let new):
      component(
        "Replace", [("pattern", .object([("String", text(old))])), ("content", text(new))])
    case .byteFallback: component("ByteFallback")
    case .fuse: component("Fuse")
    case .strip(let start):
      component(
        "Strip",
        [("content", .string(" ")), ("start", .number(Double(start))), ("stop", .number(0))])
    }
  }
}
