// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Looks at the gradients of a trained network on some sequences, in Double.
public struct GradientProbe {
  /// One tensor's gradient beside another way to compute it.
  public struct Row: Sendable {
    public let name: String
    public let parameterCount: Int
    /// ‖g‖
    public let norm: Double
    /// ‖g - other‖ / ‖g‖; 0 when both are zero.
    public let difference: Double
  }

  private enum Sequence {
    case tokens(inputs: [UInt32], targets: [UInt32])
    case columns(ColumnRecord)

    var stepCount: Int {
      switch self {
      case .tokens(let inputs, _): inputs.count
      case .columns(let record): record.columns.count
      }
    }
  }

  private let network: ReferenceNetwork<Double>
  private let sequences: [Sequence]
  private let targetCount: Int

  /// Reads the sequences that the model can: records of tokens, or of columns with targets.
  ///
  /// - Throws: `StreamError` for an unknown token, no sequences, and what the readers throw.
  public init(
    _ file: RecurrentModelFile, paths: [String], terminator: UInt8
  ) throws(StreamError) {
    network = ReferenceNetwork(
      file.configuration, parameters: file.parameters.map { Double($0) })
    if let table = file.table {
      sequences = try GradientProbe.tokens(
        TokenReader(
          paths: paths, numbering: .known(table.vocabulary), terminator: terminator), table)
    } else {
      guard case .columns = file.configuration.input else {
        throw StreamError(.none, "the model names no vocabulary", advice: "give one of train-rnn")
      }
      let records = try ColumnRecord.all(RecordReader(paths: paths, terminator: terminator))
      try LabellerTraining.check(
        records, inputs: file.configuration.input.width, outputs: file.configuration.outputCount)
      sequences = records.map { .columns($0) }
    }
    guard !sequences.isEmpty else { throw StreamError(.none, "no sequence to look at") }
    targetCount = sequences.reduce(0) { sum, sequence in
      switch sequence {
      case .tokens(_, let targets): sum + targets.count
      case .columns(let record):
        sum + record.targets.joined().reduce(0) { $0 + ($1.isNaN ? 0 : 1) }
      }
    }
  }

  private static func tokens(
    _ reader: TokenReader, _ table: SymbolTable
  ) throws(StreamError) -> [Sequence] {
    var sequences: [Sequence] = []
    while let block = try reader.next() {
      var unknownRecord: Int?
      block.forEachRecord { record, number in
        let symbols = record.map { table.symbols[Int($0)] }
        if symbols.contains(SymbolTable.none) { unknownRecord = unknownRecord ?? number }
        sequences.append(
          .tokens(inputs: [UInt32(table.count)] + symbols, targets: symbols + [table.end]))
      }
      if let unknownRecord {
        throw StreamError(
          .line(block.name, unknownRecord), "a token that the model does not know")
      }
    }
    return sequences
  }

  /// Mean loss a target, nats, and its gradient, with the sequences cut into windows of so many steps
  /// through which alone gradients flow back.
  private func gradient(windowSteps: Int? = nil) -> (nats: Double, gradient: [Double]) {
    var total = [Double](repeating: 0, count: network.layout.count)
    var nats = 0.0
    for sequence in sequences {
      var state = NetworkState<Double>(network.configuration, laneCount: 1)
      let steps = windowSteps ?? sequence.stepCount
      for start in stride(from: 0, to: sequence.stepCount, by: steps) {
        let range = start..<min(start + steps, sequence.stepCount)
        nats += backpropagate(sequence, range, from: &state).loss.nats
        for index in total.indices { total[index] += network.gradient[index] }
      }
    }
    return (nats / Double(targetCount), total)
  }

