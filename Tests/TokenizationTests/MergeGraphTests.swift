// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import CTextClasses
import TestSupport
import Testing
import TokenStreams
import Tokenization

/// Merging as it is defined: look for the best pair, merge its first occurrence, begin again.
private func slowlyMerged(_ text: [UInt8], _ model: BytePairModel) -> [Token] {
  var spellings: [[UInt8]: Token] = [:]
  for index in 0..<model.pieces.count { spellings[Array(model.pieces[index])] = model.ids[index] }
  var ranks: [[Token]: (rank: Int, result: Token)] = [:]
  for (rank, merge) in model.merges.enumerated() {
    ranks[[merge.left, merge.right]] = (rank, merge.result)
  }
  var bytes = text.map { [$0] }
  func merge(_ index: Int) -> (rank: Int, result: Token)? {
    guard model.order == .ranks else {
      return ranks[[spellings[bytes[index]]!, spellings[bytes[index + 1]]!]]
    }
    return spellings[bytes[index] + bytes[index + 1]].map { (Int($0), $0) }
  }
  while true {
    let found = bytes.indices.dropLast()
      .compactMap { index in merge(index).map { ($0.rank, index) } }.min { $0 < $1 }
    guard let (_, index) = found else { return bytes.map { spellings[$0]! } }
    bytes[index] += bytes[index + 1]
    bytes.remove(at: index + 1)
  }
}

extension BytePairModel {
  /// Adds a piece with the next id.
  fileprivate mutating func append(_ piece: [UInt8]) {
    ids.append(Token(ids.count))
    pieces.append(piece)
  }
}

/// All bytes and some longer pieces over few letters, so that merges get in one another's way.
private func randomModel(
  _ order: BytePairModel.Order, _ generator: inout SeededGenerator
) -> BytePairModel {
  var model = BytePairModel(level: .byte, pattern: .none)
  model.order = order
  var ids: [[UInt8]: Token] = [:]
  func add(_ piece: [UInt8]) {
    ids[piece] = Token(model.ids.count)
    model.append(piece)
  }
  for byte in UInt8.min...UInt8.max { add([byte]) }
  var made = Array(UInt8(ascii: "a")...UInt8(ascii: "c")).map { [$0] }
  for _ in 0..<Int.random(in: 1...30, using: &generator) {
    let left = made.randomElement(using: &generator)!
    let right = made.randomElement(using: &generator)!
    let piece = left + right
    if ids[piece] == nil {
      add(piece)
      made.append(piece)
    } else if order == .ranks {
      continue
    }
    // A list may make a piece in more than one way, and name a pair twice.
    model.merges.append(
      BytePairModel.Merge(left: ids[left]!, right: ids[right]!, result: ids[piece]!))
  }
  if order == .ranks { model.merges = [] }
  return model
}

@Test(arguments: [BytePairModel.Order.merges, .ranks])
func `the graph and merging one by one give the same tokens`(order: BytePairModel.Order) throws {
  var generator = SeededGenerator(seed: 11)
  var graphCount = 0
  for round in 0..<400 {
    let model = randomModel(order, &generator)
    let graph = model.mergeGraph()
    let backtracking = graph.map { BacktrackingEncoder($0) }
    graphCount += graph == nil ? 0 : 1
    let merging = try BytePairTokenizer(model).makeEncoder()
    for _ in 0..<5 {
      // Some are too long for scanning; letters that no piece joins cut all of them.
      let longest = round % 10 == 0 ? 160 : 60
      let text = (0..<Int.random(in: 0...longest, using: &generator)).map { _ in
        UInt8.random(in: UInt8(ascii: "a")...UInt8(ascii: "d"), using: &generator)
      }
      let expected = slowlyMerged(text, model)
      var tokens: [Token] = []
      var merged = TokenList()
      text.withUnsafeBufferPointer { text in
        backtracking?.encode(text) { number, start in
          tokens.append(graph!.tokens[Int(number)])
        }
        merging.encode(text, into: &merged)
      }
      if graph != nil {
        try #require(tokens == expected, "round \(round): \(String(decoding: text, as: UTF8.self))")
      }
      try #require(Array(merged.tokens) == expected, "round \(round)")
    }
  }
  // Most models have a graph: what is compared above is not only merging.
  #expect(graphCount >= 200)
}

