// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import EnergyModels
import LanguageModel
import NGrams
import Probability
import RecurrentNetworks
import TokenStreams
import Tokenization

private func tokens(_ text: [UInt8]) throws -> TokenReader {
  try TokenReader(file: InputFile(bytes: text), numbering: .growing)
}

private func adaptivelyCoded(_ text: [UInt8], learnsWeights: Bool) throws -> [UInt8] {
  let sink = ByteSink.memory()
  _ = try AdaptiveCoding(order: 2, learnsWeights: learnsWeights).encode(
    tokens(text), to: sink)
  return sink.takeBytes()
}

private func adaptivelyDecoded(_ code: [UInt8]) throws -> [UInt8] {
  let sink = ByteSink.memory()
  try AdaptiveCoding.decode(InputFile(bytes: code), order: nil, terminator: 0x0A, to: sink)
  return sink.takeBytes()
}

private let countModel = Result {
  let counts = "<s> what\t4\nwhat do\t4\ndo pigs\t9\ndo </s>\t1\npigs </s>\t1\n"
  return try openNGramModel(InputFile(bytes: Array(counts.utf8)))
}

private func record(_ bytes: [UInt8]) -> RecordReader? {
  (try? InputFile(bytes: bytes, name: "input")).map { RecordReader(file: $0) }
}

extension FuzzTarget {
  /// Any token text is coded and comes back.
  static let adaptiveRoundTrip = FuzzTarget(name: "arith-round-trip") {
    [Array("what do pigs eat ?\n\nwhat do\n".utf8), Array("a".utf8)]
  } attack: { bytes in
    let learnsWeights = bytes.count % 2 == 1
    let text = try adaptivelyDecoded(adaptivelyCoded(bytes, learnsWeights: learnsWeights))
    let again = try adaptivelyDecoded(adaptivelyCoded(text, learnsWeights: learnsWeights))
    demand(again == text, "a coded text differs")
  }

  /// Coded streams, below the checksums of their frames.
  static let adaptiveCode = FuzzTarget(name: "arith-adaptive") {
    let text = Array("what do pigs eat ?\n\nwhat do\n".utf8)
    return [try unframed(adaptivelyCoded(text, learnsWeights: true))]
  } attack: { bytes in
    // Few bytes may rightly stand for very many: the numbers of tokens and bytes are kept small.
    let head = bytes.count > 13 ? bytes[13] : 0
    guard bytes.count > 4, bytes[0] == 0, bytes[1] == 0, bytes[4] < 0x80, head < 0x80 else {
      return
    }
    _ = try adaptivelyDecoded(
      framed(
        kind: "arth",
        parameters: [
          ("method", "adaptive"), ("order", "2"),
          ("weights", "learnt"),
        ], bytes))
  }

  static let modelCode = FuzzTarget(name: "arith-model") {
    let sink = ByteSink.memory()
    let model = try countModel.get()
    let reader = try TokenReader(
      file: InputFile(bytes: Array("what do pigs\nwhat do\n".utf8)),
      numbering: .known(model.vocabulary))
    _ = try model.encode(reader, threads: 1, to: sink)
    return [try unframed(sink.takeBytes())]
  } attack: { bytes in
    let model = try countModel.get()
    let parameters = [("method", "model"), ("model", String(model.fingerprint, radix: 16))]
    try model.decode(
      InputFile(bytes: framed(kind: "arth", parameters: parameters, bytes)), terminator: 0x0A,
      to: ByteSink.memory())
  }

  /// Pictures: what is read is written raw and read again.
  static let netpbm = FuzzTarget(name: "netpbm") {
    [
      "P1\n# two rows\n3 2\n1 0 1\n011\n", "P2 2 2 300\n0 300 7\n12\n", "P4\n9 1\n\u{7F}\u{1}",
      "P5 2 1 255\nabP5 1 1 1\n\u{1}",
    ].map { Array($0.utf8) }
  } attack: { bytes in
    func images(_ bytes: [UInt8]) throws -> [NetpbmImage] {
      var reader = NetpbmReader(try InputFile(bytes: bytes, name: "input"))
      var images: [NetpbmImage] = []
      while let image = try reader.next() { images.append(image) }
      return images
    }
    let found = try images(bytes)
    var written = ByteBuffer()
    for image in found { image.append(to: &written) }
    demand(try images(Array(written.bytes)) == found, "written pictures differ")
  }

  static let automata = FuzzTarget(name: "automata") {
    [Array("# adder\nN0 11 C0\nN0 00 N0\nC0 00 N1\nN1\t00 N0\n".utf8)]
  } attack: { bytes in
    guard let reader = record(bytes) else { return }
    let automaton = try Automaton(reader, name: "input")
    for state in try automaton.states([Array("00".utf8)], place: .none) {
      demand(!Automaton.output(of: state).isEmpty, "a state prints nothing")
    }
  }

  /// Columns of numbers, patterns, words with counts, lists of words.
  static let lines = FuzzTarget(name: "records") {
    ["01 00 11\t1 0 -\n", "0.5,-1 2,1e3\n", "0101\n1100\n", "what\t3\npigs\t18\n", "pigs\neat\n"]
      .map { Array($0.utf8) }
  } attack: { bytes in
    if let reader = record(bytes) { _ = try? ColumnRecord.all(reader) }
    if let reader = record(bytes) {
      _ = try? CountedWords.weighted(
        reader, memory: LearningMemory(byteCount: 1 << 24, directory: "/tmp"))
    }
    if let file = try? InputFile(bytes: bytes) { _ = try? WordList(file) }
    guard let reader = record(bytes), let other = record(bytes),
      let network = try? HopfieldNetwork(patternsIn: reader)
    else { return }
    try network.recall(
      other, into: ByteSink.memory(), temperature: 0, sweeps: 1, random: RandomNumbers(seed: 1))
  }
}
