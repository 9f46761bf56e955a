// SPDX-License-Identifier: Apache-2.0

internal import CKernels

extension Team {
  /// c [rows, columns] = start + a [rows, inner] × b [inner, columns], by all members.
  ///
  /// The result is cut into blocks; whoever computes a block packs its part of b. Every element is one
  /// sum over pieces of the inner index in order, so neither the blocks nor the threads show in its bits.
  ///
  /// - scratch: one packing area for each member.
  public func multiply(
    _ a: Matrix, _ b: Matrix, from start: Start = .zero, into c: Matrix,
    scratch: borrowing ProductScratch
  ) {
    precondition(a.columns == b.rows && a.rows == c.rows && b.columns == c.columns)
    guard c.rows > 0, c.columns > 0 else { return }
    let blocks = Blocks(rows: c.rows, columns: c.columns, inner: a.columns, team: self)
    forEach(blocks.count) { member, job in
      let (rows, columns) = blocks[job]
      let panels = scratch.panels(of: member)
      var from = start.columns(from: columns.lowerBound)
      for inner in blocks.innerRanges {
        kernels.pack(b[inner, columns], into: panels)
        kernels.product(a[rows, inner], panels, from: from, into: c[rows, columns])
        from = .itself
      }
    }
  }
}

extension Team {
  /// sums [columns] = Σ rows of `matrix`, in order of rows; members share the columns.
  public func sumRows(_ matrix: Matrix, into sums: UnsafeMutablePointer<Float>) {
    run { member in
      let columns = share(of: matrix.columns, member: member)
      (sums + columns.lowerBound).update(repeating: 0, count: columns.count)
      for row in 0..<matrix.rows {
        kernels.pointee.add_scaled(
          sums + columns.lowerBound, matrix.row(row) + columns.lowerBound, 1, columns.count)
      }
    }
  }
}

/// Packed parts of the right-hand sides of products, one for each member of a team.
///
/// A part is read once for some fifty rows, so it may lie in the third-level cache; wide ones repay the
/// copying of the left-hand side.
public struct ProductScratch: ~Copyable, Sendable {
  static let floatCount = 1 << 18
  private let storage: FloatStorage

  public init(team: Team) {
    storage = FloatStorage(count: team.count * ProductScratch.floatCount)
  }

  func panels(of member: Int) -> UnsafeMutablePointer<Float> {
    storage.base + member * ProductScratch.floatCount
  }
}

/// A result cut into blocks that fit the scratch, near enough alike in size, and enough of them that
/// all members have work to the end.
private struct Blocks {
  /// The inner index in pieces of 512. The kernels cut it at every 256th index, and so do these pieces:
  /// a product of packed weights, which is not cut here, has the same bits.
  let innerRanges: [Range<Int>]
  private let rowParts: Int
  private let columnParts: Int
  private let rows: Int
  private let columns: Int
  private let panelWidth: Int

  init(rows: Int, columns: Int, inner: Int, team: Team) {
    innerRanges = (0..<max(1, (inner + 511) / 512)).map {
      512 * $0..<min(inner, 512 * ($0 + 1))
    }
    panelWidth = team.kernels.pointee.panel_width
    let panelSize = panelWidth * innerRanges.map(\.count).max()!
    let panels = (columns + panelWidth - 1) / panelWidth
    let panelsPerPart = max(1, ProductScratch.floatCount / max(1, panelSize))
    columnParts = (panels + panelsPerPart - 1) / panelsPerPart
    // A block has to be high for its packing to be cheap: 128 rows.
    let wanted = team.count == 1 ? 1 : (4 * team.count + columnParts - 1) / columnParts
    rowParts = max(1, min(wanted, rows / 128))
    self.rows = rows
    self.columns = columns
  }

  var count: Int { rowParts * columnParts }

  subscript(job: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (column, row) = job.quotientAndRemainder(dividingBy: rowParts)
    let panels = (columns + panelWidth - 1) / panelWidth
    let first = panels * column / columnParts * panelWidth
    let last = min(columns, panels * (column + 1) / columnParts * panelWidth)
    return (rows * row / rowParts..<rows * (row + 1) / rowParts, first..<last)
  }
}
