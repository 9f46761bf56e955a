// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import LanguageModel
import RecurrentNetworks
import TensorFiles
import Testing
import TokenStreams

@Suite struct RecurrentModelTests {
  /// A small random model over a, b, c and `</s>`.
  private func modelFile(_ cell: Cell, isTied: Bool = false) throws -> RecurrentModelFile {
    let data = try trainingData("a b c\n")
    let configuration = NetworkConfiguration.languageModel(
      cell: cell, symbolCount: data.table.count, embeddingWidth: 6, hiddenWidth: 6, layerCount: 2,
      isTied: isTied)
    return RecurrentModelFile(
      configuration: configuration,
      parameters: Initialisation(range: 0.8).parameters(of: configuration, seed: 5),
      table: data.table)
  }

  private func bytes(_ file: RecurrentModelFile) throws -> [UInt8] {
    let sink = ByteSink.memory()
    try file.write(to: sink)
    return sink.takeBytes()
  }

  private func row(_ model: RecurrentModel, after state: RecurrentModel.State) -> [Double] {
    var row = [Double](repeating: 0, count: model.vocabulary.count)
    row.withUnsafeMutableBufferPointer {
      var span = MutableSpan(_unsafeElements: $0)
      model.logProbabilities(after: state, into: &span)
    }
    return row
  }

  @Test("a model file is read back as it was, and the same model gives the same bytes")
  func roundTrip() throws {
    for isTied in [false, true] {
      let file = try modelFile(.gru, isTied: isTied)
      let written = try bytes(file)
      let read = try RecurrentModelFile(TensorFile(bytes: written))
      #expect(read.configuration == file.configuration && read.parameters == file.parameters)
      #expect(read.table?.spellings == file.table?.spellings)
      #expect(try bytes(read) == written)
    }
  }

  @Test("distributions sum to one and agree with the network's loss", arguments: Cell.allCases)
  func distribution(_ cell: Cell) throws {
    let file = try modelFile(cell)
    let model = try RecurrentModel.open(TensorFile(bytes: bytes(file)))
    let tokens = ["a", "c", "c", "b"].map { model.vocabulary.token(Array($0.utf8))! }
    var state = model.start
    var total = 0.0
    for token in tokens + [model.vocabulary.end!] {
      let row = row(model, after: state)
      // Float32 inside: 1e-6 is a few units in the last place.
      #expect(abs(row.reduce(0) { $0 + exp($1) } - 1) < 1e-6)
      #expect(row[Int(model.vocabulary.beginning!)] == -.infinity)
      #expect(row[Int(token)] == model.logProbability(of: token, after: state))
      total -= row[Int(token)]
      model.advance(&state, with: token)
    }
    let network = ReferenceNetwork<Double>(
      file.configuration, parameters: file.parameters.map(Double.init))
    var networkState = NetworkState<Double>(file.configuration, laneCount: 1)
    let symbols = tokens.map { model.table.symbols[Int($0)] }
    let loss = network.loss(
      of: TrainingWindow(
        stepCount: 5, laneCount: 1, inputs: [UInt32(model.table.count)] + symbols,
        targets: symbols + [model.table.end]), from: &networkState)
    #expect(abs(loss.nats - total) < 1e-5)
  }

  @Test("states that move together move as they do alone, and unknown tokens do not move them")
  func batches() throws {
    let model = try RecurrentModel(modelFile(.lstm))
    let a = model.vocabulary.token(Array("a".utf8))!
    let b = model.vocabulary.token(Array("b".utf8))!
    var alone = model.start
    model.advance(&alone, with: a)
    var unmoved = alone
    model.advance(&unmoved, with: model.vocabulary.unknown!)
    #expect(unmoved == alone)
    #expect(model.logProbability(of: model.vocabulary.unknown!, after: alone) == -.infinity)
    var together = [model.start, alone, alone]
    model.advance(&together, with: [a, b, model.vocabulary.beginning!])
    var next = alone
    model.advance(&next, with: b)
    #expect(together == [alone, next, model.start])
  }

  @Test(
    "wide networks of any cell step as the reference does, alone or side by side",
    arguments: Cell.allCases)
  func wide(_ cell: Cell) throws {
    let words = (0..<40).map { "w\($0)" }.joined(separator: " ")
    let data = try trainingData(words + "\n")
    let configuration = NetworkConfiguration.languageModel(
      cell: cell, symbolCount: data.table.count, embeddingWidth: 19, hiddenWidth: 37, layerCount: 3)
    let parameters: [Double] = Initialisation(range: 0.3).parameters(of: configuration, seed: 9)
    let model = try RecurrentModel(
      RecurrentModelFile(
        configuration: configuration, parameters: parameters.map { Float($0) }, table: data.table))
    let network = ReferenceNetwork<Double>(configuration, parameters: parameters)
    let lanes = 13
    let inputs = (0..<2 * lanes).map { UInt32(($0 * 7) % 40) }
    var states = Array(repeating: model.start, count: lanes)
    model.advance(&states, with: inputs[..<lanes].map { data.table.tokens[Int($0)] })
    model.advance(&states, with: inputs[lanes...].map { data.table.tokens[Int($0)] })
    let start = [UInt32](repeating: configuration.startToken!, count: lanes)
    var state = NetworkState<Double>(configuration, laneCount: lanes)
    let logits = network.logits(
      of: TrainingWindow(
        stepCount: 3, laneCount: lanes, inputs: start + inputs,
        targets: Array(repeating: TrainingWindow.noTarget, count: 3 * lanes)), from: &state)
    for lane in 0..<lanes {
      let row = row(model, after: states[lane])
      let exact = logits[2 * lanes + lane]
      let normalizer = log(exact.reduce(0) { $0 + exp($1) })
      for (symbol, token) in data.table.tokens.enumerated() {
        #expect(abs(row[Int(token)] - (exact[symbol] - normalizer)) < 5e-6)
      }
      var alone = model.start
      model.advance(&alone, with: data.table.tokens[Int(inputs[lane])])
      model.advance(&alone, with: data.table.tokens[Int(inputs[lanes + lane])])
      #expect(alone == states[lane])
    }
  }

  @Test("a file without our metadata is known by its shapes, one that fits nothing is refused")
  func foreignFiles() throws {
    let file = try modelFile(.lstm)
    let writer = TensorFileWriter()
    for tensor in ParameterLayout(file.configuration).tensors {
      writer.add(tensor.name, shape: tensor.shape, file.parameters[tensor.range])
    }
    let sink = ByteSink.memory()
    try writer.write(to: sink)
    let foreign = try TensorFile(bytes: sink.takeBytes(), name: "f")
    let read = try RecurrentModelFile(foreign)
    #expect(read.configuration == file.configuration && read.parameters == file.parameters)
    #expect(RecurrentModel.recognises(foreign))
    let error = #expect(throws: StreamError.self) { try RecurrentModel.open(foreign) }
    #expect("\(error!)".hasPrefix("f: holds no language model"))
    let incomplete = TensorFileWriter(
      metadata: [("chainrule.network", file.configuration.description)])
    incomplete.add("encoder.weight", shape: [5, 6], [Float](repeating: 0, count: 30))
    try incomplete.write(to: sink)
    let missing = #expect(throws: StreamError.self) {
      try RecurrentModel.open(TensorFile(bytes: sink.takeBytes(), name: "f"))
    }
    #expect("\(missing!)" == "f: tensor rnn.weight_ih_l0 is missing")
  }
}
