// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Optimization

// What a training takes, known before anything is allocated. In Double: sizes beyond all sense have
// products beyond an Int.

extension NetworkConfiguration {
  /// As many as `ParameterLayout` lays out.
  public var parameterTotal: Double {
    let width = Double(hiddenWidth)
    let rows = Double(cell.gateCount) * width
    var total = 0.0
    if case .tokens(let count, let embedding) = input { total += Double(count) * Double(embedding) }
    for (count, inputWidth) in [(1, input.width), (layerCount - 1, hiddenWidth)] {
      total += Double(count) * rows * (Double(inputWidth) + width + (hasBiases ? 2 : 0))
    }
    if !isTied { total += Double(outputCount) * width }
    return total + (hasBiases ? Double(outputCount) : 0)
  }

  /// Numbers that are kept of a window for the way back: gates and states of every layer, outputs
  /// with some dropped, logits, and the rows of the embedding that it reads.
  ///
  /// - steps, lanes: T and B.
  func activationTotal(steps: Int, lanes: Int) -> Double {
    let (width, lanes) = (Double(hiddenWidth), Double(lanes))
    let positions = Double(steps) * lanes
    let gates = Double(cell == .gru ? 4 : cell.gateCount) * width
    let layer = positions * (gates + width) + (positions + lanes) * Double(stateWidth)
    var embedded = positions * Double(input.width)
    if case .tokens(let count, let embedding) = input {
      embedded = min(Double(count), positions) * (gates + 2 * Double(embedding))
    }
    return Double(layerCount) * layer + positions * (width + Double(outputCount)) + embedded
  }
}

extension TrainingOptions {
  /// Bytes that training a language model takes at its height.
  ///
  /// - data: what it is trained on, two or four bytes a symbol.
  public func memoryNeed(of configuration: NetworkConfiguration, on data: TrainingData) -> Double {
    let plan = plan(of: data, epoch: 0)
    var need = memoryNeed(
      of: configuration, steps: plan.windowSteps, lanes: plan.laneCount, numberSize: 4)
    if data.validation.count > 0 {
      // The best parameters, and those at hand while others are evaluated.
      need += 4 * 2 * configuration.parameterTotal
    }
    return need + Double(data.training.byteCount + data.validation.byteCount)
  }

  private func memoryNeed(
    of configuration: NetworkConfiguration, steps: Int, lanes: Int, numberSize: Double
  ) -> Double {
    // The parameters, their gradient, the optimiser's memory and the average.
    let blocks = 2 + optimiser.method.momentCount + (averaging == .none ? 0 : 1)
    return numberSize
      * (Double(blocks) * configuration.parameterTotal
        + configuration.activationTotal(steps: steps, lanes: lanes))
  }

  /// - Throws: `StreamError` when training takes more memory than this process may use.
  public func requireMemory(
    for configuration: NetworkConfiguration, on data: TrainingData
  ) throws(StreamError) {
    try require(memoryNeed(of: configuration, on: data), for: configuration)
  }

  /// The same for a labeller of records, which computes in Double.
  public func requireMemory(
    for configuration: NetworkConfiguration, on records: [ColumnRecord]
  ) throws(StreamError) {
    let steps = records.map(\.columns.count).max() ?? 0
    try require(
      memoryNeed(
        of: configuration, steps: steps, lanes: min(laneCount, records.count), numberSize: 8),
      for: configuration)
  }

  private func require(
    _ byteCount: Double, for configuration: NetworkConfiguration
  ) throws(StreamError) {
    let limit = Machine.memoryByteCount
    guard byteCount > Double(limit) else { return }
    func digits(_ number: Double) -> String {
      number < 0x1p62 ? "\(Int(number))" : "\(number)"
    }
    throw StreamError(
      .none,
      "\(digits(configuration.parameterTotal)) parameters and what training them takes want "
        + "\(digits(byteCount)) bytes of \(limit)",
      advice: "lower --hidden, --embed, --layers, --batch or --window")
  }
}
