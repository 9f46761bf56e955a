// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// A regular expression as a tree.
indirect enum Expression: Sendable {
  enum Greed: Sendable { case greedy, lazy, possessive }

  case set(CharacterSet)
  case sequence([Expression])
  case alternatives([Expression])
  /// - maximum: nothing for no limit.
  case repetition(Expression, minimum: Int, maximum: Int?, Greed)
  /// What follows does, or does not, match.
  case lookahead(Expression, isNegated: Bool)
  /// The character before is, or is not, in the set.
  case lookbehind(CharacterSet, isNegated: Bool)
  case beginning
  case end
  case lineBeginning
  case lineEnd
  case wordBoundary(isNegated: Bool)
}

/// Reads the part of Oniguruma's syntax that tokeniser files use; the rest is refused by name.
///
/// Literals, classes with `&&`, `\p{..}`, `\s \d \w`, groups, `(?i:..)`, alternatives, greedy, lazy and
/// possessive repetition (possessive of a single class), look-ahead, look-behind of one character.
struct ExpressionParser {
  private let scalars: [UInt32]
  private var index = 0
  private var foldsCase = false

  /// - Throws: `StreamError` without a place, with what is not understood.
  static func parse(_ text: String) throws(StreamError) -> Expression {
    var parser = ExpressionParser(text)
    let expression = try parser.alternatives()
    guard parser.index == parser.scalars.count else { throw parser.refusal("an unopened ')'") }
    return expression
  }

  private init(_ text: String) { scalars = text.unicodeScalars.map(\.value) }

  private func refusal(_ what: String) -> StreamError {
    StreamError(
      .none, "the pattern holds \(what) at its character \(index + 1)",
      advice: "patterns of classes, groups, repetitions and look-ahead are read")
  }

  private var next: UInt32? { index < scalars.count ? scalars[index] : nil }

  private func starts(with text: String) -> Bool {
    scalars[index...].starts(with: text.unicodeScalars.map(\.value))
  }

  private mutating func takes(_ text: String) -> Bool {
    guard starts(with: text) else { return false }
    index += text.unicodeScalars.count
    return true
  }

  private mutating func alternatives() throws(StreamError) -> Expression {
    let folded = foldsCase
    var branches = [try sequence()]
    while takes("|") { branches.append(try sequence()) }
    foldsCase = folded
    return branches.count == 1 ? branches[0] : .alternatives(branches)
  }

  private mutating func sequence() throws(StreamError) -> Expression {
    var parts: [Expression] = []
    while let scalar = next, scalar != 0x7C, scalar != 0x29 {
      if takes("(?i)") {
        foldsCase = true
        continue
      }
      let atom = try atom()
      parts.append(try repeated(atom))
    }
    return parts.count == 1 ? parts[0] : .sequence(parts)
  }

  private mutating func repeated(_ atom: Expression) throws(StreamError) -> Expression {
    var result = atom
    while true {
      let minimum: Int
      let maximum: Int?
      var isInterval = false
      if takes("?") {
        (minimum, maximum) = (0, 1)
      } else if takes("*") {
        (minimum, maximum) = (0, nil)
      } else if takes("+") {
        (minimum, maximum) = (1, nil)
      } else if let bounds = try interval() {
        (minimum, maximum) = bounds
        isInterval = true
      } else {
        return result
      }
      var greed = Expression.Greed.greedy
      if takes("?") {
        greed = .lazy
      } else if takes("+") {
        // In Oniguruma's syntax {n,m}+ is no possessive interval: it repeats the repetition.
        if isInterval {
          index -= 1
        } else {
          greed = .possessive
        }
      }
      if greed == .possessive {
        guard case .set = result else { throw refusal("a possessive repetition of a group") }
      }
      guard minimum <= 1000, maximum ?? 0 <= 1000 else { throw refusal("a repetition above 1000") }
      result = .repetition(result, minimum: minimum, maximum: maximum, greed)
    }
  }

  /// `{n}`, `{n,}`, `{,m}`, `{n,m}`; other braces are literal.
  private mutating func interval() throws(StreamError) -> (Int, Int?)? {
    guard next == 0x7B else { return nil }
    let start = index
    index += 1
    let low = digits()
    var high = low
    if takes(",") { high = digits() }
    guard takes("}"), low != nil || high != nil else {
      index = start
      return nil
    }
    if let low, let high, high < low { throw refusal("an interval that ends before it begins") }
    return (low ?? 0, high)
  }

  private mutating func digits() -> Int? {
    var value: Int?
    while let scalar = next, (0x30...0x39).contains(scalar), value ?? 0 < 100_000 {
      value = (value ?? 0) * 10 + Int(scalar - 0x30)
      index += 1
    }
    return value
  }

  private mutating func atom() throws(StreamError) -> Expression {
    if takes("(") { return try group() }
    if takes("[") { return .set(try characterClass()) }
    if takes(".") { return .set(.anyButNewline) }
    if takes("^") { return .lineBeginning }
    if takes("$") { return .lineEnd }
    if takes("\\A") { return .beginning }
    if takes("\\z") { return .end }
    if takes("\\b") { return .wordBoundary(isNegated: false) }
    if takes("\\B") { return .wordBoundary(isNegated: true) }
    if let scalar = next, "?*+".unicodeScalars.contains(where: { $0.value == scalar }) {
      throw refusal("a repetition of nothing")
    }
    return .set(try folded(escapeOrLiteral()))
  }

