// SPDX-License-Identifier: Apache-2.0

/// How a gradient becomes a step.
public struct OptimiserSettings: Hashable, Sendable {
  public enum Method: String, CaseIterable, Sendable {
    /// w -= η g
    case sgd
    /// v = μ v + g;  w -= η v
    case momentum
    /// Kingma & Ba 2015, algorithm 1; weight decay is added to the gradient.
    case adam
    /// Loshchilov & Hutter 2019: weight decay shrinks the weights beside the step.
    case adamw

    /// Blocks of state, each as large as the parameters.
    public var momentCount: Int {
      switch self {
      case .sgd: 0
      case .momentum: 1
      case .adam, .adamw: 2
      }
    }
  }

  public var method: Method
  /// μ
  public var momentum = 0.9
  /// β1 and β2
  public var meanDecay = 0.9
  public var squareDecay = 0.999
  /// ε
  public var epsilon = 1e-8
  public var weightDecay = 0.0

  public init(_ method: Method) { self.method = method }
}

/// An optimiser with its memory. Conventions are PyTorch's, so that one step of either is the same.
public struct Optimiser<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  public let settings: OptimiserSettings
  /// The momentum, or Adam's running means of gradients; empty when there is none.
  public var means: [Scalar]
  /// Adam's running means of squared gradients.
  public var squares: [Scalar]
  /// Steps taken.
  public var stepNumber = 0

  public init(_ settings: OptimiserSettings, parameterCount: Int) {
    self.settings = settings
    let momentCount = settings.method.momentCount
    means = Array(repeating: 0, count: momentCount > 0 ? parameterCount : 0)
    squares = Array(repeating: 0, count: momentCount > 1 ? parameterCount : 0)
  }

  /// Gives the memory back when training is over.
  public mutating func forget() {
    means = []
    squares = []
  }

  /// Takes one step.
  ///
  /// - rate: η of this step.
  /// - gradientScale: a factor on the gradient, from clipping.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public mutating func update(
    _ parameters: UnsafeMutableBufferPointer<Scalar>,
    gradient: UnsafeMutableBufferPointer<Scalar>, rate: Double, gradientScale: Double = 1
  ) {
    precondition(parameters.count == gradient.count)
    stepNumber += 1
    let decay = Scalar(settings.weightDecay)
    let (rate, scale) = (Scalar(rate), Scalar(gradientScale))
    switch settings.method {
    case .sgd:
      for index in parameters.indices {
        parameters[index] -= rate * (gradient[index] * scale + decay * parameters[index])
      }
    case .momentum:
      let momentum = Scalar(settings.momentum)
      means.withUnsafeMutableBufferPointer { velocity in
        for index in parameters.indices {
          let g = gradient[index] * scale + decay * parameters[index]
          velocity[index] = momentum * velocity[index] + g
          parameters[index] -= rate * velocity[index]
        }
      }
    case .adam, .adamw:
      updateAdam(parameters, gradient, rate: rate, scale: scale)
    }
  }

  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  private mutating func updateAdam(
    _ parameters: UnsafeMutableBufferPointer<Scalar>,
    _ gradient: UnsafeMutableBufferPointer<Scalar>, rate: Scalar, scale: Scalar
  ) {
    let isDecoupled = settings.method == .adamw
    let decay = isDecoupled ? 0 : Scalar(settings.weightDecay)
    let shrinking = isDecoupled ? 1 - rate * Scalar(settings.weightDecay) : 1
    let (b1, b2) = (Scalar(settings.meanDecay), Scalar(settings.squareDecay))
    // Bias corrections 1 - β^t, in Double: 0.999^t loses its digits in Float.
    let stepSize = Scalar(Double(rate) / (1 - power(settings.meanDecay, stepNumber)))
    let squareScale = Scalar(1 / (1 - power(settings.squareDecay, stepNumber)).squareRoot())
    let epsilon = Scalar(settings.epsilon)
    // Taken out, so that both are borrowed from locals.
    var (means, squares) = (self.means, self.squares)
    (self.means, self.squares) = ([], [])
    means.withUnsafeMutableBufferPointer { mean in
      squares.withUnsafeMutableBufferPointer { square in
        for index in parameters.indices {
          let g = gradient[index] * scale + decay * parameters[index]
          mean[index] = b1 * mean[index] + (1 - b1) * g
          square[index] = b2 * square[index] + (1 - b2) * g * g
          let size = square[index].squareRoot() * squareScale + epsilon
          parameters[index] = shrinking * parameters[index] - stepSize * mean[index] / size
        }
      }
    }
    (self.means, self.squares) = (means, squares)
  }
}

/// base^exponent by repeated squaring: the same bits on every machine, which pow(3) does not promise.
@inlinable public func power(_ base: Double, _ exponent: Int) -> Double {
  var (result, square, rest) = (1.0, base, exponent)
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest >>= 1
  }
  return result
}
