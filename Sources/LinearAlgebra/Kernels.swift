// SPDX-License-Identifier: Apache-2.0

internal import CKernels

/// The two kernels that know matrices, on `Matrix`.
extension UnsafePointer<kernel_table> {
  /// Packs a matrix [inner, columns] into panels.
  func pack(_ matrix: Matrix, into panels: UnsafeMutablePointer<Float>) {
    if matrix.columnStride == 1 {
      pointee.pack_rows(matrix.base, matrix.rowStride, matrix.rows, matrix.columns, panels)
    } else {
      pointee.pack_transposed(matrix.base, matrix.columnStride, matrix.rows, matrix.columns, panels)
    }
  }

  /// c = start + a × panels
  func product(
    _ a: Matrix, _ panels: UnsafePointer<Float>, from start: Start, into c: Matrix
  ) {
    precondition(c.columnStride == 1)
    let (first, stride): (UnsafePointer<Float>?, Int) =
      switch start {
      case .zero: (nil, 0)
      case .itself: (UnsafePointer<Float>(c.base), c.rowStride)
      case .row(let row): (row, 0)
      }
    if a.columnStride == 1 {
      pointee.product(
        a.base, a.rowStride, panels, first, stride, c.base, c.rowStride, c.rows, c.columns,
        a.columns)
    } else {
      pointee.product_transposed(
        a.base, a.columnStride, panels, first, stride, c.base, c.rowStride, c.rows, c.columns,
        a.columns)
    }
  }
}
