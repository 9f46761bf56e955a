// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import LinearAlgebra

/// A network that reads one symbol at a time for several sequences at once: what generating and
/// scoring need, without anything kept for a way back.
///
/// All weights are packed once, so that a step reads each of them once for all sequences: one
/// sequence runs at the speed of memory, many as matrix products. A sequence's numbers are the same
/// bits whichever others run beside it.
final class SteppingNetwork: Sendable {
  private let configuration: NetworkConfiguration
  private let team: Team
  private let cell: FastCell
  private let layers: [SteppingLayer]
  /// [symbols, E] when layer 0 multiplies, nothing when it looks the product up.
  private let embedding: FloatStorage
  /// [symbols, gateWidth]: what layer 0's gates begin with for each symbol, where that is small.
  private let table: FloatStorage
  private let hasTable: Bool
  /// [H, outputs]
  private let outputWeights: PackedWeights
  private let outputBias: FloatStorage

  /// Floats of a table of input products that still pays: it stays in the caches.
  private static let tableLimit = 1 << 20

  init(_ configuration: NetworkConfiguration, parameters: [Float], team: Team) {
    guard case .tokens(let symbolCount, let width) = configuration.input else {
      preconditionFailure("the stepping network reads tokens")
    }
    let layout = ParameterLayout(configuration)
    let cell = FastCell(configuration)
    let all = FloatStorage(parameters)
    func matrix(_ tensor: ParameterLayout.Tensor) -> Matrix {
      all.matrix(at: tensor.offset, tensor.shape[0], tensor.shape[1])
    }
    func address(_ tensor: ParameterLayout.Tensor?) -> UnsafePointer<Float>? {
      tensor.map { UnsafePointer(all.base + $0.offset) }
    }
    self.configuration = configuration
    self.team = team
    self.cell = cell
    hasTable = symbolCount * cell.gateWidth <= SteppingNetwork.tableLimit
    layers = layout.layers.map { tensors in
      SteppingLayer(
        cell, inputWeights: matrix(tensors.inputWeights),
        recurrentWeights: matrix(tensors.recurrentWeights),
        inputBias: address(tensors.inputBias), recurrentBias: address(tensors.recurrentBias),
        team: team)
    }
    outputWeights = PackedWeights(matrix(layout.outputWeights).transposed, team: team)
    outputBias = FloatStorage(
      layout.outputBias.map { Array(parameters[$0.range]) }
        ?? Array(repeating: 0, count: configuration.outputCount))
    let rows = layout.embedding!
    table = FloatStorage(count: hasTable ? symbolCount * cell.gateWidth : 0)
    embedding = FloatStorage(hasTable ? [] : Array(parameters[rows.range]))
    if hasTable {
      layers[0].project(
        matrix(rows), into: table.matrix(symbolCount, cell.gateWidth), cell: cell, team: team)
    }
    precondition(matrix(rows).columns == width)
  }

