// SPDX-License-Identifier: Apache-2.0

import CKernels
import LinearAlgebra
import TestSupport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The kernels as their equations stand in a textbook, in Double: what the C is held against.
enum Twin {
  /// a [rows, inner] × b [inner, columns] + start, row-major.
  static func product(_ a: [[Double]], _ b: [[Double]], start: [[Double]]) -> [[Double]] {
    a.indices.map { i in
      start[i].indices.map { j in
        b.indices.reduce(start[i][j]) { $0 + a[i][$1] * b[$1][j] }
      }
    }
  }

  static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// Gates i, f, g, o after activation, c', h'.
  static func lstm(_ x: [Double], _ c: Double) -> (gates: [Double], cell: Double, hidden: Double) {
    let gates = [logistic(x[0]), logistic(x[1]), tanh(x[2]), logistic(x[3])]
    let cell = gates[1] * c + gates[0] * gates[2]
    return (gates, cell, gates[3] * tanh(cell))
  }

  /// r, z, the recurrent part as it came, n; h'.
  static func gru(_ x: [Double], _ h: Double) -> (gates: [Double], hidden: Double) {
    let (r, z) = (logistic(x[0]), logistic(x[1]))
    let n = tanh(x[3] + r * x[2])
    return ([r, z, x[2], n], (1 - z) * n + z * h)
  }

  static func activation(_ kind: kernel_activation, _ x: Double) -> Double {
    switch kind {
    case kernel_tanh: tanh(x)
    case kernel_logistic: logistic(x)
    default: max(0, x)
    }
  }

  static func logSumExp(_ row: [Double]) -> Double {
    let most = row.max()!
    return most + log(row.reduce(0) { $0 + exp($1 - most) })
  }

  /// Central difference of f at x.
  static func slope(_ x: Double, _ f: (Double) -> Double) -> Double {
    (f(x + 1e-6) - f(x - 1e-6)) / 2e-6
  }
}

/// Floats between two sentinels: a kernel that writes past its row is found out.
final class Guarded {
  private let base: UnsafeMutablePointer<Float>
  let count: Int
  private static let sentinel: Float = 12345.5
  private static let margin = 64

  init(_ values: [Float]) {
    count = values.count
    base = .allocate(capacity: count + 2 * Guarded.margin)
    base.initialize(repeating: Guarded.sentinel, count: count + 2 * Guarded.margin)
    for (index, value) in values.enumerated() { start[index] = value }
  }

  deinit { base.deallocate() }

  var start: UnsafeMutablePointer<Float> { base + Guarded.margin }
  var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }
  var doubles: [Double] { values.map(Double.init) }
  var isIntact: Bool {
    (0..<Guarded.margin).allSatisfy {
      base[$0] == Guarded.sentinel && start[count + $0] == Guarded.sentinel
    }
  }
}

extension SeededGenerator {
  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -2...2) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }
}

extension InstructionSet {
  var table: UnsafePointer<kernel_table> { Team(count: 1, instructionSet: self).kernels }
}
