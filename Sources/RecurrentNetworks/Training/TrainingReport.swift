// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a training says of its last steps.
public struct TrainingReport: Sendable {
  public var step: Int
  public var epoch: Int
  /// Targets trained on so far.
  public var tokenCount: Int
  /// Mean over the targets since the last report, nats.
  public var nats: Double
  /// Mean over the validation targets, nats, when this step was evaluated.
  public var validationNats: Double?
  /// Of the last step, before clipping.
  public var gradientNorm: Double
  public var rate: Double
  /// Since the start of this run.
  public var tokensPerSecond: Double

  /// The report as columns of a log: names and decimal numbers, empty for what was not measured.
  public var row: [(name: String, value: String)] {
    [
      ("step", "\(step)"), ("epoch", "\(epoch)"), ("tokens", "\(tokenCount)"),
      ("loss_bits", rounded(bits(nats), 6)),
      ("validation_bits", validationNats.map { rounded(bits($0), 6) } ?? ""),
      ("gradient_norm", rounded(gradientNorm, 6)), ("rate", rounded(rate, 8)),
      ("tokens_per_second", rounded(tokensPerSecond, 0)),
    ]
  }

  /// What the evaluation found, in words, when there was one.
  public var evaluation: String? {
    validationNats.map {
      "epoch \(epoch), step \(step): validation \(rounded(bits($0), 4)) bits, "
        + "\(rounded($0, 4)) nats"
    }
  }
}

extension Trainer {
  /// What is trained on what, in words.
  public var introduction: String {
    "\(data.trainingRange.count) tokens of \(data.table.count) kinds, "
      + "\(network.layout.count) parameters"
      + (progress.step > 0 ? ", resumed after step \(progress.step)" : "")
  }

  /// Where training stands, in words.
  public var status: String {
    let speed = Double(progress.tokenCount) / max(progress.seconds, 1e-9)
    return "epoch \(progress.epoch + 1), step \(progress.step), "
      + "\(Int((100 * completedShare()).rounded())) % done, \(rounded(bits(lastNats), 3)) bits, "
      + "\(Int(speed)) tokens/s"
  }
}

private func bits(_ nats: Double) -> Double { nats / log(2.0) }
