// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Optimization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Trains a labeller of columns on records of any lengths, in Double: small networks, exact sums.
public final class LabellerTraining {
  private let records: [ColumnRecord]
  private let options: TrainingOptions
  private let network: ReferenceNetwork<Double>

  private let now: () -> Double

  /// - records: with targets.
  /// - now: seconds on a clock that never goes back.
  /// - Throws: `StreamError` for records without targets, or of different widths, and when training
  ///   takes more memory than there is.
  public init(
    _ records: [ColumnRecord], configuration: NetworkConfiguration,
    from initialisation: Initialisation, options: TrainingOptions, now: @escaping () -> Double
  ) throws(StreamError) {
    try options.requireMemory(for: configuration, on: records)
    try LabellerTraining.check(
      records, inputs: configuration.input.width, outputs: configuration.outputCount)
    self.records = records
    self.options = options
    self.now = now
    network = ReferenceNetwork(
      configuration,
      parameters: initialisation.parameters(of: configuration, seed: options.seed))
  }

  /// Whether all records have columns of `inputs` and targets of `outputs` numbers.
  static func check(
    _ records: [ColumnRecord], inputs: Int, outputs: Int
  ) throws(StreamError) {
    for (index, record) in records.enumerated() {
      guard record.columns[0].count == inputs, record.targets.first?.count == outputs else {
        throw StreamError(
          .none,
          "record \(index + 1) has columns of \(record.columns[0].count) and targets of "
            + "\(record.targets.first?.count ?? 0), not \(inputs) and \(outputs)",
          advice: "write columns, a TAB, and as many targets")
      }
    }
  }

  /// Trains; `report` is called after the first step and then every so many.
  ///
  /// - Throws: `StreamError` when the loss is no number any more, and what `report` throws.
  public func run(
    reportEvery interval: Int = .max, report: (TrainingReport) throws -> Void = { _ in }
  ) throws -> RecurrentModelFile {
    let startSeconds = now()
    var optimiser = Optimiser<Double>(
      options.optimiser, parameterCount: network.layout.count)
    let batchCount = (records.count + options.laneCount - 1) / options.laneCount
    let epochLimit = options.epochLimit ?? Int.max / (batchCount + 1)
    let stepLimit = min(options.stepLimit ?? Int.max, epochLimit * batchCount)
    var targetCount = 0
    var recent = WindowLoss(nats: 0, targetCount: 0)
    for step in 1...stepLimit {
      let first = (step - 1) % batchCount * options.laneCount
      let batch = ColumnBatch(Array(records[first..<min(first + options.laneCount, records.count)]))
      var state = NetworkState<Double>(network.configuration, laneCount: batch.laneCount)
      let masks = DropoutMasks<Double>(
        options.dropout, network.configuration, stepCount: batch.stepCount,
        laneCount: batch.laneCount, seed: options.seed, step: step)
      let loss = network.backpropagate(batch, from: &state, masks: masks)
      let gradientNorm = norm(network.gradient)
      let rate = options.schedule.rate(
        step: step, progress: Double(step - 1) / Double(stepLimit))
      guard loss.nats.isFinite, gradientNorm.isFinite else {
        throw StreamError(
          .none, "the loss is not a number any more at step \(step), rate \(rate)",
          advice: "lower --rate or --clip")
      }
      optimiser.update(
        network.parameters, gradient: network.gradient, rate: rate,
        gradientScale: clippingScale(norm: gradientNorm, limit: options.clip))
      targetCount += loss.targetCount
      recent.nats += loss.nats
      recent.targetCount += loss.targetCount
      if step == 1 || step % interval == 0 {
        try report(
          TrainingReport(
            step: step, epoch: (step - 1) / batchCount + 1, tokenCount: targetCount,
            nats: recent.nats / Double(max(recent.targetCount, 1)), gradientNorm: gradientNorm,
            rate: rate, tokensPerSecond: Double(targetCount) / max(now() - startSeconds, 1e-9)))
        recent = WindowLoss(nats: 0, targetCount: 0)
      }
    }
    return RecurrentModelFile(
      configuration: network.configuration, parameters: network.parameters.map { Float($0) },
      table: nil)
  }
}

/// Records side by side, each a lane; shorter ones end in steps without a target.
struct ColumnBatch {
  let stepCount: Int
  let laneCount: Int
  /// [T·B][width]
  var columns: [[Double]]
  /// [T·B][outputs], NaN where there is none.
  var targets: [[Double]]

  init(_ records: [ColumnRecord]) {
    laneCount = records.count
    stepCount = records.map(\.columns.count).max() ?? 0
    let noColumn = [Double](repeating: 0, count: records[0].columns[0].count)
    let noTarget = [Double](repeating: .nan, count: records[0].targets.first?.count ?? 0)
    columns = []
    targets = []
    for step in 0..<stepCount {
      for record in records {
        columns.append(step < record.columns.count ? record.columns[step] : noColumn)
        targets.append(step < record.targets.count ? record.targets[step] : noTarget)
      }
    }
  }
}

extension ReferenceNetwork<Double> {
  /// Forward and backward over records, as over a window: the mean over all targets.
  func backpropagate(
    _ batch: ColumnBatch, from state: inout NetworkState<Double>, masks: DropoutMasks<Double>
  ) -> WindowLoss {
    let targetCount = batch.targets.joined().reduce(0) { $0 + ($1.isNaN ? 0 : 1) }
    return backpropagate(
      batch, from: &state, masks: masks, scale: 1 / Double(max(1, targetCount))
    ).loss
  }

  func backpropagate(
    _ batch: ColumnBatch, from state: inout NetworkState<Double>, masks: DropoutMasks<Double>,
    scale: Double
  ) -> (loss: WindowLoss, gradient: UnrolledGradient<Double>) {
    let trace = unroll(
      batch.columns, laneCount: batch.laneCount,
      resets: Array(repeating: false, count: batch.columns.count), from: &state, masks: masks)
    return backpropagate(trace, scale: scale, masks: masks) {
      loss(of: $1, targets: batch.targets[$0])
    }
  }

  /// The loss of one step of output units and its gradient.
  ///
  /// Cross-entropy of the logistic unit: L = -t ln y - (1-t) ln(1-y), dL/da = y - t. Squared error:
  /// L = ½(y - t)², dL/da = (y - t) y (1 - y).
  func loss(of logits: [Double], targets: [Double]) -> (WindowLoss, [Double]) {
    var loss = WindowLoss(nats: 0, targetCount: 0)
    let isSquared = configuration.output == .logisticSquared
    let gradient = zip(logits, targets).map { logit, target in
      guard !target.isNaN else { return 0.0 }
      let y = sigmoid(logit)
      // ln(1 + e^a) - t a, without overflow.
      let crossEntropy = max(logit, 0) + log1p(exp(-abs(logit))) - target * logit
      loss.add(isSquared ? 0.5 * (y - target) * (y - target) : crossEntropy)
      return isSquared ? (y - target) * y * (1 - y) : y - target
    }
    return (loss, gradient)
  }
}
