// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What one cell computed at one step for one sequence, as far as going back needs it.
struct CellStep<Scalar: BinaryFloatingPoint & Sendable> {
  /// [gates·H], after their activation. Elman: the output itself.
  var gates: [Scalar]
  /// GRU only: W_hn h + b_hn, [H], the term inside the reset product.
  var resetTerm: [Scalar] = []
  /// h', [H]
  var hidden: [Scalar]
  /// c', [H], of the LSTM
  var cell: [Scalar] = []
}

/// The gradient of the loss with respect to what entered one step.
struct CellGradient<Scalar: BinaryFloatingPoint & Sendable> {
  /// With respect to a = W_ih x + b_ih, [gates·H].
  var inputSum: [Scalar]
  /// With respect to r = W_hh h + b_hh, [gates·H]; differs from `inputSum` in the GRU only.
  var recurrentSum: [Scalar]
  /// With respect to h, beside what flows through r, [H].
  var hidden: [Scalar]
  /// With respect to c, [H], of the LSTM.
  var cell: [Scalar] = []
}

/// The recurrences themselves, one sequence and one step at a time: the definition that everything
/// faster is held against.
///
/// Two sums enter, a = W_ih x + b_ih and r = W_hh h + b_hh, both [gates·H]. σ is the logistic
/// function, ∘ the product element by element. With p = a + r, and k the index of a unit:
///
///     Elman   h' = φ(p)
///     LSTM    i, f, o = σ(p_i), σ(p_f), σ(p_o);  g = tanh(p_g)
///             c' = f∘c + i∘g;  h' = o∘tanh(c')
///     GRU     r, z = σ(p_r), σ(p_z);  n = tanh(a_n + r∘r_n)
///             h' = (1-z)∘n + z∘h
extension NetworkConfiguration.Cell {
  /// One step forward.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  func forward<Scalar>(
    inputSum a: [Scalar], recurrentSum r: [Scalar], hidden h: [Scalar], cell c: [Scalar]
  ) -> CellStep<Scalar> {
    let width = h.count
    switch self {
    case .tanh, .logistic, .relu:
      let output = a.indices.map { activation(a[$0] + r[$0]) }
      return CellStep(gates: output, hidden: output)
    case .lstm:
      var step = CellStep(gates: a, hidden: h, cell: c)
      for k in 0..<width {
        let i = sigmoid(a[k] + r[k])
        let f = sigmoid(a[width + k] + r[width + k])
        let g = hyperbolicTangent(a[2 * width + k] + r[2 * width + k])
        let o = sigmoid(a[3 * width + k] + r[3 * width + k])
        step.cell[k] = f * c[k] + i * g
        step.hidden[k] = o * hyperbolicTangent(step.cell[k])
        (step.gates[k], step.gates[width + k]) = (i, f)
        (step.gates[2 * width + k], step.gates[3 * width + k]) = (g, o)
      }
      return step
    case .gru:
      var step = CellStep(gates: a, resetTerm: Array(r[(2 * width)...]), hidden: h)
      for k in 0..<width {
        let reset = sigmoid(a[k] + r[k])
        let z = sigmoid(a[width + k] + r[width + k])
        let n = hyperbolicTangent(a[2 * width + k] + reset * r[2 * width + k])
        step.hidden[k] = (1 - z) * n + z * h[k]
        (step.gates[k], step.gates[width + k], step.gates[2 * width + k]) = (reset, z, n)
      }
      return step
    }
  }

  /// The same step backward: σ' = σ(1-σ), tanh' = 1 - tanh².
  ///
  /// - h, c: the state before the step.
  /// - dh, dc: the gradient with respect to the state after it.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  func backward<Scalar>(
    _ step: CellStep<Scalar>, hidden h: [Scalar], cell c: [Scalar], dHidden dh: [Scalar],
    dCell dc: [Scalar]
  ) -> CellGradient<Scalar> {
    let width = h.count
    let gates = step.gates
    switch self {
    case .tanh, .logistic, .relu:
      let sum = gates.indices.map { dh[$0] * slope(atOutput: gates[$0]) }
      return CellGradient(
        inputSum: sum, recurrentSum: sum, hidden: Array(repeating: 0, count: width))
    case .lstm:
      var sum = gates
      var dPast = dc
      for k in 0..<width {
        let (i, f) = (gates[k], gates[width + k])
        let (g, o) = (gates[2 * width + k], gates[3 * width + k])
        let squashed = hyperbolicTangent(step.cell[k])
        let dNew = dc[k] + dh[k] * o * (1 - squashed * squashed)
        sum[k] = dNew * g * i * (1 - i)
        sum[width + k] = dNew * c[k] * f * (1 - f)
        sum[2 * width + k] = dNew * i * (1 - g * g)
        sum[3 * width + k] = dh[k] * squashed * o * (1 - o)
        dPast[k] = dNew * f
      }
      return CellGradient(
        inputSum: sum, recurrentSum: sum, hidden: Array(repeating: 0, count: width), cell: dPast)
    case .gru:
      var gradient = CellGradient(inputSum: gates, recurrentSum: gates, hidden: dh)
      for k in 0..<width {
        let (reset, z, n) = (gates[k], gates[width + k], gates[2 * width + k])
        let dCandidate = dh[k] * (1 - z) * (1 - n * n)
        let dReset = dCandidate * step.resetTerm[k] * reset * (1 - reset)
        let dUpdate = dh[k] * (h[k] - n) * z * (1 - z)
        (gradient.inputSum[k], gradient.recurrentSum[k]) = (dReset, dReset)
        (gradient.inputSum[width + k], gradient.recurrentSum[width + k]) = (dUpdate, dUpdate)
        gradient.inputSum[2 * width + k] = dCandidate
        gradient.recurrentSum[2 * width + k] = dCandidate * reset
        gradient.hidden[k] = dh[k] * z
      }
      return gradient
    }
  }

  /// φ of the Elman cells.
  private func activation<Scalar: BinaryFloatingPoint>(_ x: Scalar) -> Scalar {
    switch self {
    case .logistic: sigmoid(x)
    case .relu: max(0, x)
    default: hyperbolicTangent(x)
    }
  }

  /// φ'(x), told by y = φ(x).
  private func slope<Scalar: BinaryFloatingPoint>(atOutput y: Scalar) -> Scalar {
    switch self {
    case .logistic: y * (1 - y)
    case .relu: y > 0 ? 1 : 0
    default: 1 - y * y
    }
  }
}

/// σ(x) = 1 / (1 + e^-x), computed in Double for every scalar.
func sigmoid<Scalar: BinaryFloatingPoint>(_ x: Scalar) -> Scalar {
  Scalar(1 / (1 + exp(-Double(x))))
}

/// tanh, computed in Double for every scalar.
func hyperbolicTangent<Scalar: BinaryFloatingPoint>(_ x: Scalar) -> Scalar {
  Scalar(tanh(Double(x)))
}
