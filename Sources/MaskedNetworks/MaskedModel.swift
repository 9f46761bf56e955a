// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import LanguageModel
public import TokenStreams

/// A masked network as a language model of records that all have its width.
public struct MaskedModel: LanguageModel {
  /// The sums over the symbols so far: what each unit has received.
  public struct State: Sendable {
    var position = 0
    /// - hidden: [H], before the rectifier.
    var hidden: [Float]
    /// - outputs: [O], from biases and direct links.
    var outputs: [Float]
  }

  public let vocabulary: Vocabulary
  public let layout: MaskedLayout
  /// - parameters: [layout.count].
  public let parameters: [Float]
  public let start: State
  /// The transposes of the weights that inputs meet: one contiguous row an input.
  private let hiddenColumns: [Float]
  private let directColumns: [Float]

  /// The first token that is a symbol of the network; `<unk>`, `<s>` and `</s>` stand before it.
  static let firstSymbol: Token = 3

  /// - vocabulary: a model vocabulary of `symbolCount` symbols.
  public init(vocabulary: Vocabulary, layout: MaskedLayout, parameters: [Float]) {
    let configuration = layout.configuration
    precondition(configuration.mask == .autoregressive && parameters.count == layout.count)
    precondition(vocabulary.count == Int(MaskedModel.firstSymbol) + configuration.symbolCount)
    self.vocabulary = vocabulary
    self.layout = layout
    self.parameters = parameters
    func transposed(_ tensor: MaskedLayout.Tensor?) -> [Float] {
      guard let tensor else { return [] }
      let (rows, columns) = (tensor.shape[0], tensor.shape[1])
      return (0..<rows * columns).map {
        parameters[tensor.offset + $0 % rows * columns + $0 / rows]
      }
    }
    hiddenColumns = transposed(layout.hiddenWeight)
    directColumns = transposed(layout.directWeight)
    start = State(
      hidden: layout.hiddenBias.map { Array(parameters[$0.range]) } ?? [],
      outputs: Array(parameters[layout.outputBias.range]))
  }

  /// Symbols of a record.
  public var width: Int { layout.configuration.width }

  public var ending: RecordEnding { .after(width) }

  public func advance(_ state: inout State, with token: Token) {
    let configuration = layout.configuration
    defer { state.position += 1 }
    guard state.position < width, token > MaskedModel.firstSymbol else { return }
    let input =
      state.position * configuration.unitsPerSymbol + Int(token - MaskedModel.firstSymbol) - 1
    func add(_ columns: [Float], to sums: inout [Float]) {
      let base = input * sums.count
      for index in sums.indices { sums[index] += columns[base + index] }
    }
    if !hiddenColumns.isEmpty { add(hiddenColumns, to: &state.hidden) }
    if !directColumns.isEmpty { add(directColumns, to: &state.outputs) }
  }

  public func logProbabilities(after state: State, into row: inout MutableSpan<Double>) {
    for index in row.indices { row[index] = -.infinity }
    guard state.position < width else { return }
    let units = layout.configuration.unitsPerSymbol
    let first = Int(MaskedModel.firstSymbol)
    row[first] = 0
    for unit in 0..<units { row[first + 1 + unit] = logit(state.position * units + unit, state) }
    // Subtract the maximum: exp overflows above 709.
    var maximum = 0.0
    for unit in 0...units { maximum = max(maximum, row[first + unit]) }
    var sum = 0.0
    for unit in 0...units { sum += exp(row[first + unit] - maximum) }
    let logSum = maximum + log(sum)
    for unit in 0...units { row[first + unit] -= logSum }
  }

  public func logProbability(of token: Token, after state: State) -> Double {
    var row = [Double](repeating: 0, count: vocabulary.count)
    var span = row.mutableSpan
    logProbabilities(after: state, into: &span)
    return row[Int(token)]
  }

  /// The logit of one output, in Double; sum in index order.
  private func logit(_ output: Int, _ state: State) -> Double {
    var sum = Double(state.outputs[output])
    guard let weights = layout.outputWeight else { return sum }
    let base = weights.offset + output * state.hidden.count
    for unit in state.hidden.indices {
      sum += Double(parameters[base + unit]) * Double(max(0, state.hidden[unit]))
    }
    return sum
  }
}
