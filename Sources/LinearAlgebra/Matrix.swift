// SPDX-License-Identifier: Apache-2.0

/// Floats in memory that this value owns, aligned to a cache line, zero at first.
public struct FloatStorage: ~Copyable, @unchecked Sendable {
  public let base: UnsafeMutablePointer<Float>
  public let count: Int

  public init(count: Int) {
    let bytes = max(1, count) * MemoryLayout<Float>.stride
    base = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      .initializeMemory(as: Float.self, repeating: 0, count: count)
    self.count = count
  }

  /// A copy of `values`.
  public init(_ values: [Float]) {
    self.init(count: values.count)
    for (index, value) in values.enumerated() { base[index] = value }
  }

  deinit { base.deallocate() }

  /// [rows, columns] from the `offset`-th float on.
  public func matrix(at offset: Int = 0, _ rows: Int, _ columns: Int) -> Matrix {
    precondition(offset >= 0 && rows >= 0 && columns >= 0 && offset + rows * columns <= count)
    return Matrix(base + offset, rows, columns)
  }
}

/// A matrix of floats in memory that somebody else owns: an address, a shape, and how far apart its
/// elements lie. A transpose or a part of it costs nothing.
///
/// Element (i, j) is at `base[i * rowStride + j * columnStride]`; one of the strides is 1.
public struct Matrix: @unchecked Sendable {
  public let base: UnsafeMutablePointer<Float>
  public let rows: Int
  public let columns: Int
  public let rowStride: Int
  public let columnStride: Int

  /// Row-major, `stride` floats from row to row (by default without gaps).
  public init(
    _ base: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, stride: Int? = nil
  ) {
    self.init(
      base, rows, columns, rowStride: stride ?? columns, columnStride: 1)
  }

  private init(
    _ base: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, rowStride: Int,
    columnStride: Int
  ) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  public var transposed: Matrix {
    Matrix(base, columns, rows, rowStride: columnStride, columnStride: rowStride)
  }

  /// The part where these rows and columns cross.
  public subscript(rowRange: Range<Int>, columnRange: Range<Int>) -> Matrix {
    precondition(rowRange.lowerBound >= 0 && rowRange.upperBound <= rows)
    precondition(columnRange.lowerBound >= 0 && columnRange.upperBound <= columns)
    return Matrix(
      base + rowRange.lowerBound * rowStride + columnRange.lowerBound * columnStride,
      rowRange.count, columnRange.count, rowStride: rowStride, columnStride: columnStride)
  }

  public func rows(_ range: Range<Int>) -> Matrix { self[range, 0..<columns] }

  public func columns(_ range: Range<Int>) -> Matrix { self[0..<rows, range] }

  /// The address of a row of a row-major matrix.
  public func row(_ index: Int) -> UnsafeMutablePointer<Float> {
    precondition(columnStride == 1 && index >= 0 && index < rows)
    return base + index * rowStride
  }
}
