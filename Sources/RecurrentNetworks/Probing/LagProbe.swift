// SPDX-License-Identifier: Apache-2.0

internal import Probability

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The smallest network whose gradients explode or vanish: h_t = φ(W h_(t-1) + u), with φ the identity
/// or tanh, and nothing else.
///
/// Reference: Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013, §2.1.
public struct LagProbe: Sendable {
  /// W, [n][n]
  public let matrix: [[Double]]
  public let isLinear: Bool
  /// u, the same for every unit and step.
  public let input: Double

  public init(_ matrix: [[Double]], isLinear: Bool, input: Double) {
    self.matrix = matrix
    self.isLinear = isLinear
    self.input = input
  }

  /// A random matrix all of whose singular values are `scale`.
  public static func orthogonal(_ size: Int, scale: Double, seed: UInt64) -> [[Double]] {
    let random = RandomNumbers(seed: seed)
    var rows: [[Double]] = []
    for row in 0..<size {
      var vector = (0..<size).map { column -> Double in
        // Box & Muller 1958; 1 - u is never 0.
        let step = UInt64(2 * (row * size + column))
        let radius = (-2 * log(1 - random.uniform(record: 0, step: step))).squareRoot()
        return radius * cos(2 * Double.pi * random.uniform(record: 0, step: step + 1))
      }
      // Gram-Schmidt, twice: once leaves rounding errors of the size of the overlaps.
      for _ in 0..<2 {
        for other in rows {
          let overlap = dot(vector, other)
          for index in vector.indices { vector[index] -= overlap * other[index] }
        }
        let length = dot(vector, vector).squareRoot()
        for index in vector.indices { vector[index] /= length }
      }
      rows.append(vector)
    }
    return rows.map { $0.map { $0 * scale } }
  }

  /// For each lag, the largest factor by which going back so many steps stretches a gradient: the
  /// largest singular value of dh_T / dh_(T-lag), with T the largest lag and h_0 = 0.
  public func stretches(atLags lags: [Int]) -> [Double] {
    let last = lags.max() ?? 0
    var hidden = [Double](repeating: 0, count: matrix.count)
    var slopes: [[Double]] = []
    for _ in 0..<last {
      hidden = matrix.map { row in
        let sum = dot(row, hidden) + input
        return isLinear ? sum : tanh(sum)
      }
      slopes.append(hidden.map { isLinear ? 1 : 1 - $0 * $0 })
    }
    // J = Π diag(φ'(h_t)) W, from the last step back.
    var product = matrix.indices.map { i in matrix.indices.map { $0 == i ? 1.0 : 0 } }
    var stretches = [Int: Double]()
    if lags.contains(0) { stretches[0] = 1 }
    for lag in stride(from: 1, through: last, by: 1) {
      let slope = slopes[last - lag]
      let factor = matrix.indices.map { i in matrix[i].map { slope[i] * $0 } }
      product = product.map { row in
        matrix.indices.map { column in
          var sum = 0.0
          for k in row.indices { sum += row[k] * factor[k][column] }
          return sum
        }
      }
      if lags.contains(lag) { stretches[lag] = singularValues(product).first }
    }
    return lags.map { stretches[$0]! }
  }
}