  /// Moves every state on by its symbol (a row of the embedding).
  func advance(_ states: inout [RecurrentModel.State], with symbols: [UInt32]) {
    let (count, width) = (states.count, cell.width)
    let inputWidth = max(configuration.input.width, width)
    let inputs = FloatStorage(count: count * inputWidth)
    let gates = FloatStorage(count: count * cell.gateWidth)
    // h and c before the step, then h and c after it, [4][states, H].
    let memory = FloatStorage(count: 4 * count * width)
    let part = count * width
    let isLSTM = cell.kind == .lstm
    for layer in 0..<configuration.layerCount {
      let rows = gates.matrix(count, cell.gateWidth)
      for (row, symbol) in symbols.enumerated() where layer == 0 {
        if hasTable {
          rows.row(row).update(
            from: table.base + Int(symbol) * cell.gateWidth, count: cell.gateWidth)
        } else {
          let vector = configuration.input.width
          (inputs.base + row * vector).update(
            from: embedding.base + Int(symbol) * vector, count: vector)
        }
      }
      if layer > 0 {
        inputs.base.update(from: memory.base + 2 * part, count: part)
      }
      if layer > 0 || !hasTable {
        layers[layer].project(
          inputs.matrix(count, configuration.inputWidth(ofLayer: layer)), into: rows, cell: cell,
          team: team)
      }
      let cellOffset = (configuration.layerCount + layer) * width
      for (row, state) in states.enumerated() {
        state.values.withUnsafeBufferPointer { values in
          let values = values.baseAddress!
          (memory.base + row * width).update(from: values + layer * width, count: width)
          guard isLSTM else { return }
          (memory.base + part + row * width).update(from: values + cellOffset, count: width)
        }
      }
      layers[layer].recurrent.multiplyTogether(
        memory.matrix(count, width), from: .itself, into: rows.columns(0..<cell.recurrentWidth),
        team: team)
      cell.forward(
        team.kernels, gates: gates.base, hiddenBefore: memory.base,
        cellBefore: isLSTM ? UnsafePointer(memory.base + part) : nil,
        hidden: memory.base + 2 * part, cell: isLSTM ? memory.base + 3 * part : nil,
        lanes: count)
      for row in states.indices {
        states[row].values.withUnsafeMutableBufferPointer { values in
          let values = values.baseAddress!
          (values + layer * width).update(
            from: memory.base + 2 * part + row * width, count: width)
          guard isLSTM else { return }
          (values + cellOffset).update(from: memory.base + 3 * part + row * width, count: width)
        }
      }
    }
  }

  /// The distributions of the next symbol, [states, outputs], nats.
  func logProbabilities(after states: [RecurrentModel.State]) -> [Float] {
    let (count, width, outputs) = (states.count, cell.width, configuration.outputCount)
    let features = FloatStorage(count: count * width)
    let top = (configuration.layerCount - 1) * width
    for (row, state) in states.enumerated() {
      state.values.withUnsafeBufferPointer {
        (features.base + row * width).update(from: $0.baseAddress! + top, count: width)
      }
    }
    return [Float](unsafeUninitializedCapacity: count * outputs) { rows, initializedCount in
      let logits = Matrix(rows.baseAddress!, count, outputs)
      outputWeights.multiplyTogether(
        features.matrix(count, width), from: .row(outputBias.base), into: logits, team: team)
      for row in 0..<count {
        _ = team.kernels.pointee.log_softmax(logits.row(row), outputs)
      }
      initializedCount = count * outputs
    }
  }
}

/// The packed weights of one layer.
private final class SteppingLayer: Sendable {
  /// One for each part of the gates that the input yields, [width of the input, columns].
  let input: [PackedInput]
  /// [H, recurrentWidth]
  let recurrent: PackedWeights
  /// [gateWidth]
  let bias: FloatStorage

  init(
    _ cell: FastCell, inputWeights: Matrix, recurrentWeights: Matrix,
    inputBias: UnsafePointer<Float>?, recurrentBias: UnsafePointer<Float>?, team: Team
  ) {
    input = cell.inputParts.map {
      PackedInput(
        weights: PackedWeights(inputWeights.rows($0.weightRows).transposed, team: team),
        columns: $0.gateColumns)
    }
    recurrent = PackedWeights(recurrentWeights.transposed, team: team)
    bias = FloatStorage(count: cell.gateWidth)
    cell.biasRow(input: inputBias, recurrent: recurrentBias, into: bias.base)
  }

  /// gates = W_ih x + biases
  func project(_ inputs: Matrix, into gates: Matrix, cell: FastCell, team: Team) {
    for part in input {
      part.weights.multiplyTogether(
        inputs, from: .row(bias.base + part.columns.lowerBound),
        into: gates.columns(part.columns), team: team)
    }
    cell.fillRecurrentBias(of: gates, from: bias.base)
  }
}

private final class PackedInput: Sendable {
  let weights: PackedWeights
  let columns: Range<Int>

  init(weights: consuming PackedWeights, columns: Range<Int>) {
    self.weights = weights
    self.columns = columns
  }
}
