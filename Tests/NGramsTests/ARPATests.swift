// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Foundation
import LanguageModel
import NGrams
import TestSupport
import Testing
import TokenStreams

@Suite struct ARPATests {
  private func open(_ text: String) throws -> BackoffModel {
    try #require(try openNGramModel(InputFile(bytes: Array(text.utf8), name: "m")) as? BackoffModel)
  }

  private func written(_ model: BackoffModel, binary: Bool = false, threads: Int = 1) throws
    -> [UInt8]
  {
    let sink = ByteSink.memory()
    try model.write(to: sink, isBinary: binary, threads: threads)
    return sink.takeBytes()
  }

  private func estimated(_ method: SmoothingMethod) throws -> BackoffModel {
    try Pigs.counts(order: 3).estimated(by: method).backoffModel()
  }

  @Test(arguments: [SmoothingMethod.modifiedKneserNey, .wittenBell, .backoff(0.5)])
  func textAndBinaryLeadToEachOther(method: SmoothingMethod) throws {
    let text = try written(estimated(method))
    let binary = try written(estimated(method), binary: true)
    let fromText = try open(String(decoding: text, as: UTF8.self))
    let fromBinary = try #require(
      try openNGramModel(InputFile(bytes: binary, name: "<memory>")) as? BackoffModel)
    #expect(try written(fromText) == text)
    #expect(try written(fromText, binary: true) == binary)
    #expect(try written(fromBinary) == text)
    #expect(try written(fromBinary, threads: 3) == text)
    #expect(fromBinary.logProbability(of: Pigs.a) == fromText.logProbability(of: Pigs.a))
  }

  /// As SRILM writes: a blank line first, -99 for <s>, no back-off where it would be 0, any order.
  @Test func filesOfOthersAreRead() throws {
    let text = """

      \\data\\
      ngram 1=5
      ngram 2=3
      ngram 3=1

      \\1-grams:
      -0.5\tb\t-0.25
      -99\t<s>\t-0.125
      -0.75\t</s>
      -1\ta\t-0.5
      -2\t<unk>

      \\2-grams:
      -0.25\tb a
      -0.125\t<s> b\t-0.0625
      -0.375\ta b

      \\3-grams:
      -0.03125\ta b a

      \\end\\

      """
    let model = try open(text)
    #expect(model.order == 3)
    func log10Probability(_ word: String, after context: String) -> Double {
      let token = model.tokens(word)[0]
      return model.logProbability(of: token, after: model.state(after: context)) / log(10)
    }
    func expect(_ word: String, _ context: String, _ value: Double) {
      #expect(abs(log10Probability(word, after: context) - value) < 1e-12)
    }
    expect("b", "", -0.125)
    expect("a", "b", -0.25 - 0.0625)
    expect("a", "b a b", -0.03125)
    expect("</s>", "a b", -0.25 - 0.75)
    expect("zebra", "b a", -0.5 - 2)
    expect("b", "zebra", -0.5)
  }

  @Test func whatPruningTookAwayElsewhereIsPutBack() throws {
    // Neither «a b», which «a b c» begins with, nor «b c», which it ends with, is there.
    let text = """
      \\data\\
      ngram 1=6
      ngram 2=1
      ngram 3=1

      \\1-grams:
      -1\t<unk>\t0
      0\t<s>\t0
      -1\t</s>\t0
      -0.5\ta\t-0.25
      -0.75\tb\t-0.125
      -0.875\tc\t0

      \\2-grams:
      -0.5\tc c\t-0.5

      \\3-grams:
      -0.0625\ta b c

      \\end\\
      """
    let model = try open(text)
    func log10Probability(_ context: String, _ word: String) -> Double {
      model.logProbability(of: model.tokens(word)[0], after: model.state(after: context)) / log(10)
    }
    #expect(abs(log10Probability("a b", "c") + 0.0625) < 1e-12)
    #expect(abs(log10Probability("a", "b") + 0.25 + 0.75) < 1e-12)
    #expect(abs(log10Probability("c b", "c") + 0.125 + 0.875) < 1e-12)
    #expect(abs(log10Probability("a b", "a") + 0.125 + 0.5) < 1e-12)
  }

  struct Damage: Sendable { var from: String, to: String, message: String }

  static let damages = [
    Damage(from: "-0.5\ta", to: "nan\ta", message: "m:7: 'nan' is no finite number"),
    Damage(from: "-0.5\ta", to: "0.5\ta", message: "m:7: log-probability 0.5 is above 0"),
    Damage(from: "ngram 1=4", to: "ngram 1=5", message: "m:9: 4 1-grams where the header says 5"),
    Damage(from: "-0.3\t<s> a", to: "-0.3\t<s>", message: "m:10: fewer than 2 words"),
    Damage(from: "-0.3\t<s> a", to: "-0.3\t<s> x", message: "m:10: 'x' is not among the unigrams"),
    Damage(from: "\\end\\", to: "", message: "m:11: the file ends before \\end\\"),
    Damage(from: "\\2-grams:", to: "\\3-grams:", message: "m:9: '\\3-grams:' where a section"),
    Damage(from: "-0.5\tb", to: "-0.5\ta", message: "m: 'a' stands twice"),
  ]

  @Test(arguments: damages) func damagedFilesAreRefused(_ damage: Damage) throws {
    let text = """
      \\data\\
      ngram 1=4
      ngram 2=1
      \\1-grams:
      0\t<s>\t-0.25
      -0.5\t</s>
      -0.5\ta
      -0.5\tb
      \\2-grams:
      -0.3\t<s> a

      \\end\\
      """
    _ = try open(text)
    let damaged = text.replacingOccurrences(of: damage.from, with: damage.to)
    let error = #expect(throws: StreamError.self) { try open(damaged) }
    #expect(error?.description.hasPrefix(damage.message) == true, "\(error?.description ?? "")")
  }

  @Test func textDecodingIsCarried() throws {
    let text = String(decoding: try written(estimated(.katz)), as: UTF8.self)
    let model = try open("# text: concatenated\n# tokenizer: ff\n" + text)
    #expect(model.vocabulary.decoding == .concatenated)
    #expect(model.vocabulary.tokenizerFingerprint == 255)
    #expect(try written(model).starts(with: "# text: concatenated\n# tokenizer: ff\n\\data\\".utf8))
    let binary = try written(model, binary: true)
    let again = try openNGramModel(InputFile(bytes: binary))
    #expect(again.vocabulary.decoding == .concatenated)
    #expect(again.vocabulary.tokenizerFingerprint == 255)
  }

  @Test func numbersLeadBackToThemselves() throws {
    var random = SeededGenerator(seed: 3)
    for round in 0..<20_000 {
      let magnitude = pow(10, Double.random(in: -7...1.9, using: &random))
      let value = round % 2 == 0 ? Double(Float(-magnitude)) : -magnitude
      let text = ARPANumber.text(value)
      #expect(ARPANumber.value(text) == value)
      // The fewest digits, as Swift's own shortest text has them.
      func digits(_ text: String) -> Int {
        text.prefix { $0 != "e" }.drop { "-0.".contains($0) }.count { $0.isNumber }
      }
      if round % 2 == 0 { #expect(digits(text) <= digits("\(Float(value))")) }
    }
    #expect(ARPANumber.text(-0.25) == "-0.25")
    #expect(ARPANumber.text(-12) == "-12")
    #expect(ARPANumber.text(-.infinity) == "-99")
    #expect(ARPANumber.value("-1e-7") == Double(Float(-1e-7)))
    #expect(ARPANumber.value("1e") == nil)
    #expect(ARPANumber.value("") == nil)
    #expect(ARPANumber.value("inf") == nil)
  }

  @Test func aBinaryModelCutOrAlteredAnywhereIsAnError() throws {
    let bytes = try written(estimated(.modifiedKneserNey), binary: true)
    for place in stride(from: 8, to: bytes.count, by: 61) {
      #expect(throws: StreamError.self) {
        try openNGramModel(InputFile(bytes: Array(bytes[..<place])))
      }
      var altered = bytes
      altered[place] ^= 0x10
      #expect(throws: StreamError.self) { try openNGramModel(InputFile(bytes: altered)) }
    }
    #expect(throws: StreamError.self) { try openNGramModel(InputFile(bytes: bytes + [0])) }
  }
}
