// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import LanguageModel
import MaskedNetworks
import ModelFiles
import NGrams
import Optimization
import RecurrentNetworks
import TensorFiles
import TokenStreams

/// A model that was accepted gives every token a probability, in any state.
private func checkModel(_ model: some LanguageModel) {
  guard model.vocabulary.count <= 1 << 16 else { return }
  var state = model.start
  var row = [Double](repeating: 0, count: model.vocabulary.count)
  for step in 0..<4 {
    row.withUnsafeMutableBufferPointer {
      var span = MutableSpan(_unsafeElements: $0)
      model.logProbabilities(after: state, into: &span)
    }
    guard !row.isEmpty else { return }
    let token = Token((step * 7 + 3) % row.count)
    _ = model.logProbability(of: token, after: state)
    model.advance(&state, with: token)
  }
}

/// Opens an n-gram model; writes it in both forms and reads them: the texts are equal.
private func checkNGramModel(_ bytes: [UInt8]) throws {
  func text(_ model: BackoffModel, isBinary: Bool = false) throws -> [UInt8] {
    let sink = ByteSink.memory()
    try model.write(to: sink, isBinary: isBinary, threads: 1)
    return sink.takeBytes()
  }
  let model = try BackoffModel(InputFile(bytes: bytes))
  checkModel(model)
  let first = try text(model)
  let again = try BackoffModel(InputFile(bytes: try text(model, isBinary: true)))
  demand(try text(again) == first, "the binary form reads otherwise")
  // Spellings that no writer writes are read as what they are canonically.
  let vocabulary = model.vocabulary
  let isCanonical = (0..<Token(vocabulary.count)).allSatisfy {
    let spelling = Array(vocabulary.spelling(of: $0))
    return Spelling.canonical(spelling) == spelling
  }
  guard isCanonical else { return }
  demand(try text(BackoffModel(InputFile(bytes: first))) == first, "the text reads otherwise")
}

private let pigsARPA = """
  # text: spaced
  \\data\\
  ngram 1=5
  ngram 2=3

  \\1-grams:
  -1.2\t<unk>
  -99\t<s>\t-0.3
  -0.5\t</s>
  -0.7\tpigs\t-0.25
  -0.6\teat\t0

  \\2-grams:
  -0.1\t<s> pigs
  -0.2\tpigs eat
  -0.4\teat </s>

  \\end\\

  """

extension FuzzTarget {
  static let arpa = FuzzTarget(name: "arpa") {
    [pigsARPA, "\\data\\\nngram 1=3\n\\1-grams:\n-1 <s>\n-1 </s>\n-inf a\n\\end\\\n"]
      .map { Array($0.utf8) }
  } attack: {
    try checkNGramModel($0)
  }

  /// Binary n-gram models, below their checksums.
  static let nGramModel = FuzzTarget(name: "ngram-model") {
    let sink = ByteSink.memory()
    try BackoffModel(InputFile(bytes: Array(pigsARPA.utf8)))
      .write(to: sink, isBinary: true, threads: 1)
    return [sink.takeBytes()]
  } attack: {
    var bytes = $0
    BackoffModel.seal(&bytes)
    try checkNGramModel(bytes)
  }

  /// Models of networks, described in lines: metadata `key=value`, tensors `name rows [columns]`.
  static let networks = FuzzTarget(name: "networks") {
    let vocabulary = "chainrule.vocabulary=</s> a b\nchainrule.decoding=spaced\n"
    let recurrent =
      vocabulary + "chainrule.network=cell=gru layers=1 hidden=2 outputs=3 inputs=4 embedding=2 "
      + "output=softmax tied=false biases=true\nencoder.weight 4 2\nrnn.weight_ih_l0 6 2\n"
      + "rnn.weight_hh_l0 6 2\nrnn.bias_ih_l0 6\nrnn.bias_hh_l0 6\ndecoder.weight 3 2\n"
      + "decoder.bias 3\n"
    let masked =
      vocabulary.replacing("</s>", with: "c")
      + "chainrule.masked=width=2 symbols=3 hidden=2 targets=2 mask=autoregressive\n"
      + "hidden.weight 2 4\nhidden.bias 2\noutput.weight 4 2\ndirect.weight 4 4\noutput.bias 4\n"
    return [recurrent, masked, recurrent.replacing("chainrule.network", with: "x")]
      .map { Array($0.utf8) }
  } attack: { bytes in
    var metadata: [(key: String, value: String)] = []
    var tensors: [(String, [Int])] = []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      if let mark = line.firstIndex(of: "=") {
        metadata.append((String(line[..<mark]), String(line[line.index(after: mark)...])))
      } else {
        let words = line.split(separator: " ")
        tensors.append((String(words.first ?? ""), words.dropFirst().map { Int($0) ?? 1 }))
      }
    }
    let writer = TensorFileWriter(metadata: metadata)
    for (name, shape) in tensors {
      guard shape.allSatisfy({ 0...64 ~= $0 }), shape.count < 3 else { return }
      let count = shape.reduce(1, *)
      writer.add(name, shape: shape, (0..<count).map { Float($0 % 7) - 3 })
    }
    let sink = ByteSink.memory()
    try writer.write(to: sink)
    let file = try TensorFile(bytes: sink.takeBytes())
    if MaskedModelFile.recognises(file) {
      let model = try MaskedModelFile(file)
      guard model.layout.configuration.mask == .autoregressive else { return }
      checkModel(
        MaskedModel(
          vocabulary: model.vocabulary, layout: model.layout, parameters: model.parameters))
    } else if RecurrentModel.recognises(file) {
      checkModel(try RecurrentModel.open(file))
      let again = ByteSink.memory()
      try RecurrentModelFile(file).write(to: again)
      _ = try RecurrentModelFile(TensorFile(bytes: again.takeBytes()))
    }
  }

  /// Checkpoints of a training that is begun anew for each: what is accepted goes on.
  static let checkpoints = FuzzTarget(name: "checkpoints") {
    let sink = ByteSink.memory()
    let (data, network, options) = try smallTraining()
    let trainer = try Trainer(network, data: data, options: options, now: { 0 })
    _ = try trainer.run()
    try trainer.writeCheckpoint(to: sink)
    return [unsealed(sink.takeBytes())]
  } attack: { bytes in
    let (data, network, options) = try smallTraining()
    let checkpoint = try Checkpoint(
      TensorFile(bytes: bytes), for: network, data: data, options: options)
    let trainer = try Trainer(
      network, data: data, options: options, resuming: checkpoint, now: { 0 })
    var steps = 0
    _ = try trainer.run(shouldStop: {
      steps += 1
      return steps == 2
    })
    try trainer.writeCheckpoint(to: ByteSink.memory())
  }
}

/// One epoch of a tiny network on two records.
private func smallTraining() throws -> (TrainingData, ReferenceNetwork<Double>, TrainingOptions) {
  let data = try TrainingData(
    training: TokenReader(
      file: InputFile(bytes: Array("a b\nb a\n".utf8)), numbering: .growing))
  let configuration = NetworkConfiguration.languageModel(
    symbolCount: data.table.count, embeddingWidth: 1, hiddenWidth: 2)
  let network = ReferenceNetwork<Double>(
    configuration, parameters: Initialisation().parameters(of: configuration, seed: 2))
  var options = TrainingOptions()
  options.laneCount = 1
  options.windowSteps = 2
  options.epochLimit = 1
  return (data, network, options)
}
