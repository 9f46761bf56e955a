// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import LanguageModel
import NGrams
import TestSupport
import Testing
import TokenStreams

/// A back-off model as its definition: a dictionary of n-grams, asked word by word.
private struct SlowBackoff {
  var log10Probabilities: [[String]: Double] = [:]
  var log10Backoffs: [[String]: Double] = [:]

  /// The longest n-gram there gives the probability; the contexts longer than its own, their back-offs.
  func log10Probability(of word: String, after context: [String]) -> Double {
    if let value = log10Probabilities[context + [word]] { return value }
    if context.isEmpty { return log10Probabilities[["<unk>"]]! }
    return (log10Backoffs[context] ?? 0)
      + log10Probability(of: word, after: Array(context.dropFirst()))
  }
}

@Suite struct PackedTrieSearchTests {
  /// A random model with runs from none to hundreds of children, short and long ones, as ARPA text.
  private func randomModel(
    seed: UInt64, wordCount: Int, order: Int
  ) -> (slow: SlowBackoff, text: String) {
    var random = SeededGenerator(seed: seed)
    var slow = SlowBackoff()
    let words = ["<unk>", "</s>"] + (0..<wordCount).map { "w\($0)" }
    func value() -> Double { -Double(Int.random(in: 1...4000, using: &random)) / 1000 }
    var sections: [[[String]]] = [words.map { [$0] } + [["<s>"]]]
    for length in 2...order {
      var section: [[String]] = []
      for context in sections[length - 2] where context.last != "</s>" && context.last != "<unk>" {
        // Closed under suffixes: what follows a context follows its own suffix.
        let candidates = words.dropFirst().filter {
          length == 2 || slow.log10Probabilities[Array(context.dropFirst()) + [$0]] != nil
        }
        let share = [0, 0.02, 0.1, 0.9].randomElement(using: &random)!
        for word in candidates where Double.random(in: 0..<1, using: &random) < share {
          section.append(context + [word])
          slow.log10Probabilities[context + [word]] = value()
        }
      }
      sections.append(section.shuffled(using: &random))
    }
    for words in sections[0] { slow.log10Probabilities[words] = value() }
    var text = "\\data\\\n"
    for (level, section) in sections.enumerated() {
      text += "ngram \(level + 1)=\(section.count)\n"
    }
    for (level, section) in sections.enumerated() {
      text += "\n\\\(level + 1)-grams:\n"
      for words in section {
        // The beginning is never predicted; it is written as 0.
        let shown = words == ["<s>"] ? 0 : slow.log10Probabilities[words]!
        text += "\(ARPANumber.text(shown))\t\(words.joined(separator: " "))"
        if level + 1 < order {
          slow.log10Backoffs[words] = value()
          text += "\t\(ARPANumber.text(slow.log10Backoffs[words]!))"
        }
        text += "\n"
      }
    }
    return (slow, text + "\n\\end\\\n")
  }

  private func open(_ text: String) throws -> BackoffModel {
    try #require(try openNGramModel(InputFile(bytes: Array(text.utf8), name: "m")) as? BackoffModel)
  }

  @Test(arguments: [(1, 5, 3), (2, 40, 3), (3, 300, 2), (4, 60, 4)] as [(UInt64, Int, Int)])
  func everySearchFindsWhatTheDefinitionSays(seed: UInt64, wordCount: Int, order: Int) throws {
    let (slow, text) = randomModel(seed: seed, wordCount: wordCount, order: order)
    let model = try open(text)
    var random = SeededGenerator(seed: seed)
    var block = TokenBlock()
    var expected: [Double] = []
    for _ in 0..<200 {
      var history = ["<s>"]
      var state = model.start
      for position in 0...Int.random(in: 0...12, using: &random) {
        // Mostly a word that follows the last one, so that long matches come.
        let followers = (0..<wordCount).map { "w\($0)" }.filter {
          slow.log10Probabilities[[history.last!, $0]] != nil
        }
        var word =
          position % 4 == 3 ? "unheard" : "w\(Int.random(in: 0..<wordCount, using: &random))"
        if Bool.random(using: &random), let next = followers.randomElement(using: &random) {
          word = next
        }
        let token = model.vocabulary.token(Array(word.utf8)) ?? 0
        let known = token == 0 ? "<unk>" : word
        let value = slow.log10Probability(
          of: known, after: Array(history.suffix(order - 1)))
        block.tokens.append(token)
        expected.append(model.logProbability(of: token, advancing: &state))
        // Values have three decimals and single precision.
        #expect(abs(expected.last! / log(10) - value) < 1e-5)
        history.append(known)
      }
      expected.append(model.logProbability(of: model.vocabulary.end!, after: state))
      block.endRecord()
    }
    var scores = [Double](repeating: .nan, count: expected.count)
    var span = scores.mutableSpan
    model.logProbabilities(ofRecordsIn: block, into: &span)
    // The same sums in the same order: every bit.
    #expect(scores == expected)
  }

  /// Larger than the reader's blocks, so that orders begin and end anywhere in them.
  @Test func aLongShuffledFileIsReadAsItsSortedTwin() throws {
    let (_, text) = randomModel(seed: 9, wordCount: 900, order: 2)
    #expect(text.utf8.count > 2 << 20)
    let model = try open(text)
    let sink = ByteSink.memory()
    try model.write(to: sink, isBinary: false, threads: 2)
    let written = sink.takeBytes()
    func lines(_ text: String) -> [Substring] { text.split(separator: "\n").sorted() }
    #expect(lines(String(decoding: written, as: UTF8.self)) == lines(text))

    var damaged = text.split(separator: "\n", omittingEmptySubsequences: false)
    damaged[damaged.count - 100] = "-1\tw1 w2 w3"
    let error = #expect(throws: StreamError.self) { try open(damaged.joined(separator: "\n")) }
    #expect(
      error?.description.hasPrefix("m:\(damaged.count - 99): more than 2 words in a line") == true)
  }

  /// Any change is refused; one with the checksums that belong to it, where a reader can tell, and
  /// otherwise leads nowhere outside the file.
  @Test func aChangedMappedFileIsRefusedAndASealedOneHarmless() throws {
    let (_, text) = randomModel(seed: 4, wordCount: 60, order: 3)
    let sink = ByteSink.memory()
    try open(text).write(to: sink, isBinary: true, threads: 1)
    let bytes = sink.takeBytes()
    let path = NSTemporaryDirectory() + "packed-trie-\(getpid()).bin"
    defer { unlink(path) }
    var random = SeededGenerator(seed: 8)
    var block = TokenBlock()
    for _ in 0..<100 {
      block.tokens += (0..<10).map { _ in Token.random(in: 3..<60, using: &random) }
      block.endRecord()
    }
    var openedCount = 0
    for _ in 0..<300 {
      var altered = bytes
      for _ in 0..<Int.random(in: 1...20, using: &random) {
        altered[Int.random(in: 8..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      if altered == bytes { continue }
      try Data(altered).write(to: URL(fileURLWithPath: path))
      #expect(throws: StreamError.self) { try BackoffModel(InputFile(path: path)) }
      BackoffModel.seal(&altered)
      try Data(altered).write(to: URL(fileURLWithPath: path))
      guard let model = try? openNGramModel(InputFile(path: path)) as? BackoffModel else {
        continue
      }
      openedCount += 1
      var scores = [Double](repeating: 0, count: block.tokens.count + block.recordEnds.count)
      var span = scores.mutableSpan
      model.logProbabilities(ofRecordsIn: block, into: &span)
      _ = model.row(after: model.start)
    }
    #expect(openedCount > 0)
  }
}
