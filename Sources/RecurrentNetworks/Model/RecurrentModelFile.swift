// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Optimization
public import TensorFiles
internal import TokenStreams

/// A trained network as its file has it: safetensors with PyTorch's names, and all else in the
/// metadata.
///
///     chainrule.network      cell=lstm layers=2 hidden=256 embedding=128 outputs=66 ...
///     chainrule.mode         records, or continuous
///     chainrule.vocabulary   the spellings of the symbols, in order, with spaces between
///     chainrule.decoding     how pieces become text
///     chainrule.tokenizer    fingerprint of the tokeniser model, where there is one
///
/// A file without the first (one that PyTorch saved) is described by the shapes of its tensors.
public struct RecurrentModelFile: Sendable {
  public let configuration: NetworkConfiguration
  /// In the order of the layout.
  public let parameters: [Float]
  /// The symbols, of a language model.
  public let table: SymbolTable?
  public let mode: TrainingOptions.Mode

  public init(
    configuration: NetworkConfiguration, parameters: [Float], table: SymbolTable?,
    mode: TrainingOptions.Mode = .records
  ) {
    self.configuration = configuration
    self.parameters = parameters
    self.table = table
    self.mode = mode
  }

  /// Reads a checked file.
  ///
  /// - Throws: `StreamError` for a tensor that is missing, has another shape or holds no floats, and
  ///   for metadata that do not fit.
  public init(_ file: TensorFile) throws(StreamError) {
    let text = file.metadata["chainrule.network"]
    guard
      let configuration = try text.map(NetworkConfiguration.init(description:))
        ?? NetworkConfiguration(shapesOf: file)
    else {
      throw StreamError(
        .file(file.name), "holds no recurrent network", advice: "give a model of train-rnn")
    }
    // A layer has tensors; what a text claims beyond them is not laid out.
    guard configuration.layerCount <= max(1 << 10, file.entries.count) else {
      throw StreamError(
        .file(file.name), "\(file.entries.count) tensors for \(configuration.layerCount) layers")
    }
    if case .tokens(let count, _) = configuration.input, count < configuration.outputCount {
      throw StreamError(
        .file(file.name), "has input rows for \(count) of \(configuration.outputCount) symbols")
    }
    let layout = ParameterLayout(configuration)
    var parameters: [Float] = []
    parameters.reserveCapacity(min(layout.count, file.entries.reduce(0) { $0 + $1.count }))
    for tensor in layout.tensors {
      guard let entry = file.entry(tensor.name) else {
        throw StreamError(.file(file.name), "tensor \(tensor.name) is missing")
      }
      guard entry.shape == tensor.shape else {
        throw StreamError(
          .file(file.name),
          "tensor \(tensor.name) has shape \(entry.shape), the network needs \(tensor.shape)")
      }
      parameters += try file.numbers(of: entry)
    }
    self.configuration = configuration
    self.parameters = parameters
    mode = file.metadata["chainrule.mode"].flatMap(TrainingOptions.Mode.init) ?? .records
    table = try RecurrentModelFile.table(of: file, configuration)
  }

  private static func table(
    of file: TensorFile, _ configuration: NetworkConfiguration
  ) throws(StreamError) -> SymbolTable? {
    guard let text = file.metadata["chainrule.vocabulary"] else { return nil }
    let spellings = text.split(separator: " ").map { Array($0.utf8) }
    guard spellings.count == configuration.outputCount, Set(spellings).count == spellings.count,
      spellings.contains(Spelling.end)
    else {
      throw StreamError(
        .file(file.name),
        "its vocabulary of \(spellings.count) pieces does not fit "
          + "\(configuration.outputCount) outputs, one of them </s>")
    }
    return SymbolTable(
      spellings: spellings,
      decoding: file.metadata["chainrule.decoding"].flatMap(TextDecoding.init) ?? .unknown,
      tokenizerFingerprint: file.metadata["chainrule.tokenizer"].flatMap { UInt64($0, radix: 16) })
  }

  /// The symbols of a language model.
  ///
  /// - Throws: `StreamError` when the file is none.
  func languageModelTable(name: String) throws(StreamError) -> SymbolTable {
    guard let table, configuration.output == .softmax else {
      throw StreamError(
        .file(name), "holds no language model: it has no vocabulary",
        advice: "transduce runs labellers; train-rnn writes vocabularies")
    }
    return table
  }

