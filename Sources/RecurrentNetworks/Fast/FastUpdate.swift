// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import LinearAlgebra
public import Optimization

extension TrainableNetwork {
  public func gradientNorm() -> Double { norm(gradient) }

  public func update(
    by optimiser: inout Optimiser<Scalar>, rate: Double, gradientScale: Double
  ) {
    optimiser.update(parameters, gradient: gradient, rate: rate, gradientScale: gradientScale)
    parametersDidChange()
  }
}

/// The same by the kernels, on all members of the team.
extension FastNetwork {
  /// Floats of one job: a few pages, so that memory streams.
  private var grain: Int { 1 << 15 }

  /// √Σ g²: sums over pieces of one size, added in order, whatever the team.
  public func gradientNorm() -> Double {
    let count = gradient.count
    let base = gradient.baseAddress!
    var sums = [Double](repeating: 0, count: (count + grain - 1) / grain)
    sums.withUnsafeMutableBufferPointer { sums in
      let sums = sums.baseAddress!
      team.forEach((count + grain - 1) / grain) { _, job in
        sums[job] = team.kernels.pointee.square_sum(
          base + job * grain, min(grain, count - job * grain))
      }
    }
    return sums.reduce(0, +).squareRoot()
  }

  public func update(
    by optimiser: inout Optimiser<Float>, rate: Double, gradientScale: Double
  ) {
    optimiser.stepNumber += 1
    let settings = optimiser.settings
    let count = parameters.count
    let (weights, gradient) = (parameters.baseAddress!, gradient.baseAddress!)
    let kernels = team.kernels
    let scale = Float(gradientScale)
    var constants = optimiser.adamConstants(rate: rate)
    constants.gradient_scale = scale
    optimiser.withMoments { means, squares in
      team.forEach((count + grain - 1) / grain) { _, job in
        let start = job * grain
        let size = min(grain, count - start)
        switch settings.method {
        case .sgd, .momentum:
          kernels.pointee.sgd(
            weights + start, gradient + start, means.map { $0 + start }, size, scale,
            Float(settings.weightDecay), Float(settings.momentum), Float(rate))
        case .adam, .adamw:
          withUnsafePointer(to: constants) {
            kernels.pointee.adam(
              weights + start, gradient + start, means! + start, squares! + start, size, $0)
          }
        }
      }
    }
    parametersDidChange()
  }
}

extension Optimiser<Float> {
  /// What one step of Adam needs, but for the scale of the gradient.
  ///
  /// Bias corrections 1 - β^t are computed in Double: 0.999^t loses its digits in Float.
  fileprivate func adamConstants(rate: Double) -> kernel_adam {
    let isDecoupled = settings.method == .adamw
    return kernel_adam(
      gradient_scale: 1, decay_gradient: isDecoupled ? 0 : Float(settings.weightDecay),
      decay_weight: isDecoupled ? 1 - Float(rate) * Float(settings.weightDecay) : 1,
      mean_decay: Float(settings.meanDecay), square_decay: Float(settings.squareDecay),
      rate: Float(rate / (1 - power(settings.meanDecay, stepNumber))),
      square_scale: Float(1 / (1 - power(settings.squareDecay, stepNumber)).squareRoot()),
      epsilon: Float(settings.epsilon))
  }

  /// The moments in place; nothing for those that the method does not have.
  fileprivate mutating func withMoments(
    _ body: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
  ) {
    means.withUnsafeMutableBufferPointer { means in
      squares.withUnsafeMutableBufferPointer { squares in
        body(
          means.isEmpty ? nil : means.baseAddress, squares.isEmpty ? nil : squares.baseAddress)
      }
    }
  }
}
