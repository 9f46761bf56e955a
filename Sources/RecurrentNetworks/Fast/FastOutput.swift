// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import LinearAlgebra

/// The output layer over a window: logits of all positions at once, and their softmax.
final class FastOutput {
  private let team: Team
  /// V
  private let width: Int
  /// [T·B, V]: logits, then d(loss)/d(logit).
  private var storage = FloatStorage(count: 0)
  /// -ln p(target) of each position, nats.
  private var losses: [Double] = []

  init(width: Int, team: Team) {
    self.team = team
    self.width = width
  }

  /// W f + b of all positions.
  ///
  /// - features: [T·B, H]
  /// - weights: [V, H]
  func logits(
    _ features: Matrix, weights: Matrix, bias: UnsafePointer<Float>?,
    scratch: borrowing ProductScratch
  ) -> Matrix {
    storage.reserve(features.rows * width)
    let logits = storage.matrix(features.rows, width)
    team.multiply(
      features, weights.transposed, from: Start(row: bias), into: logits, scratch: scratch)
    return logits
  }

  /// The loss at each target. With `scale` the logits become its gradient, scale · (p - [target]).
  func loss(_ logits: Matrix, targets: [UInt32], scale: Float?) -> WindowLoss {
    losses = Array(repeating: 0, count: targets.count)
    let rowsPerJob = max(1, 8192 / width)
    losses.withUnsafeMutableBufferPointer { losses in
      let losses = losses.baseAddress!
      team.forEach((targets.count + rowsPerJob - 1) / rowsPerJob) { _, job in
        for position in job * rowsPerJob..<min(targets.count, (job + 1) * rowsPerJob) {
          let row = logits.row(position)
          let target = targets[position]
          if target == TrainingWindow.noTarget {
            if scale != nil { row.update(repeating: 0, count: width) }
            continue
          }
          precondition(target < width, "a target outside the vocabulary")
          losses[position] =
            if let scale {
              team.kernels.pointee.softmax_gradient(row, width, Int(target), scale)
            } else {
              team.kernels.pointee.cross_entropy(row, width, Int(target))
            }
        }
      }
    }
    // Summed in order of position: the same bits for every team.
    var loss = WindowLoss(nats: 0, targetCount: 0)
    for position in targets.indices where targets[position] != TrainingWindow.noTarget {
      loss.add(losses[position])
    }
    return loss
  }
}