  /// Writes the file; does not finish the sink.
  public func write(to sink: ByteSink) throws(StreamError) {
    var metadata = [
      ("format", "pt"), ("chainrule.network", configuration.description),
      ("chainrule.mode", mode.rawValue),
    ]
    if let table {
      let spellings = table.spellings.map { String(decoding: $0, as: UTF8.self) }
      metadata.append(("chainrule.vocabulary", spellings.joined(separator: " ")))
      metadata.append(("chainrule.decoding", table.vocabulary.decoding.description))
      if let fingerprint = table.vocabulary.tokenizerFingerprint {
        metadata.append(("chainrule.tokenizer", String(fingerprint, radix: 16)))
      }
    }
    let writer = TensorFileWriter(metadata: metadata)
    for tensor in ParameterLayout(configuration).tensors {
      writer.add(tensor.name, shape: tensor.shape, parameters[tensor.range])
    }
    try writer.write(to: sink)
  }
}

extension NetworkConfiguration: CustomStringConvertible {
  /// One word per fact: `cell=lstm layers=1 hidden=32 outputs=14 inputs=15 embedding=16 ...`.
  public var description: String {
    var words = [
      "cell=\(cell.rawValue)", "layers=\(layerCount)", "hidden=\(hiddenWidth)",
      "outputs=\(outputCount)",
    ]
    switch input {
    case .tokens(let count, let width): words += ["inputs=\(count)", "embedding=\(width)"]
    case .columns(let width): words.append("columns=\(width)")
    }
    words += ["output=\(output.rawValue)", "tied=\(isTied)", "biases=\(hasBiases)"]
    return words.joined(separator: " ")
  }

  /// Reads a description.
  ///
  /// - Throws: `StreamError` without a place for a fact that is missing or makes no sense.
  public init(description: String) throws(StreamError) {
    var facts: [Substring: Substring] = [:]
    for word in description.split(separator: " ") {
      let parts = word.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { facts[parts[0]] = parts[1] }
    }
    // The bounds keep the number of parameters within an Int.
    func number(_ key: Substring, below limit: Int = 1 << 21) throws(StreamError) -> Int {
      guard let value = facts[key].flatMap({ Int($0) }), (1..<limit).contains(value) else {
        throw StreamError(.none, "the network's description lacks a sensible \(key)")
      }
      return value
    }
    guard let cell = facts["cell"].flatMap({ Cell(rawValue: String($0)) }),
      let output = facts["output"].flatMap({ Output(rawValue: String($0)) })
    else {
      throw StreamError(
        .none, "the network's description names no known cell and output",
        advice: "use a newer release")
    }
    let input: Input =
      if facts["columns"] != nil {
        .columns(width: try number("columns"))
      } else {
        .tokens(count: try number("inputs", below: 1 << 31), width: try number("embedding"))
      }
    let (hidden, outputs) = (try number("hidden"), try number("outputs", below: 1 << 31))
    let isTied = facts["tied"] == "true"
    if isTied {
      guard case .tokens(let count, hidden) = input, count >= outputs else {
        throw StreamError(.none, "the network's description ties matrices of different shapes")
      }
    }
    self.init(
      cell: cell, input: input, layerCount: try number("layers"), hiddenWidth: hidden,
      outputCount: outputs, output: output, isTied: isTied,
      hasBiases: facts["biases"] != "false")
  }

  /// Guesses the network that a file without a description holds, by the shapes of its tensors: one
  /// block of rows is a tanh network, three are a GRU, four an LSTM.
  init?(shapesOf file: TensorFile) {
    func shape(_ name: String) -> [Int]? {
      file.entry(name).flatMap { $0.shape.count == 2 && !$0.shape.contains(0) ? $0.shape : nil }
    }
    guard let embedding = shape("encoder.weight"), let recurrent = shape("rnn.weight_hh_l0"),
      let cell = [1: Cell.tanh, 3: .gru, 4: .lstm][recurrent[0] / recurrent[1]],
      recurrent[0] % recurrent[1] == 0
    else { return nil }
    var layerCount = 1
    while file.entry("rnn.weight_hh_l\(layerCount)") != nil { layerCount += 1 }
    let output = shape("decoder.weight")
    let outputCount = output?[0] ?? file.entry("decoder.bias")?.count ?? embedding[0]
    guard outputCount > 0 else { return nil }
    if output == nil, embedding[1] != recurrent[1] || embedding[0] < outputCount { return nil }
    self.init(
      cell: cell, input: .tokens(count: embedding[0], width: embedding[1]),
      layerCount: layerCount, hiddenWidth: recurrent[1],
      outputCount: outputCount, isTied: output == nil,
      hasBiases: file.entry("rnn.bias_ih_l0") != nil)
  }
}
