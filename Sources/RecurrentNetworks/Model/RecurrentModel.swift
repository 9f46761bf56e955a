// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel
internal import LinearAlgebra
public import Optimization
public import TensorFiles
public import TokenStreams

/// A trained network as a language model: what `score`, `sample` and `beam` open.
///
/// A token that a closed vocabulary does not have has probability zero and leaves the state as it is.
public struct RecurrentModel: LanguageModel {
  /// h of every layer, and c after it for the LSTM: a value; the weights are shared by all states.
  public struct State: Hashable, Sendable {
    /// [layers][H] of h, then as much of c.
    var values: [Float]
  }

  public let configuration: NetworkConfiguration
  public let table: SymbolTable
  /// How the network was trained: by records, or on the stream as one run of text.
  public let mode: TrainingOptions.Mode
  public let start: State
  private let network: SteppingNetwork

  public var vocabulary: Vocabulary { table.vocabulary }

  /// - threads: that share a step of a large network.
  /// - Throws: `StreamError` when the file is no language model.
  public init(
    _ file: RecurrentModelFile, name: String = "<memory>",
    threads: Int = Machine.availableCores
  ) throws(StreamError) {
    table = try file.languageModelTable(name: name)
    configuration = file.configuration
    mode = file.mode
    // A step of a small network is over before a second thread would wake up, even for ten states.
    let isSmall = file.parameters.count < 1 << 18
    network = SteppingNetwork(
      file.configuration, parameters: file.parameters,
      team: Team(
        count: isSmall ? 1 : threads, instructionSet: try InstructionSet.chosen()))
    let zero = State(
      values: Array(repeating: 0, count: configuration.layerCount * configuration.stateWidth))
    var states = [zero]
    // A network without a row for <s> begins after the end of a record before.
    network.advance(&states, with: [configuration.startToken ?? table.end])
    start = states[0]
  }

  /// Opens a checked safetensors file.
  public static func open(
    _ file: TensorFile, threads: Int = Machine.availableCores
  ) throws(StreamError) -> RecurrentModel {
    do throws(StreamError) {
      return try RecurrentModel(RecurrentModelFile(file), name: file.name, threads: threads)
    } catch { throw error.located(at: .file(file.name)) }
  }

  /// Whether a safetensors file holds a network of this family.
  public static func recognises(_ file: TensorFile) -> Bool {
    file.metadata["chainrule.network"] != nil || NetworkConfiguration(shapesOf: file) != nil
  }

  public func advance(_ state: inout State, with token: Token) {
    var states = [state]
    advance(&states, with: [token])
    state = states[0]
  }

  public func logProbabilities(after state: State, into row: inout MutableSpan<Double>) {
    logProbabilities(after: [state], into: &row)
  }

  public func logProbability(of token: Token, after state: State) -> Double {
    let symbol = table.symbols[Int(token)]
    guard symbol < table.count else { return -.infinity }
    return Double(network.logProbabilities(after: [state])[Int(symbol)])
  }

  public var batchCount: Int { 32 }

  public func advance(_ states: inout [State], with tokens: [Token]) {
    precondition(states.count == tokens.count)
    let moving = tokens.indices.filter { index in
      if tokens[index] == vocabulary.beginning {
        states[index] = start
        return false
      }
      return table.symbols[Int(tokens[index])] < table.count
    }
    if moving.count == states.count {
      network.advance(&states, with: tokens.map { table.symbols[Int($0)] })
    } else if !moving.isEmpty {
      var moved = moving.map { states[$0] }
      network.advance(&moved, with: moving.map { table.symbols[Int(tokens[$0])] })
      for (index, state) in zip(moving, moved) { states[index] = state }
    }
  }

  public func logProbabilities(after states: [State], into rows: inout MutableSpan<Double>) {
    let width = vocabulary.count
    precondition(rows.count == states.count * width)
    let symbolRows = network.logProbabilities(after: states)
    for index in states.indices {
      for token in 0..<width {
        let symbol = Int(table.symbols[token])
        rows[index * width + token] =
          symbol < table.count ? Double(symbolRows[index * table.count + symbol]) : -.infinity
      }
    }
  }
}
