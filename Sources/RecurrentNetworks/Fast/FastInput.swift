// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import LinearAlgebra

/// What layer 0 reads: the embedding and its product with the input weights.
///
/// A window holds few distinct tokens, so the product is computed once for each of them and its rows
/// are looked up; going back, gradients are added up by token first. That is exact and spares the
/// largest part of the layer's work. Only when elements of the embedded input are dropped does every
/// position need a row of its own.
final class FastInput {
  private let team: Team
  /// E
  let width: Int
  private let gateWidth: Int
  private let usesTable: Bool

  /// Distinct tokens of the window in order of appearance.
  private var tokens: [UInt32] = []
  /// The row of `tokens` for each position.
  private var rows: [Int32] = []
  /// For each symbol its row, or -1.
  private var rowOfToken: [Int32]

  /// [rows, E]: embeddings of the distinct tokens, or of every position.
  private var vectorStorage = FloatStorage(count: 0)
  /// [distinct tokens, gateWidth], and later the gradients of its rows.
  private var tableStorage = FloatStorage(count: 0)
  /// [rows, E], d(loss)/d(vectors).
  private var dVectorStorage = FloatStorage(count: 0)

  init(symbolCount: Int, width: Int, gateWidth: Int, usesTable: Bool, team: Team) {
    self.team = team
    self.width = width
    self.gateWidth = gateWidth
    self.usesTable = usesTable
    rowOfToken = Array(repeating: -1, count: symbolCount)
  }

  /// Whether the products are looked up in the window at hand.
  private(set) var isTable = true

  /// Embeds a window.
  ///
  /// - embedding: [symbols, E]
  func read(_ inputs: [UInt32], embedding: Matrix, masks: DropoutMasks<Float>) {
    isTable = usesTable && masks.input == nil
    for token in tokens { rowOfToken[Int(token)] = -1 }
    tokens.removeAll(keepingCapacity: true)
    rows.removeAll(keepingCapacity: true)
    for token in inputs {
      precondition(token < rowOfToken.count, "a token outside the vocabulary")
      if rowOfToken[Int(token)] < 0 {
        rowOfToken[Int(token)] = Int32(tokens.count)
        tokens.append(token)
      }
      rows.append(rowOfToken[Int(token)])
    }
    let gathered = isTable ? tokens : inputs
    vectorStorage.reserve(gathered.count * width)
    for (row, token) in gathered.enumerated() {
      let vector = vectorStorage.base + row * width
      vector.update(from: embedding.row(Int(token)), count: width)
      if let kept = masks.embeddingRows?[Int(token)], kept != 1 {
        for column in 0..<width { vector[column] *= kept }
      }
      masks.multiply(vector, by: masks.input, at: row, width, team)
    }
    if isTable { tableStorage.reserve(tokens.count * gateWidth) }
  }

  /// [rows, E]
  var vectors: Matrix { vectorStorage.matrix(isTable ? tokens.count : rows.count, width) }

  /// [distinct tokens, gateWidth]
  var table: Matrix { tableStorage.matrix(tokens.count, gateWidth) }

  /// The product of the token at a position, [gateWidth].
  func tableRow(at position: Int) -> UnsafePointer<Float> {
    UnsafePointer(tableStorage.base + Int(rows[position]) * gateWidth)
  }

  /// Adds the gradients of the gates up by token, in order of position; members share the columns.
  ///
  /// - dGates: [T·B, gateWidth]
  func sumByToken(_ dGates: Matrix) {
    team.run { member in
      let columns = team.share(of: gateWidth, member: member)
      for token in 0..<tokens.count {
        (tableStorage.base + token * gateWidth + columns.lowerBound)
          .update(repeating: 0, count: columns.count)
      }
      for position in rows.indices {
        team.kernels.pointee.add_scaled(
          tableStorage.base + Int(rows[position]) * gateWidth + columns.lowerBound,
          dGates.row(position) + columns.lowerBound, 1, columns.count)
      }
    }
  }

  /// Where d(loss)/d(vectors) goes, [rows, E].
  func reserveGradient() -> Matrix {
    dVectorStorage.reserve(vectors.rows * width)
    return dVectorStorage.matrix(vectors.rows, width)
  }

  /// Adds what `reserveGradient` was filled with to the gradient of the embedding, in order of rows.
  ///
  /// - inputs: [T·B]
  /// - d: [symbols, E]
  func addGradient(to d: Matrix, inputs: [UInt32], masks: DropoutMasks<Float>) {
    let gathered = isTable ? tokens : inputs
    for (row, token) in gathered.enumerated() {
      let vector = dVectorStorage.base + row * width
      masks.multiply(vector, by: masks.input, at: row, width, team)
      team.kernels.pointee.add_scaled(
        d.row(Int(token)), vector, masks.embeddingRows?[Int(token)] ?? 1, width)
    }
  }
}

extension DropoutMasks<Float> {
  /// Multiplies one row by its mask, if there is one.
  func multiply(
    _ row: UnsafeMutablePointer<Float>, by mask: [Float]?, at position: Int, _ width: Int,
    _ team: Team
  ) {
    mask?.withUnsafeBufferPointer { mask in
      let start = position % rowCount * width
      precondition(start + width <= mask.count)
      team.kernels.pointee.multiply(row, mask.baseAddress! + start, width)
    }
  }
}
