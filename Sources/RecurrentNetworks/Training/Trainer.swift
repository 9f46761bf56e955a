// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Optimization

/// Why training ended.
public enum TrainingEnd: Sendable { case finished, converged, interrupted }

/// Trains a network on a stream of symbols, window after window.
///
/// Its state is a value of which a checkpoint is a copy: training that goes on from one gives the
/// bytes of training that was never interrupted.
public final class Trainer<Network: TrainableNetwork> {
  public let network: Network
  public let data: TrainingData
  public let options: TrainingOptions
  /// What a checkpoint holds.
  public internal(set) var progress: TrainingProgress<Network.Scalar>
  private var plan: EpochPlan
  /// Since the last report.
  private var recent = WindowLoss(nats: 0, targetCount: 0)
  /// Mean loss of the last step, nats a target.
  private(set) var lastNats = Double.nan
  private let now: () -> Double
  private let startSeconds: Double
  private let startTokenCount: Int

  /// - now: seconds on a clock that never goes back.
  /// - checkpoint: where to go on; nothing begins.
  /// - Throws: `StreamError` when a continuous stream is shorter than one window.
  public init(
    _ network: Network, data: TrainingData, options: TrainingOptions,
    resuming checkpoint: Checkpoint<Network.Scalar>? = nil, now: @escaping () -> Double
  ) throws(StreamError) {
    precondition(
      options.epochLimit != nil || options.stepLimit != nil || options.secondsLimit != nil)
    if options.mode == .continuous, data.trainingRange.count < options.windowSteps {
      throw StreamError(
        .none,
        "the stream of \(data.trainingRange.count) tokens is shorter than one window of "
          + "\(options.windowSteps)", advice: "lower --window or train on more")
    }
    self.network = network
    self.data = data
    self.options = options
    plan = options.plan(of: data, epoch: checkpoint?.progress.epoch ?? 0)
    progress =
      checkpoint?.progress ?? TrainingProgress(network, options, laneCount: plan.laneCount)
    self.now = now
    startSeconds = now()
    startTokenCount = progress.tokenCount
    if let checkpoint { replaceParameters(by: checkpoint.parameters) }
  }

  /// Trains until a limit is reached or `shouldStop` says so, which is asked after every step.
  ///
  /// - reportEvery: steps between two reports; every evaluation is reported too, and the first step.
  /// - saveTo: opens the checkpoint, which is then replaced: at evaluations and every minute, so that
  ///   little is lost to a signal that kills at once, and when training is interrupted.
  /// - Throws: `StreamError` when the loss is no number any more, and what the closures throw.
  public func run(
    reportEvery interval: Int = .max, report: (TrainingReport) throws -> Void = { _ in },
    saveTo open: (() throws -> ByteSink)? = nil, shouldStop: () -> Bool = { false }
  ) throws -> TrainingEnd {
    let earlierSeconds = progress.seconds
    var lastSave = now()
    func save() throws {
      guard let open else { return }
      let sink = try open()
      try writeCheckpoint(to: sink)
      try sink.finish()
      lastSave = now()
    }
    while !isFinished() {
      let (gradientNorm, rate) = try step()
      progress.seconds = earlierSeconds + now() - startSeconds
      var isEpochEnd = progress.window == plan.windowCount
      if isEpochEnd { beginEpoch() }
      if let interval = options.evaluationInterval {
        isEpochEnd = progress.step % interval == 0
      }
      let isEvaluation = isEpochEnd || isFinished()
      let validationNats = isEvaluation ? evaluate() : nil
      if progress.step == 1 || progress.step % interval == 0 || validationNats != nil {
        let elapsed = max(now() - startSeconds, 1e-9)
        try report(
          TrainingReport(
            step: progress.step, epoch: progress.epoch, tokenCount: progress.tokenCount,
            nats: recent.nats / Double(max(recent.targetCount, 1)),
            validationNats: validationNats, gradientNorm: gradientNorm, rate: rate,
            tokensPerSecond: Double(progress.tokenCount - startTokenCount) / elapsed))
        recent = WindowLoss(nats: 0, targetCount: 0)
      }
      if isEvaluation || now() - lastSave > 60 { try save() }
      if let patience = options.patience, progress.evaluationsSinceBest >= patience {
        return .converged
      }
      if shouldStop() {
        try save()
        return .interrupted
      }
    }
    return .finished
  }

  /// The parameters to keep: the best by validation, else the average, else the last. Training is over:
  /// the optimiser gives its memory back first, which is more than a copy takes.
  public func takeResult() -> [Network.Scalar] {
    progress.optimiser.forget()
    if !progress.bestParameters.isEmpty { return progress.bestParameters }
    return progress.averaging.average.isEmpty
      ? Array(network.parameters) : progress.averaging.average
  }

