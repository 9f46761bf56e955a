// SPDX-License-Identifier: Apache-2.0

import LinearAlgebra
import TestSupport
import Testing

@Suite struct ProductsTests {
  /// Row-major or transposed storage of a matrix with gaps between its rows.
  private func store(_ values: [[Float]], transposed: Bool, in buffer: inout [Guarded]) -> Matrix {
    let (rows, columns) = (values.count, values[0].count)
    let stride = (transposed ? rows : columns) + 3
    var flat = [Float](repeating: .nan, count: (transposed ? columns : rows) * stride)
    for i in 0..<rows {
      for j in 0..<columns { flat[transposed ? j * stride + i : i * stride + j] = values[i][j] }
    }
    buffer.append(Guarded(flat))
    let base = buffer.last!.start
    return transposed
      ? Matrix(base, columns, rows, stride: stride).transposed
      : Matrix(base, rows, columns, stride: stride)
  }

  private func doubles(_ values: [[Float]]) -> [[Double]] { values.map { $0.map(Double.init) } }

  @Test(
    "products of any shape and storage are those of the textbook, with the same bits for any team",
    arguments: InstructionSet.available)
  func products(_ level: InstructionSet) {
    var random = SeededGenerator(seed: 1)
    let teams = [1, 2, 3, 7].map { Team(count: $0, instructionSet: level) }
    var shapes = (0..<40).map { _ in
      (
        Int.random(in: 1...70, using: &random), Int.random(in: 1...150, using: &random),
        Int.random(in: 1...90, using: &random)
      )
    }
    shapes += [(300, 40, 1100), (1, 520, 65), (513, 257, 3), (2, 1, 1), (700, 33, 5)]
    for (rows, columns, inner) in shapes {
      let a = (0..<rows).map { _ in random.floats(inner) }
      let b = (0..<inner).map { _ in random.floats(columns) }
      let c = (0..<rows).map { _ in random.floats(columns) }
      let bias = random.floats(columns)
      var buffers: [Guarded] = []
      let left = store(a, transposed: Bool.random(using: &random), in: &buffers)
      let right = store(b, transposed: Bool.random(using: &random), in: &buffers)
      let kind = Int.random(in: 0...2, using: &random)
      let zero = [[Float]](repeating: [Float](repeating: 0, count: columns), count: rows)
      let start = [zero, c, [[Float]](repeating: bias, count: rows)][kind]
      let expected = Twin.product(doubles(a), doubles(b), start: doubles(start))
      var results: [[UInt32]] = []
      func check(_ fill: (Matrix, Start) -> Void) {
        let out = store(c, transposed: false, in: &buffers)
        bias.withUnsafeBufferPointer { bias in
          fill(out, [.zero, .itself, .row(bias.baseAddress!)][kind])
        }
        var bits: [UInt32] = []
        var worst = 0.0
        for i in 0..<rows {
          for j in 0..<columns {
            let value = out.base[i * out.rowStride + j]
            bits.append(value.bitPattern)
            worst = max(worst, abs(Double(value) - expected[i][j]))
          }
        }
        // Sums of products of numbers up to 2: half an ulp of 4 a term, and as much slack.
        #expect(worst <= 4.8e-7 * Double(inner + 4))
        results.append(bits)
      }
      for team in teams {
        let scratch = ProductScratch(team: team)
        check { team.multiply(left, right, from: $1, into: $0, scratch: scratch) }
        let packed = PackedWeights(right, team: team)
        check { packed.multiply(left, from: $1, into: $0, team: team) }
        check { packed.multiplyTogether(left, from: $1, into: $0, team: team) }
      }
      #expect(results.allSatisfy { $0 == results[0] }, "\(rows) x \(columns) x \(inner)")
      #expect(buffers.allSatisfy { $0.isIntact })
    }
  }

  @Test("a product over nothing is its start", arguments: InstructionSet.available)
  func emptyInner(_ level: InstructionSet) {
    let team = Team(count: 2, instructionSet: level)
    let c = FloatStorage(count: 6)
    let bias = Guarded([1, 2, 3])
    team.multiply(
      Matrix(c.base, 2, 0), Matrix(c.base, 0, 3), from: .row(bias.start), into: c.matrix(2, 3),
      scratch: ProductScratch(team: team))
    #expect((0..<6).map { c.base[$0] } == [1, 2, 3, 1, 2, 3])
  }
}
