// SPDX-License-Identifier: Apache-2.0

/// A matrix in memory that another owns, row-major: the arithmetic of the slow network, as written in
/// a textbook. Sums run in index order. Compiled for both scalars ahead of time: other modules
/// would run the generic code, fifty times slower.
///
/// Unsafe in one place: `base` points to `rowCount * columnCount` numbers that outlive the view.
struct MatrixView<Scalar: BinaryFloatingPoint> {
  let base: UnsafeMutablePointer<Scalar>
  let rowCount: Int
  let columnCount: Int

  init(_ block: UnsafeMutableBufferPointer<Scalar>, _ tensor: ParameterLayout.Tensor) {
    precondition(tensor.range.upperBound <= block.count)
    base = block.baseAddress! + tensor.offset
    rowCount = tensor.shape[0]
    columnCount = tensor.shape.count > 1 ? tensor.shape[1] : 1
  }

  /// Row `index`, copied.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  func row(_ index: Int) -> [Scalar] {
    precondition(index >= 0 && index < rowCount)
    return Array(UnsafeBufferPointer(start: base + index * columnCount, count: columnCount))
  }

  /// M x, with each element of M multiplied by that of `mask` if there is one.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  func times(_ x: [Scalar], mask: [Scalar]? = nil) -> [Scalar] {
    precondition(x.count == columnCount)
    return (0..<rowCount).map { i in
      var sum: Scalar = 0
      for j in 0..<columnCount { sum += at(i, j, mask) * x[j] }
      return sum
    }
  }

  /// Mᵀ y.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  func transposedTimes(_ y: [Scalar], mask: [Scalar]? = nil) -> [Scalar] {
    precondition(y.count == rowCount)
    var result = [Scalar](repeating: 0, count: columnCount)
    for i in 0..<rowCount {
      for j in 0..<columnCount { result[j] += at(i, j, mask) * y[i] }
    }
    return result
  }

  /// M += y xᵀ, each element multiplied by that of `mask` if there is one.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  func add(_ y: [Scalar], outer x: [Scalar], mask: [Scalar]? = nil) {
    precondition(y.count == rowCount && x.count == columnCount)
    for i in 0..<rowCount where y[i] != 0 {
      for j in 0..<columnCount {
        base[i * columnCount + j] += y[i] * x[j] * (mask?[i * columnCount + j] ?? 1)
      }
    }
  }

  /// Row `index` += y.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  func add(_ y: [Scalar], toRow index: Int) {
    precondition(index >= 0 && index < rowCount && y.count == columnCount)
    for j in 0..<columnCount { base[index * columnCount + j] += y[j] }
  }

  /// A bias: b += y.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  func add(_ y: [Scalar]) {
    precondition(y.count == rowCount && columnCount == 1)
    for i in 0..<rowCount { base[i] += y[i] }
  }

  /// A bias as a vector.
  var vector: [Scalar] { Array(UnsafeBufferPointer(start: base, count: rowCount)) }

  private func at(_ i: Int, _ j: Int, _ mask: [Scalar]?) -> Scalar {
    base[i * columnCount + j] * (mask?[i * columnCount + j] ?? 1)
  }
}

/// a + b, element by element.
@_specialize(where Scalar == Double)
@_specialize(where Scalar == Float)
func sum<Scalar: BinaryFloatingPoint>(_ a: [Scalar], _ b: [Scalar]) -> [Scalar] {
  zip(a, b).map { $0 + $1 }
}

/// a ∘ b, element by element; `a` itself without a mask.
@_specialize(where Scalar == Double)
@_specialize(where Scalar == Float)
func masked<Scalar: BinaryFloatingPoint>(_ a: [Scalar], by mask: ArraySlice<Scalar>?) -> [Scalar] {
  guard let mask else { return a }
  return zip(a, mask).map { $0 * $1 }
}
