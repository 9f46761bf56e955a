// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// The right-hand side of many products, laid out once in the order in which they read it.
///
/// Packing a matrix pays when it meets few rows at a time and often: the recurrent weights of a
/// network, once for every time step, or all weights of one that samples.
public struct PackedWeights: ~Copyable, Sendable {
  /// [inner, columns] is the shape of what is packed.
  public let inner: Int
  public let columns: Int
  private let panelWidth: Int
  private let panels: FloatStorage

  public init(inner: Int, columns: Int, team: Team) {
    self.inner = inner
    self.columns = columns
    panelWidth = team.kernels.pointee.panel_width
    panels = FloatStorage(count: (columns + panelWidth - 1) / panelWidth * panelWidth * inner)
  }

  /// Packs a matrix [inner, columns].
  public init(_ matrix: Matrix, team: Team) {
    self.init(inner: matrix.rows, columns: matrix.columns, team: team)
    pack(matrix, team: team)
  }

  private var panelCount: Int { (columns + panelWidth - 1) / panelWidth }

  /// Replaces what is packed by `matrix` [inner, columns].
  public func pack(_ matrix: Matrix, team: Team) {
    precondition(matrix.rows == inner && matrix.columns == columns)
    let group = max(1, 32768 / max(1, inner * panelWidth))
    team.forEach((panelCount + group - 1) / group) { _, job in
      let first = job * group
      let range = first * panelWidth..<min(columns, (first + group) * panelWidth)
      team.kernels.pack(matrix.columns(range), into: panels.base + first * panelWidth * inner)
    }
  }

  /// c [rows, columns] = start + a [rows, inner] × weights, on the calling thread.
  ///
  /// Any cut of the rows gives the same bits.
  public func multiply(_ a: Matrix, from start: Start = .zero, into c: Matrix, team: Team) {
    multiply(a, from: start, into: c, panels: 0..<panelCount, team: team)
  }

  /// The same by the members of the team, as many as there is work for: a quarter of a million
  /// multiplications take longer than waking one.
  public func multiplyTogether(_ a: Matrix, from start: Start = .zero, into c: Matrix, team: Team) {
    let parts = min(team.count, panelCount, a.rows * panels.count >> 18)
    guard parts > 1 else { return multiply(a, from: start, into: c, team: team) }
    team.forEach(parts) { _, part in
      let range = panelCount * part / parts..<panelCount * (part + 1) / parts
      multiply(a, from: start, into: c, panels: range, team: team)
    }
  }

  private func multiply(
    _ a: Matrix, from start: Start, into c: Matrix, panels range: Range<Int>, team: Team
  ) {
    precondition(a.columns == inner && c.columns == columns && a.rows == c.rows)
    let first = range.lowerBound * panelWidth
    let part = first..<min(columns, range.upperBound * panelWidth)
    team.kernels.product(
      a, panels.base + first * inner, from: start.columns(from: first), into: c.columns(part))
  }
}

/// What a product is added to.
public enum Start: @unchecked Sendable {
  case zero
  /// The matrix that the result goes to: c += a b.
  case itself
  /// One row for all rows of the result, such as a bias.
  case row(UnsafePointer<Float>)

  func columns(from first: Int) -> Start {
    if case .row(let row) = self { .row(row + first) } else { self }
  }

  /// A bias, if there is one.
  public init(row: UnsafePointer<Float>?) { self = row.map { .row($0) } ?? .zero }
}
