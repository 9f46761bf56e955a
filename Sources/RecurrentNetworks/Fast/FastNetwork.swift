// SPDX-License-Identifier: Apache-2.0

internal import CKernels
public import LinearAlgebra

/// The network in Float on a team of threads, by matrix products over whole windows: the same
/// function as `ReferenceNetwork`, some thousand times as fast.
///
/// How the work is cut among the threads never shows: every sum has one order, so loss and gradients
/// have the same bits for a team of any size (on one instruction set).
public final class FastNetwork: TrainableNetwork {
  public let configuration: NetworkConfiguration
  public let layout: ParameterLayout
  let team: Team
  private let parameterStorage: FloatStorage
  private let gradientStorage: FloatStorage
  private let scratch: ProductScratch

  private let cell: FastCell
  private let input: FastInput
  private let layers: [FastLayer]
  private let output: FastOutput
  /// One per layer: the output with some elements dropped, [T·B, H].
  private let droppedOutputs: [Buffer]
  /// [T·B, H]: the gradient on its way down.
  private let passing = Buffer()
  /// [gateWidth]: the biases of one layer.
  private let biasRow: FloatStorage
  /// [recurrentWidth, H]: recurrent weights with some dropped.
  private let maskedWeights = Buffer()

  /// - configuration: of tokens to a softmax.
  /// - parameters: in the order of the layout.
  /// - usesTable: whether products of the embedding are computed once for each distinct token of a
  ///   window (`FastInput`); without, once for each position, for comparison.
  public init(
    _ configuration: NetworkConfiguration, parameters: [Float], team: Team, usesTable: Bool = true
  ) {
    guard case .tokens(let symbolCount, let embeddingWidth) = configuration.input else {
      preconditionFailure("the fast network reads tokens")
    }
    precondition(configuration.output == .softmax)
    self.configuration = configuration
    self.team = team
    layout = ParameterLayout(configuration)
    precondition(parameters.count == layout.count)
    parameterStorage = FloatStorage(count: layout.count)
    gradientStorage = FloatStorage(count: layout.count)
    scratch = ProductScratch(team: team)
    let cell = FastCell(configuration)
    self.cell = cell
    biasRow = FloatStorage(count: cell.gateWidth)
    input = FastInput(
      symbolCount: symbolCount, width: embeddingWidth, gateWidth: cell.gateWidth,
      usesTable: usesTable, team: team)
    layers = layout.layers.map { FastLayer(cell: cell, tensors: $0, team: team) }
    output = FastOutput(width: configuration.outputCount, team: team)
    droppedOutputs = layers.map { _ in Buffer() }
    _ = self.parameters.update(from: parameters)
  }

