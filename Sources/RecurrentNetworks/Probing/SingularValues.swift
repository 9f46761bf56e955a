// SPDX-License-Identifier: Apache-2.0

/// The singular values of a matrix, largest first: the lengths of the half-axes of the ellipsoid that
/// it makes of the unit sphere.
///
/// One-sided Jacobi rotations (Hestenes 1958): columns are turned against each other in pairs until
/// all are orthogonal; their lengths are the singular values.
///
/// - rows: [m][n]
/// - Complexity: O(m n²) a sweep, some ten sweeps.
public func singularValues(_ rows: [[Double]]) -> [Double] {
  guard let width = rows.first?.count else { return [] }
  var columns = (0..<width).map { column in rows.map { $0[column] } }
  for _ in 0..<60 {
    var isOrthogonal = true
    for i in 0..<width {
      for j in i + 1..<width {
        let (a, b) = (dot(columns[i], columns[i]), dot(columns[j], columns[j]))
        let c = dot(columns[i], columns[j])
        if abs(c) <= 1e-15 * (a * b).squareRoot() || c == 0 { continue }
        isOrthogonal = false
        let zeta = (b - a) / (2 * c)
        let t = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
        let cosine = 1 / (1 + t * t).squareRoot()
        let sine = cosine * t
        for row in columns[i].indices {
          let (x, y) = (columns[i][row], columns[j][row])
          columns[i][row] = cosine * x - sine * y
          columns[j][row] = sine * x + cosine * y
        }
      }
    }
    if isOrthogonal { break }
  }
  return columns.map { dot($0, $0).squareRoot() }.sorted(by: >)
}

func dot(_ a: [Double], _ b: [Double]) -> Double {
  var sum = 0.0
  for index in a.indices { sum += a[index] * b[index] }
  return sum
}