  /// One step: forward, backward, clip, update. Gives back the gradient's norm and the rate.
  private func step() throws(StreamError) -> (Double, Double) {
    let window = plan.window(progress.window)
    progress.step += 1
    progress.window += 1
    let masks = DropoutMasks<Network.Scalar>(
      options.dropout, network.configuration, stepCount: window.stepCount,
      laneCount: window.laneCount, seed: options.seed, step: progress.step)
    let share = completedShare(beforeStep: true)
    let rate = progress.schedule.rate(step: progress.step, progress: share)
    let loss = network.backpropagate(window, from: &progress.state, masks: masks)
    guard loss.targetCount > 0 else { return (0, rate) }
    let gradientNorm = network.gradientNorm()
    guard loss.nats.isFinite, gradientNorm.isFinite else {
      throw StreamError(
        .none, "the loss is not a number any more at step \(progress.step), rate \(rate)",
        advice: "lower --rate or --clip; the last checkpoint is kept")
    }
    network.update(
      by: &progress.optimiser, rate: rate,
      gradientScale: clippingScale(norm: gradientNorm, limit: options.clip))
    progress.averaging.update(with: network.parameters, progress: share)
    progress.tokenCount += loss.targetCount
    lastNats = loss.nats / Double(loss.targetCount)
    recent.nats += loss.nats
    recent.targetCount += loss.targetCount
    return (gradientNorm, rate)
  }

  private func beginEpoch() {
    progress.epoch += 1
    progress.window = 0
    plan = options.plan(of: data, epoch: progress.epoch)
    progress.state = NetworkState(network.configuration, laneCount: plan.laneCount)
  }

  /// The share of the training that is done, by whichever limit is nearest.
  ///
  /// - step: whether the step at hand is not counted, as its learning rate wants it.
  func completedShare(beforeStep step: Bool = false) -> Double {
    let uncounted = step ? 1 : 0
    var share = 0.0
    if let limit = options.epochLimit {
      let windows = Double(progress.window - uncounted) / Double(max(plan.windowCount, 1))
      share = (Double(progress.epoch) + windows) / Double(limit)
    }
    if let limit = options.stepLimit {
      share = max(share, Double(progress.step - uncounted) / Double(limit))
    }
    if let limit = options.secondsLimit { share = max(share, progress.seconds / limit) }
    return min(share, 1)
  }

  private func isFinished() -> Bool {
    if let limit = options.epochLimit, progress.epoch >= limit { return true }
    if let limit = options.stepLimit, progress.step >= limit { return true }
    if let limit = options.secondsLimit, progress.seconds >= limit { return true }
    return false
  }

  /// Runs over the validation stream with the parameters that would be kept, and keeps them if they
  /// are the best yet. Nothing without a validation stream.
  private func evaluate() -> Double? {
    guard data.validation.count > 0 else { return nil }
    let current = Array(network.parameters)
    let kept = progress.averaging.average.isEmpty ? current : progress.averaging.average
    replaceParameters(by: kept)
    let loss = Trainer.loss(of: network, on: data.validation, data.table, options)
    progress.schedule.note(loss: loss)
    if loss < progress.bestNats {
      progress.bestNats = loss
      progress.bestParameters = kept
      progress.evaluationsSinceBest = 0
    } else {
      progress.evaluationsSinceBest += 1
    }
    replaceParameters(by: current)
    return loss
  }

  private func replaceParameters(by parameters: [Network.Scalar]) {
    _ = network.parameters.update(from: parameters)
    network.parametersDidChange()
  }

  /// Mean loss over a stream, nats a target, with the state carried: lanes of a continuous stream
  /// begin a window early, so that they are warm where they count.
  static func loss(
    of network: Network, on stream: SymbolStream, _ table: SymbolTable, _ options: TrainingOptions
  ) -> Double {
    var plan = EpochPlan(
      stream, range: 0..<stream.count, mode: options.mode, table: table,
      laneCount: max(1, min(options.laneCount, stream.count / (4 * options.windowSteps))),
      windowSteps: options.windowSteps, warmUp: options.windowSteps)
    var state = NetworkState<Network.Scalar>(network.configuration, laneCount: plan.laneCount)
    var total = WindowLoss(nats: 0, targetCount: 0)
    for number in 0..<plan.windowCount {
      let loss = network.loss(of: plan.window(number), from: &state)
      total.nats += loss.nats
      total.targetCount += loss.targetCount
    }
    return total.nats / Double(total.targetCount)
  }
}

extension TrainingOptions {
  /// The windows of an epoch.
  func plan(of data: TrainingData, epoch: Int) -> EpochPlan {
    // A short continuous stream is not spread over more lanes than it has windows.
    let lanes =
      mode == .records
      ? laneCount : max(1, min(laneCount, data.trainingRange.count / windowSteps))
    return EpochPlan(
      data.training, range: data.trainingRange, mode: mode, table: data.table, laneCount: lanes,
      windowSteps: windowSteps, order: (seed, epoch))
  }
}
