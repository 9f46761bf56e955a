// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// What a normaliser replaces or a pre-tokeniser cuts at: a literal text or a regular expression.
public struct TextPattern: Sendable, Equatable {
  enum Kind: Sendable, Equatable {
    case literal([UInt8])
    case expression(String)
  }

  let kind: Kind
  private let program: PatternProgram?

  /// Exactly this text.
  public init(literal: [UInt8]) {
    kind = .literal(literal)
    program = nil
  }

  /// - Throws: `StreamError` without a place when the expression holds what is not built.
  public init(expression: String) throws(StreamError) {
    kind = .expression(expression)
    program = try PatternProgram(ExpressionParser.parse(expression))
  }

  /// One of the expressions that are known to be built.
  init(known expression: String) {
    do { try self.init(expression: expression) } catch { preconditionFailure("\(error)") }
  }

  public static func == (a: TextPattern, b: TextPattern) -> Bool { a.kind == b.kind }

  /// Calls `body` with each match, the leftmost first; an empty one only where no other has just ended.
  public func forEachMatch(
    in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void
  ) {
    var index = 0
    var last = -1
    var machine = PatternProgram.Machine()
    while index < text.count {
      if let end = end(of: text, at: index, &machine), end > index || index != last {
        body(index..<end)
        last = end
        if end > index {
          index = end
          continue
        }
      }
      index += scalar(of: text, at: index).length
    }
  }

  private func end(
    of text: UnsafeBufferPointer<UInt8>, at index: Int, _ machine: inout PatternProgram.Machine
  ) -> Int? {
    switch kind {
    case .literal(let literal):
      return text[index...].starts(with: literal) ? index + literal.count : nil
    case .expression: return program!.match(text, at: index, &machine)
    }
  }
}
