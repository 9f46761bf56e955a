// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// What goes before and after the tokens of a text, where it is asked for: `[CLS] ... [SEP]`.
///
/// Of templates the part for a single text is built; offsets of tokens are not trimmed.
public struct PostProcessor: Sendable {
  /// As the file says it.
  var source: JSONValue
  var before: [Token] = []
  var after: [Token] = []

  static let none = PostProcessor(source: .null)

  private init(source: JSONValue) { self.source = source }

  /// - Throws: `StreamError` without a place for a component that is not built.
  init(_ source: JSONValue, path: String) throws(StreamError) {
    self.source = source
    func failure(_ problem: String) -> StreamError { StreamError(.none, "\(path): \(problem)") }
    func id(_ key: String) throws(StreamError) -> Token {
      guard let number = source[key]?.array?.last?.number, let token = Token(exactly: number) else {
        throw failure("no id of '\(key)'")
      }
      return token
    }
    if source.isNull { return }
    switch source["type"]?.string {
    case "ByteLevel": break
    case "BertProcessing", "RobertaProcessing": (before, after) = ([try id("cls")], [try id("sep")])
    case "TemplateProcessing":
      var isBefore = true
      for item in source["single"]?.array ?? [] {
        if item["Sequence"] != nil {
          guard isBefore else { throw failure("a template of two texts") }
          isBefore = false
        } else {
          let name = item["SpecialToken"]?["id"]?.string ?? ""
          guard let ids = source["special_tokens"]?[name]?["ids"]?.array else {
            throw failure("no ids of '\(name)'")
          }
          let tokens = ids.compactMap { $0.number.flatMap { Token(exactly: $0) } }
          if isBefore { before += tokens } else { after += tokens }
        }
      }
    case "Sequence":
      for (index, part) in (source["processors"]?.array ?? []).enumerated() {
        let inner = try PostProcessor(part, path: "\(path)[\(index)]")
        before = inner.before + before
        after += inner.after
      }
    case let type: throw failure("'\(type ?? "no type")' is not built")
    }
  }

  /// A template of tokens before and after a text.
  init(before: [(String, Int)], after: [(String, Int)]) {
    func item(_ name: String) -> JSONValue {
      .object([("SpecialToken", .object([("id", .string(name)), ("type_id", .number(0))]))])
    }
    func text(_ name: String) -> JSONValue {
      .object([("Sequence", .object([("id", .string(name)), ("type_id", .number(0))]))])
    }
    let single = before.map { item($0.0) } + [text("A")] + after.map { item($0.0) }
    source = .object([
      ("type", .string("TemplateProcessing")), ("single", .array(single)),
      ("pair", .array([text("A"), text("B")])),
      (
        "special_tokens",
        .object(
          (before + after).map { name, id in
            (
              name,
              .object([
                ("id", .string(name)), ("ids", .array([.number(Double(id))])),
                ("tokens", .array([.string(name)])),
              ])
            )
          })
      ),
    ])
    self.before = before.map { Token($0.1) }
    self.after = after.map { Token($0.1) }
  }
}
