// SPDX-License-Identifier: Apache-2.0

/// A network unrolled over a window: all that its layers computed, kept for the way back.
///
/// Everything is indexed by the position t·B + b of step t of lane b.
struct UnrolledTrace<Scalar: BinaryFloatingPoint & Sendable> {
  /// One layer at one position: what entered it and what it made of it.
  struct Record {
    var input: [Scalar]
    var hidden: [Scalar]
    var cell: [Scalar]
    var step: CellStep<Scalar>
  }

  let laneCount: Int
  /// Lanes whose state was set to zero before that position, [T·B].
  let resets: [Bool]
  /// [layers][T·B]
  var layers: [[Record]] = []
  /// The last layer's output as the output layer sees it, [T·B][H].
  var features: [[Scalar]] = []
}

/// What going back through an unrolled network yields, beside the gradients of its parameters.
struct UnrolledGradient<Scalar: BinaryFloatingPoint & Sendable> {
  /// With respect to the vectors that entered layer 0, [T·B][E].
  var inputs: [[Scalar]]
  /// With respect to h after each position, from all later steps and layers, [layers][T·B][H].
  var hidden: [[[Scalar]]]
}

extension ReferenceNetwork {
  /// Runs every layer over the window and moves `state` to its end.
  ///
  /// - inputs: [T·B][E], before dropout.
  /// - resets: [T·B], whether the lane's state is zero before the position.
  func unroll(
    _ inputs: [[Scalar]], laneCount: Int, resets: [Bool], from state: inout NetworkState<Scalar>,
    masks: DropoutMasks<Scalar>
  ) -> UnrolledTrace<Scalar> {
    var trace = UnrolledTrace<Scalar>(laneCount: laneCount, resets: resets)
    let width = configuration.hiddenWidth
    let zero = [Scalar](repeating: 0, count: width)
    var below = inputs.indices.map { masked(inputs[$0], by: masks.input(at: $0)) }
    for (layer, tensors) in layout.layers.enumerated() {
      let inputWeights = view(parameters, tensors.inputWeights)
      let recurrentWeights = view(parameters, tensors.recurrentWeights)
      let inputBias = tensors.inputBias.map { view(parameters, $0).vector }
      let recurrentBias = tensors.recurrentBias.map { view(parameters, $0).vector }
      var records: [UnrolledTrace<Scalar>.Record] = []
      for position in below.indices {
        let lane = position % laneCount
        var (h, c) = state.row(layer, lane, width)
        if resets[position] { (h, c) = (zero, c.isEmpty ? [] : zero) }
        var a = inputWeights.times(below[position])
        var r = recurrentWeights.times(h, mask: masks.recurrentWeights[layer])
        if let inputBias, let recurrentBias { (a, r) = (sum(a, inputBias), sum(r, recurrentBias)) }
        let step = configuration.cell.forward(inputSum: a, recurrentSum: r, hidden: h, cell: c)
        state.setRow(layer, lane, hidden: step.hidden, cell: step.cell)
        records.append(.init(input: below[position], hidden: h, cell: c, step: step))
      }
      below = records.indices.map {
        masked(records[$0].step.hidden, by: masks.layer(layer, at: $0))
      }
      trace.layers.append(records)
    }
    trace.features = below
    return trace
  }

  /// Walks from the last step to the first and from the top layer down, adding to `gradient`.
  ///
  /// - topGradients: d(loss)/d(features), [T·B][H].
  func backward(
    _ trace: UnrolledTrace<Scalar>, topGradients: [[Scalar]], masks: DropoutMasks<Scalar>
  ) -> UnrolledGradient<Scalar> {
    let zero = [Scalar](repeating: 0, count: configuration.hiddenWidth)
    let laneCount = trace.laneCount
    var above = topGradients
    var hiddenGradients: [[[Scalar]]] = []
    for layer in layout.layers.indices.reversed() {
      let tensors = layout.layers[layer]
      let mask = masks.recurrentWeights[layer]
      // What later steps say about the state of each lane.
      var dHidden = Array(repeating: zero, count: laneCount)
      var dCell = dHidden
      var below = above
      var total = above
      for position in above.indices.reversed() {
        let lane = position % laneCount
        let record = trace.layers[layer][position]
        let dOutput = masked(above[position], by: masks.layer(layer, at: position))
        total[position] = sum(dOutput, dHidden[lane])
        let d = configuration.cell.backward(
          record.step, hidden: record.hidden, cell: record.cell, dHidden: total[position],
          dCell: dCell[lane])
        view(gradient, tensors.inputWeights).add(d.inputSum, outer: record.input)
        view(gradient, tensors.recurrentWeights).add(
          d.recurrentSum, outer: record.hidden, mask: mask)
        if let bias = tensors.inputBias { view(gradient, bias).add(d.inputSum) }
        if let bias = tensors.recurrentBias { view(gradient, bias).add(d.recurrentSum) }
        below[position] = view(parameters, tensors.inputWeights).transposedTimes(d.inputSum)
        let throughWeights = view(parameters, tensors.recurrentWeights).transposedTimes(
          d.recurrentSum, mask: mask)
        // No gradient flows past a reset: the state before it was a constant.
        dHidden[lane] = trace.resets[position] ? zero : sum(d.hidden, throughWeights)
        dCell[lane] = trace.resets[position] || d.cell.isEmpty ? zero : d.cell
      }
      above = below
      hiddenGradients.insert(total, at: 0)
    }
    let inputs = above.indices.map { masked(above[$0], by: masks.input(at: $0)) }
    return UnrolledGradient(inputs: inputs, hidden: hiddenGradients)
  }
}

extension NetworkState {
  /// h and c of one lane.
  func row(_ layer: Int, _ lane: Int, _ width: Int) -> (hidden: [Scalar], cell: [Scalar]) {
    let range = lane * width..<(lane + 1) * width
    return (Array(hidden[layer][range]), cell.isEmpty ? [] : Array(cell[layer][range]))
  }

  mutating func setRow(_ layer: Int, _ lane: Int, hidden h: [Scalar], cell c: [Scalar]) {
    let range = lane * h.count..<(lane + 1) * h.count
    hidden[layer].replaceSubrange(range, with: h)
    if !c.isEmpty { cell[layer].replaceSubrange(range, with: c) }
  }
}

extension DropoutMasks {
  /// The multipliers of the input vector at a position.
  func input(at position: Int) -> ArraySlice<Scalar>? { row(of: input, at: position) }

  /// The multipliers of a layer's output at a position.
  func layer(_ layer: Int, at position: Int) -> ArraySlice<Scalar>? {
    row(of: layers[layer], at: position)
  }

  private func row(of mask: [Scalar]?, at position: Int) -> ArraySlice<Scalar>? {
    guard let mask else { return nil }
    let width = mask.count / rowCount
    let start = position % rowCount * width
    return mask[start..<start + width]
  }
}