  public var parameters: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: parameterStorage.base, count: layout.count)
  }

  public var gradient: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: gradientStorage.base, count: layout.count)
  }

  public func parametersDidChange() {
    for layer in layers { layer.weightsDidChange() }
  }

  public func backpropagate(
    _ window: TrainingWindow, from state: inout NetworkState<Float>, masks: DropoutMasks<Float>
  ) -> WindowLoss {
    let resets = Resets(inputs: window.inputs, startToken: configuration.startToken)
    let features = forward(window, from: &state, masks: masks, resets: resets, forBackward: true)
    let logits = logits(of: features)
    let scale = 1 / Float(max(1, window.targetCount))
    let loss = output.loss(logits, targets: window.targets, scale: scale)
    clearEmbeddingGradient()
    outputGradient(dLogits: logits, features: features)
    var dOutputs = passing.matrix(logits.rows, cell.width)
    team.multiply(logits, parameter(layout.outputWeights), into: dOutputs, scratch: scratch)
    for number in layers.indices.reversed() {
      mask(dOutputs, by: masks.layers[number], masks)
      let layer = layers[number]
      layer.backward(dOutputs: dOutputs, resets: resets)
      let recurrent = gradient(layer.tensors.recurrentWeights)
      layer.recurrentGradient(into: recurrent, resets: resets, scratch: scratch)
      if let mask = masks.recurrentWeights[number] {
        multiply(recurrent.base, by: mask, count: recurrent.rows * recurrent.columns)
      }
      if number > 0 {
        let below = outputs(ofLayer: number - 1, masks)
        dOutputs = passing.matrix(logits.rows, cell.width)
        inputGradient(layer, dGates: layer.gates, inputs: below, dInputs: dOutputs)
      } else {
        if input.isTable { input.sumByToken(layer.gates) }
        inputGradient(
          layer, dGates: input.isTable ? input.table : layer.gates, inputs: input.vectors,
          dInputs: input.reserveGradient())
        input.addGradient(to: gradient(layout.embedding!), inputs: window.inputs, masks: masks)
      }
    }
    return loss
  }

  public func loss(of window: TrainingWindow, from state: inout NetworkState<Float>) -> WindowLoss {
    output.loss(logits(of: window, from: &state), targets: window.targets, scale: nil)
  }

  /// Unnormalised log-probabilities of every symbol at every step, [T·B, outputs]. Valid until the
  /// next call.
  public func logits(of window: TrainingWindow, from state: inout NetworkState<Float>) -> Matrix {
    let masks = DropoutMasks<Float>(layerCount: layers.count)
    let resets = Resets(inputs: window.inputs, startToken: configuration.startToken)
    return logits(
      of: forward(window, from: &state, masks: masks, resets: resets, forBackward: false))
  }

  // MARK: forward

  /// Runs every layer; what the output layer reads, [T·B, H].
  private func forward(
    _ window: TrainingWindow, from state: inout NetworkState<Float>, masks: DropoutMasks<Float>,
    resets: Resets, forBackward: Bool
  ) -> Matrix {
    precondition(state.laneCount == window.laneCount)
    input.read(window.inputs, embedding: parameter(layout.embedding!), masks: masks)
    for (number, layer) in layers.enumerated() {
      layer.reserve(WindowShape(steps: window.stepCount, lanes: window.laneCount))
      pack(layer, mask: masks.recurrentWeights[number], forBackward: forBackward)
      cell.biasRow(
        input: layer.tensors.inputBias.map { parameterStorage.base + $0.offset },
        recurrent: layer.tensors.recurrentBias.map { parameterStorage.base + $0.offset },
        into: biasRow.base)
      layer.setState(
        hidden: state.hidden[number], cell: cell.kind == .lstm ? state.cell[number] : [])
      if number > 0 {
        project(outputs(ofLayer: number - 1, masks), layer, into: layer.gates)
        layer.forward(resets: resets, inputRow: nil)
      } else if input.isTable {
        project(input.vectors, layer, into: input.table)
        layer.forward(resets: resets, inputRow: input.tableRow)
      } else {
        project(input.vectors, layer, into: layer.gates)
        layer.forward(resets: resets, inputRow: nil)
      }
      let last = layer.state()
      state.hidden[number] = last.hidden
      if cell.kind == .lstm { state.cell[number] = last.cell }
      if let kept = masks.layers[number] {
        let dropped = droppedOutputs[number].matrix(window.inputs.count, cell.width)
        dropped.base.update(from: layer.outputs.base, count: dropped.rows * dropped.columns)
        mask(dropped, by: kept, masks)
      }
    }
    return outputs(ofLayer: layers.count - 1, masks)
  }

  /// gates = W_ih x + biases
  private func project(_ inputs: Matrix, _ layer: FastLayer, into gates: Matrix) {
    let weights = parameter(layer.tensors.inputWeights)
    for part in cell.inputParts {
      team.multiply(
        inputs, weights.rows(part.weightRows).transposed,
        from: .row(biasRow.base + part.gateColumns.lowerBound),
        into: gates.columns(part.gateColumns), scratch: scratch)
    }
    cell.fillRecurrentBias(of: gates, from: biasRow.base)
  }

  /// A layer's output as the next one sees it, [T·B, H].
  private func outputs(ofLayer number: Int, _ masks: DropoutMasks<Float>) -> Matrix {
    let whole = layers[number].outputs
    guard masks.layers[number] != nil else { return whole }
    return droppedOutputs[number].matrix(whole.rows, whole.columns)
  }

  private func logits(of features: Matrix) -> Matrix {
    output.logits(
      features, weights: parameter(layout.outputWeights),
      bias: layout.outputBias.map { UnsafePointer(parameterStorage.base + $0.offset) },
      scratch: scratch)
  }

  private func pack(_ layer: FastLayer, mask: [Float]?, forBackward: Bool) {
    var weights = parameter(layer.tensors.recurrentWeights)
    if let mask {
      let masked = maskedWeights.matrix(weights.rows, weights.columns)
      masked.base.update(from: weights.base, count: mask.count)
      multiply(masked.base, by: mask, count: mask.count)
      weights = masked
      layer.weightsDidChange()
    }
    layer.pack(weights, forBackward: forBackward)
    // What is packed is not the weights themselves.
    if mask != nil { layer.weightsDidChange() }
  }

  // MARK: backward

  private func outputGradient(dLogits: Matrix, features: Matrix) {
    team.multiply(
      dLogits.transposed, features, into: gradient(layout.outputWeights), scratch: scratch)
    if let bias = layout.outputBias {
      team.sumRows(dLogits, into: gradientStorage.base + bias.offset)
    }
  }

  /// Gradients of a layer's input weights, its biases and its input.
  ///
  /// - dGates: [rows, gateWidth]
  /// - inputs, dInputs: [rows, width of the input]
  private func inputGradient(_ layer: FastLayer, dGates: Matrix, inputs: Matrix, dInputs: Matrix) {
    let weights = parameter(layer.tensors.inputWeights)
    let dWeights = gradient(layer.tensors.inputWeights)
    for (number, part) in cell.inputParts.enumerated() {
      let d = dGates.columns(part.gateColumns)
      team.multiply(
        d.transposed, inputs, into: dWeights.rows(part.weightRows), scratch: scratch)
      team.multiply(
        d, weights.rows(part.weightRows), from: number == 0 ? .zero : .itself, into: dInputs,
        scratch: scratch)
      if let bias = layer.tensors.inputBias {
        team.sumRows(d, into: gradientStorage.base + bias.offset + part.weightRows.lowerBound)
      }
    }
    if let bias = layer.tensors.recurrentBias {
      team.sumRows(
        dGates.columns(0..<cell.recurrentWidth), into: gradientStorage.base + bias.offset)
    }
  }

  /// Zero where gradients of embeddings are added; a tied output layer writes its own rows first.
  private func clearEmbeddingGradient() {
    let embedding = layout.embedding!
    let first = configuration.isTied ? layout.outputWeights.count : 0
    let base = gradientStorage.base + embedding.offset
    team.run { member in
      let share = team.share(of: embedding.count - first, member: member)
      (base + first + share.lowerBound).update(repeating: 0, count: share.count)
    }
  }

  // MARK: masks and views

  /// Multiplies rows by their masks, if there is one.
  private func mask(_ rows: Matrix, by mask: [Float]?, _ masks: DropoutMasks<Float>) {
    guard let mask else { return }
    team.run { member in
      for row in team.share(of: rows.rows, member: member) {
        masks.multiply(rows.row(row), by: mask, at: row, rows.columns, team)
      }
    }
  }

  private func multiply(_ base: UnsafeMutablePointer<Float>, by mask: [Float], count: Int) {
    precondition(mask.count == count)
    mask.withUnsafeBufferPointer { team.kernels.pointee.multiply(base, $0.baseAddress!, count) }
  }

  private func parameter(_ tensor: ParameterLayout.Tensor) -> Matrix {
    parameterStorage.matrix(at: tensor.offset, tensor.shape[0], tensor.shape[1])
  }

  private func gradient(_ tensor: ParameterLayout.Tensor) -> Matrix {
    gradientStorage.matrix(at: tensor.offset, tensor.shape[0], tensor.shape[1])
  }
}

/// Floats that grow as needed.
private final class Buffer {
  private var storage = FloatStorage(count: 0)

  func matrix(_ rows: Int, _ columns: Int) -> Matrix {
    storage.reserve(rows * columns)
    return storage.matrix(rows, columns)
  }
}
