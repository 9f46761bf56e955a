// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// Many byte strings in one run of memory, by index: a vocabulary while its file is being read.
public struct PieceList: Sendable, Equatable {
  public private(set) var bytes: [UInt8] = []
  /// Piece i is bytes[bounds[i]..<bounds[i + 1]].
  public private(set) var bounds: [Int] = [0]

  public init() {}

  public init(_ pieces: some Sequence<[UInt8]>) {
    for piece in pieces { append(piece) }
  }

  public var count: Int { bounds.count - 1 }

  public subscript(index: Int) -> ArraySlice<UInt8> { bytes[bounds[index]..<bounds[index + 1]] }

  public mutating func append(_ piece: some Collection<UInt8>) {
    bytes.append(contentsOf: piece)
    bounds.append(bytes.count)
  }

  public mutating func append(_ piece: borrowing ByteBuffer) { append(piece.bytes) }

  public mutating func append(_ piece: UnsafeBufferPointer<UInt8>) {
    bytes.append(contentsOf: piece)
    bounds.append(bytes.count)
  }

  /// Drops the last piece.
  public mutating func removeLast() {
    bounds.removeLast()
    bytes.removeLast(bytes.count - bounds[bounds.count - 1])
  }

  /// Calls `body` with the bytes of one piece, borrowed.
  public func withPiece<Result>(
    at index: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
  ) rethrows -> Result {
    try withPieces(index..<index + 1, body)
  }

  /// Calls `body` with the bytes of some pieces in a row as one, borrowed.
  public func withPieces<Result>(
    _ range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
  ) rethrows -> Result {
    try bytes.withUnsafeBufferPointer {
      try body(
        UnsafeBufferPointer(rebasing: $0[bounds[range.lowerBound]..<bounds[range.upperBound]]))
    }
  }
}