  private func backpropagate(
    _ sequence: Sequence, _ range: Range<Int>, from state: inout NetworkState<Double>,
    targetsFrom first: Int = 0
  ) -> (loss: WindowLoss, gradient: UnrolledGradient<Double>) {
    let masks = DropoutMasks<Double>(layerCount: network.configuration.layerCount)
    let scale = 1 / Double(targetCount)
    switch sequence {
    case .tokens(let inputs, let targets):
      let window = TrainingWindow(
        stepCount: range.count, laneCount: 1, inputs: Array(inputs[range]),
        targets: range.map { $0 < first ? TrainingWindow.noTarget : targets[$0] })
      return network.backpropagate(window, from: &state, masks: masks, scale: scale)
    case .columns(let record):
      var part = record
      part.columns = Array(record.columns[range])
      part.targets = range.map {
        $0 < first ? record.targets[$0].map { _ in .nan } : record.targets[$0]
      }
      return network.backpropagate(ColumnBatch([part]), from: &state, masks: masks, scale: scale)
    }
  }

  /// Each tensor's gradient against central differences of the loss, at up to `sampleCount` of its
  /// parameters, spread evenly.
  ///
  /// - step: half the distance of the two losses in the parameter.
  public func check(step: Double = 1e-5, sampleCount: Int = 256) -> [Row] {
    let gradient = gradient().gradient
    return network.layout.tensors.map { tensor in
      let samples = min(sampleCount, tensor.count)
      let indices = (0..<samples).map { tensor.offset + $0 * tensor.count / samples }
      let measured = indices.map { index -> Double in
        let original = network.parameters[index]
        defer { network.parameters[index] = original }
        network.parameters[index] = original + step
        let above = self.gradient().nats
        network.parameters[index] = original - step
        return (above - self.gradient().nats) / (2 * step)
      }
      return row(tensor, indices.map { gradient[$0] }, measured)
    }
  }

  /// Each tensor's gradient against that of windows of `windowSteps` steps.
  public func truncate(windowSteps: Int) -> [Row] {
    let full = gradient().gradient
    let truncated = gradient(windowSteps: windowSteps).gradient
    return network.layout.tensors.map {
      row($0, Array(full[$0.range]), Array(truncated[$0.range]))
    }
  }

  private func row(
    _ tensor: ParameterLayout.Tensor, _ gradient: [Double], _ other: [Double]
  ) -> Row {
    let norm = dot(gradient, gradient).squareRoot()
    let difference = zip(gradient, other).map { $0 - $1 }
    let distance = dot(difference, difference).squareRoot()
    return Row(
      name: tensor.name, parameterCount: tensor.count, norm: norm,
      difference: distance == 0 ? 0 : distance / norm)
  }

  /// How far back the loss of a sequence's last step reaches: for each lag and layer the norm of its
  /// gradient with respect to h, that many steps before the end; the mean over the sequences that are
  /// long enough. [lags][layers]
  public func lags() -> [[Double]] {
    var sums: [[Double]] = []
    var counts: [Int] = []
    for sequence in sequences {
      var state = NetworkState<Double>(network.configuration, laneCount: 1)
      let steps = sequence.stepCount
      let hidden = backpropagate(
        sequence, 0..<steps, from: &state, targetsFrom: steps - 1
      ).gradient.hidden
      for lag in 0..<steps {
        if lag == sums.count {
          sums.append(Array(repeating: 0, count: hidden.count))
          counts.append(0)
        }
        counts[lag] += 1
        for layer in hidden.indices {
          let vector = hidden[layer][steps - 1 - lag]
          // The scale of the mean over all targets is taken out again.
          sums[lag][layer] += dot(vector, vector).squareRoot() * Double(targetCount)
        }
      }
    }
    return sums.indices.map { lag in sums[lag].map { $0 / Double(counts[lag]) } }
  }

  /// The singular values of every H x H block of the recurrent weights, by layer and gate.
  public static func recurrentSingularValues(
    _ file: RecurrentModelFile
  ) -> [(layer: Int, gate: Int, values: [Double])] {
    let width = file.configuration.hiddenWidth
    var result: [(layer: Int, gate: Int, values: [Double])] = []
    for (layer, tensors) in ParameterLayout(file.configuration).layers.enumerated() {
      for gate in 0..<file.configuration.cell.gateCount {
        let first = tensors.recurrentWeights.offset + gate * width * width
        let rows = (0..<width).map { row in
          file.parameters[first + row * width..<first + (row + 1) * width].map { Double($0) }
        }
        result.append((layer, gate, singularValues(rows)))
      }
    }
    return result
  }
}