  private func folded(_ set: CharacterSet) -> CharacterSet { foldsCase ? set.foldingCase() : set }

  private mutating func group() throws(StreamError) -> Expression {
    let outer = foldsCase
    defer { foldsCase = outer }
    func closed(_ expression: Expression, _ parser: inout ExpressionParser) throws(StreamError)
      -> Expression
    {
      guard parser.takes(")") else { throw parser.refusal("an unclosed '('") }
      return expression
    }
    if takes("?=") { return try closed(.lookahead(alternatives(), isNegated: false), &self) }
    if takes("?!") { return try closed(.lookahead(alternatives(), isNegated: true), &self) }
    for (mark, isNegated) in [("?<=", false), ("?<!", true)] where takes(mark) {
      guard let set = ExpressionParser.singleSet(try alternatives()) else {
        throw refusal("a look-behind of more than one character")
      }
      return try closed(.lookbehind(set, isNegated: isNegated), &self)
    }
    if takes("?i:") {
      foldsCase = true
    } else if takes("?-i:") {
      foldsCase = false
    } else if !takes("?:"), next == 0x3F {
      throw refusal("a group of an unknown kind")
    }
    return try closed(alternatives(), &self)
  }

  /// The one set that an expression is, if it is one.
  private static func singleSet(_ expression: Expression) -> CharacterSet? {
    switch expression {
    case .set(let set): return set
    case .alternatives(let branches):
      let sets = branches.map(singleSet)
      return sets.contains { $0 == nil } ? nil : .union(sets.map { $0! })
    default: return nil
    }
  }

  /// What stands between brackets; the opening one is behind.
  private mutating func characterClass() throws(StreamError) -> CharacterSet {
    let isNegated = takes("^")
    var conjuncts: [CharacterSet] = []
    var members: [CharacterSet] = []
    var isFirst = true
    while true {
      guard let scalar = next else { throw refusal("an unclosed '['") }
      if scalar == 0x5D, !isFirst {
        index += 1
        break
      }
      if takes("&&") {
        conjuncts.append(.union(members))
        members = []
      } else if starts(with: "[:") {
        throw refusal("a bracket class")
      } else if takes("[") {
        members.append(try characterClass())
      } else {
        members.append(try classMember())
      }
      isFirst = false
    }
    conjuncts.append(.union(members))
    let set = folded(conjuncts.count == 1 ? conjuncts[0] : .intersection(conjuncts))
    return isNegated ? .complement(set) : set
  }

  private mutating func classMember() throws(StreamError) -> CharacterSet {
    let first = try escapeOrLiteral()
    guard next == 0x2D, index + 1 < scalars.count, scalars[index + 1] != 0x5D,
      case .ranges(let low) = first, low.count == 1, low[0].count == 1
    else { return first }
    index += 1
    guard case .ranges(let high) = try escapeOrLiteral(), high.count == 1, high[0].count == 1,
      low[0].lowerBound <= high[0].lowerBound
    else { throw refusal("a malformed range") }
    return .ranges([low[0].lowerBound...high[0].lowerBound])
  }

  private mutating func escapeOrLiteral() throws(StreamError) -> CharacterSet {
    let scalar = scalars[index]
    index += 1
    guard scalar == 0x5C else { return .ranges([scalar...scalar]) }
    guard let letter = next else { throw refusal("a lone '\\'") }
    index += 1
    func single(_ value: UInt32) -> CharacterSet { .ranges([value...value]) }
    switch UnicodeScalar(letter)! {
    case "s": return .whitespace
    case "S": return .complement(.whitespace)
    case "d": return .digit
    case "D": return .complement(.digit)
    case "w": return .word
    case "W": return .complement(.word)
    case "n": return single(0x0A)
    case "r": return single(0x0D)
    case "t": return single(0x09)
    case "f": return single(0x0C)
    case "v": return single(0x0B)
    case "p", "P":
      let isNegated = (letter == 0x50) != starts(with: "{^")
      let set = try property()
      return isNegated ? .complement(set) : set
    case "u", "x": return single(try hexadecimal(isLong: letter == 0x75))
    default:
      if UnicodeScalar(letter)!.properties.isAlphabetic || (0x30...0x39).contains(letter) {
        index -= 2
        throw refusal("'\\\(UnicodeScalar(letter)!)'")
      }
      return single(letter)
    }
  }

  private mutating func property() throws(StreamError) -> CharacterSet {
    guard takes("{") else { throw refusal("a property without braces") }
    _ = takes("^")
    var name = ""
    while let scalar = next, scalar != 0x7D {
      name.unicodeScalars.append(UnicodeScalar(scalar)!)
      index += 1
    }
    guard takes("}"), let set = CharacterSet.category(name) ?? UnicodeScripts.set(named: name)
    else {
      throw refusal("the property '\(name)'")
    }
    return set
  }

  private mutating func hexadecimal(isLong: Bool) throws(StreamError) -> UInt32 {
    let isBraced = takes("{")
    var value: UInt32 = 0
    var count = 0
    while let scalar = next, count < (isBraced ? 6 : isLong ? 4 : 2),
      let digit = UnicodeScalar(scalar).flatMap({ Character($0).hexDigitValue })
    {
      value = value << 4 | UInt32(digit)
      count += 1
      index += 1
    }
    guard count > 0, !isBraced || takes("}"), UnicodeScalar(value) != nil else {
      throw refusal("a malformed escape")
    }
    return value
  }
}
