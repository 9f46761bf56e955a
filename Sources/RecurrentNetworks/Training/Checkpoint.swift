// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Optimization
public import TensorFiles
internal import TokenStreams

/// Where a training stands, as a file: safetensors of the parameters, the optimiser's memory, the
/// carried state and every counter.
public struct Checkpoint<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  public let progress: TrainingProgress<Scalar>
  let parameters: [Scalar]

  /// Reads a checkpoint of the same training.
  ///
  /// - Throws: `StreamError` when it is of another network, other options or other data, naming them.
  public init<Network: TrainableNetwork<Scalar>>(
    _ file: TensorFile, for network: Network, data: TrainingData, options: TrainingOptions
  ) throws(StreamError) {
    guard let found = file.metadata["chainrule.checkpoint"] else {
      throw StreamError(.file(file.name), "is no checkpoint", advice: "see --checkpoint")
    }
    let expected = trainingDescription(network.configuration, data, options)
    let differences = zip(found.split(separator: " "), expected.split(separator: " "))
      .filter { $0 != $1 }.map { "\($0) instead of \($1)" }
    guard found == expected else {
      throw StreamError(
        .file(file.name),
        "belongs to another training: \(differences.joined(separator: ", "))",
        advice: "give the options and data it was begun with")
    }
    func numbers<Number: BinaryFloatingPoint>(_ name: String) throws(StreamError) -> [Number] {
      guard let entry = file.entry(name) else {
        throw StreamError(.file(file.name), "tensor \(name) is missing")
      }
      return try file.numbers(of: entry)
    }
    func block(_ name: String, orEmpty: Bool = false) throws(StreamError) -> [Scalar] {
      let block: [Scalar] = try numbers(name)
      guard block.count == network.layout.count || (orEmpty && block.isEmpty) else {
        throw StreamError(.file(file.name), "tensor \(name) has \(block.count) numbers")
      }
      return block
    }
    parameters = try block("parameters")
    let counters: [Double] = try numbers("counters")
    guard counters.count == Checkpoint.counterCount, counters[..<8].allSatisfy({ $0 >= 0 }),
      counters[..<8].allSatisfy({ $0 < 0x1p53 && $0.rounded() == $0 })
    else { throw StreamError(.file(file.name), "its counters make no sense") }
    let laneCount = Int(counters[7])
    var progress = TrainingProgress(network, options, laneCount: max(1, min(laneCount, 1 << 20)))
    if !progress.optimiser.means.isEmpty { progress.optimiser.means = try block("means") }
    if !progress.optimiser.squares.isEmpty { progress.optimiser.squares = try block("squares") }
    progress.averaging.average = try block("average", orEmpty: true)
    progress.bestParameters = try block("best", orEmpty: true)
    for layer in progress.state.hidden.indices {
      let hidden: [Scalar] = try numbers("state.hidden.\(layer)")
      guard hidden.count == progress.state.hidden[layer].count else {
        throw StreamError(.file(file.name), "its carried state has another shape")
      }
      progress.state.hidden[layer] = hidden
    }
    for layer in progress.state.cell.indices {
      let cell: [Scalar] = try numbers("state.cell.\(layer)")
      guard cell.count == progress.state.cell[layer].count else {
        throw StreamError(.file(file.name), "its carried state has another shape")
      }
      progress.state.cell[layer] = cell
    }
    (progress.step, progress.epoch) = (Int(counters[0]), Int(counters[1]))
    (progress.window, progress.tokenCount) = (Int(counters[2]), Int(counters[3]))
    progress.optimiser.stepNumber = Int(counters[4])
    progress.averaging.stepCount = Int(counters[5])
    progress.evaluationsSinceBest = Int(counters[6])
    progress.schedule.evaluationsSinceBest = Int(counters[8])
    progress.schedule.best = counters[9]
    progress.schedule.share = counters[10]
    progress.bestNats = counters[11]
    progress.seconds = counters[12]
    self.progress = progress
  }

  static var counterCount: Int { 13 }
}

extension Trainer {
  /// Writes where the training stands; does not finish the sink.
  public func writeCheckpoint(to sink: ByteSink) throws(StreamError) {
    let writer = TensorFileWriter(metadata: [
      ("chainrule.checkpoint", trainingDescription(network.configuration, data, options))
    ])
    func add(_ name: String, _ block: [Network.Scalar]) {
      if MemoryLayout<Network.Scalar>.size == 4 {
        writer.add(name, shape: [block.count], block.map { Float($0) })
      } else {
        writer.add(name, shape: [block.count], block.map { Double($0) })
      }
    }
    let progress = progress
    add("parameters", Array(network.parameters))
    if !progress.optimiser.means.isEmpty { add("means", progress.optimiser.means) }
    if !progress.optimiser.squares.isEmpty { add("squares", progress.optimiser.squares) }
    add("average", progress.averaging.average)
    add("best", progress.bestParameters)
    for (layer, hidden) in progress.state.hidden.enumerated() {
      add("state.hidden.\(layer)", hidden)
    }
    for (layer, cell) in progress.state.cell.enumerated() { add("state.cell.\(layer)", cell) }
    let counts = [
      progress.step, progress.epoch, progress.window, progress.tokenCount,
      progress.optimiser.stepNumber, progress.averaging.stepCount, progress.evaluationsSinceBest,
      progress.state.laneCount, progress.schedule.evaluationsSinceBest,
    ]
    let counters =
      counts.map(Double.init) + [
        progress.schedule.best, progress.schedule.share, progress.bestNats, progress.seconds,
      ]
    writer.add("counters", shape: [Checkpoint<Network.Scalar>.counterCount], counters)
    try writer.write(to: sink)
  }
}

/// All that must be the same for a training to go on, one word a fact. Where it ends is not among
/// them, so that it may go on for longer.
private func trainingDescription(
  _ configuration: NetworkConfiguration, _ data: TrainingData, _ options: TrainingOptions
) -> String {
  let dropout = options.dropout
  let rates = [
    dropout.input, dropout.betweenLayers, dropout.output, dropout.embeddingRows,
    dropout.recurrentWeights,
  ]
  let optimiser = options.optimiser
  return [
    configuration.description, "mode=\(options.mode)", "batch=\(options.laneCount)",
    "window=\(options.windowSteps)", "optimiser=\(optimiser.method)",
    "decay=\(optimiser.weightDecay)", "momentum=\(optimiser.momentum)",
    "schedule=\(options.schedule.shape)", "rate=\(options.schedule.rate)",
    "warm-up=\(options.schedule.warmUpStepCount)", "clip=\(options.clip ?? 0)",
    "dropout=\(rates.map { "\($0)" }.joined(separator: ","))", "locked=\(dropout.isLocked)",
    "averaging=\("\(options.averaging)".split(separator: " ").joined())", "seed=\(options.seed)",
    "vocabulary=\(String(data.table.vocabulary.fingerprint, radix: 16))",
    "training=\(String(data.training.fingerprint, radix: 16))",
    "trained=\(data.trainingRange.count)",
    "validation=\(String(data.validation.fingerprint, radix: 16))",
  ].joined(separator: " ")
}