@Test func `a merge that waits for a later one has no graph, one that never comes does no harm`() {
  var model = BytePairModel(level: .byte, pattern: .none)
  model.order = .merges
  for byte in UInt8.min...UInt8.max { model.append([byte]) }
  let (a, b, c) = (Token(0x61), Token(0x62), Token(0x63))
  model.append(Array("abc".utf8))
  model.append(Array("ab".utf8))
  let late = BytePairModel.Merge(left: 257, right: c, result: 256)
  let part = BytePairModel.Merge(left: a, right: b, result: 257)
  model.merges = [late, part]
  #expect(model.mergeGraph() == nil)
  #expect(slowlyMerged(Array("abcab".utf8), model) == [256, 257])
  model.merges = [part, late]
  #expect(model.mergeGraph() != nil)
  model.merges = [late]
  #expect(model.mergeGraph() != nil)
}

@Test func `a long text takes the graph and keeps its tokens`() throws {
  var generator = SeededGenerator(seed: 12)
  var model = randomModel(.merges, &generator)
  func hasPair(_ pair: [UInt8]) -> Bool {
    (0..<model.pieces.count).contains { model.pieces[$0].contains(bytes: pair) }
  }
  // One without a place where the text could be cut.
  let letters = Array(UInt8(ascii: "a")...UInt8(ascii: "c"))
  while !letters.allSatisfy({ a in letters.allSatisfy { hasPair([a, $0]) } }) {
    model = randomModel(.merges, &generator)
  }
  // Long enough for the graph to be made at once; shorter pieces by themselves are merged.
  let text = (0..<1 << 19).map { _ in
    UInt8.random(in: UInt8(ascii: "a")...UInt8(ascii: "c"), using: &generator)
  }
  let encoder = try BytePairTokenizer(model).makeEncoder()
  var first = TokenList()
  var second = TokenList()
  text.withUnsafeBufferPointer {
    encoder.encode($0, into: &first)
    encoder.encode(UnsafeBufferPointer(rebasing: $0[..<4000]), into: &second)
  }
  #expect(Array(second.tokens.dropLast(40)) == Array(first.tokens.prefix(second.count - 40)))
  #expect(
    slowlyMerged(Array(text[..<1000]), model).dropLast(20).elementsEqual(
      first.tokens.prefix(
        slowlyMerged(Array(text[..<1000]), model).count - 20)))
}

@Test func `classes of bytes are those of the slow way, on every machine`() {
  var generator = SeededGenerator(seed: 13)
  for _ in 0..<500 {
    let bytes = (0..<64).map { _ in
      Bool.random(using: &generator)
        ? UInt8.random(in: 0...255, using: &generator)
        : Array("aZ09 '\n\r\t@[`{/:.,<\\\u{1}\u{1F}\u{7F}".utf8).randomElement(using: &generator)!
    }
    var fast = text_classes()
    var portable = text_classes()
    classify_text(bytes, &fast)
    classify_text_portably(bytes, &portable)
    func bits(_ isMember: (UInt8) -> Bool) -> UInt64 {
      bytes.enumerated().reduce(0) { $0 | (isMember($1.element) ? 1 << UInt64($1.offset) : 0) }
    }
    func scalar(_ byte: UInt8) -> Unicode.Scalar { Unicode.Scalar(byte) }
    for found in [fast, portable] {
      #expect(found.letters == bits { $0 < 0x80 && scalar($0).properties.isAlphabetic })
      #expect(found.capitals == bits { $0 < 0x80 && scalar($0).properties.isUppercase })
      #expect(found.digits == bits { (0x30...0x39).contains($0) })
      #expect(found.white == bits { $0 < 0x80 && scalar($0).properties.isWhitespace })
      #expect(found.blanks == bits { $0 == 0x20 })
      #expect(found.breaks == bits { $0 == 0x0A || $0 == 0x0D })
      #expect(found.apostrophes == bits { $0 == 0x27 })
      #expect(found.points == bits { $0 == 0x2C || $0 == 0x2E })
      #expect(found.angles == bits { $0 == 0x3C })
      let white: Set<UInt8> = [9, 10, 11, 12, 13]
      #expect(
        found.escaped == bits { $0 < 0x20 && !white.contains($0) || $0 == 0x5C || $0 == 0x7F })
      #expect(found.wide == bits { $0 >= 0x80 })
    }
  }
}
