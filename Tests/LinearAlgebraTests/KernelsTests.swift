// SPDX-License-Identifier: Apache-2.0

import CKernels
import LinearAlgebra
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Absolute error of our tanh and logistic function, 2e-7, through a few products of numbers near 1.
private let tolerance = 1e-6

@Suite struct KernelsTests {
  /// Widths around those of the vectors: remainders of every kind.
  private let widths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50, 67]

  private func near(_ value: Float, _ expected: Double, _ limit: Double = tolerance) -> Bool {
    abs(Double(value) - expected) <= limit * max(1, abs(expected))
  }

  @Test("an LSTM step and its gradient", arguments: InstructionSet.available)
  func lstm(_ level: InstructionSet) {
    var random = SeededGenerator(seed: 2)
    for units in widths {
      let rows = 3
      let before = Guarded(random.floats(rows * units))
      let inputs = random.floats(rows * 4 * units, in: -6...6)
      let gates = Guarded(inputs)
      let (cell, hidden) = (Guarded(before.values), Guarded(before.values))
      level.table.pointee.lstm_forward(
        gates.start, before.start, cell.start, hidden.start, rows, units)
      let activated = gates.values
      let upstream = Guarded(random.floats(rows * units))
      let dCell = Guarded(random.floats(rows * units))
      let (above, dCellAbove) = (upstream.doubles, dCell.doubles)
      level.table.pointee.lstm_backward(
        gates.start, before.start, cell.start, upstream.start, dCell.start, rows, units)
      for row in 0..<rows {
        for unit in 0..<units {
          let place = row * units + unit
          let c = Double(before.values[place])
          let x = (0..<4).map { Double(inputs[(row * 4 + $0) * units + unit]) }
          let twin = Twin.lstm(x, c)
          func cost(_ x: [Double], _ c: Double) -> Double {
            let step = Twin.lstm(x, c)
            return above[place] * step.hidden + dCellAbove[place] * step.cell
          }
          #expect(near(cell.values[place], twin.cell))
          #expect(near(hidden.values[place], twin.hidden))
          for gate in 0..<4 {
            let index = (row * 4 + gate) * units + unit
            #expect(near(activated[index], twin.gates[gate]))
            let slope = Twin.slope(x[gate]) {
              var moved = x
              moved[gate] = $0
              return cost(moved, c)
            }
            #expect(near(gates.values[index], slope))
          }
          #expect(near(dCell.values[place], Twin.slope(c) { cost(x, $0) }))
        }
      }
      #expect([gates, before, cell, hidden, upstream, dCell].allSatisfy { $0.isIntact })
    }
  }

  @Test("a GRU step and its gradient", arguments: InstructionSet.available)
  func gru(_ level: InstructionSet) {
    var random = SeededGenerator(seed: 3)
    for units in widths {
      let rows = 2
      let before = Guarded(random.floats(rows * units))
      let inputs = random.floats(rows * 4 * units, in: -5...5)
      let gates = Guarded(inputs)
      let hidden = Guarded(before.values)
      level.table.pointee.gru_forward(gates.start, before.start, hidden.start, rows, units)
      let activated = gates.values
      let dHidden = Guarded(random.floats(rows * units))
      let above = dHidden.doubles
      level.table.pointee.gru_backward(gates.start, before.start, dHidden.start, rows, units)
      for row in 0..<rows {
        for unit in 0..<units {
          let place = row * units + unit
          let h = Double(before.values[place])
          let x = (0..<4).map { Double(inputs[(row * 4 + $0) * units + unit]) }
          let twin = Twin.gru(x, h)
          #expect(near(hidden.values[place], twin.hidden))
          for gate in 0..<4 {
            let index = (row * 4 + gate) * units + unit
            #expect(near(activated[index], twin.gates[gate]))
            let slope = Twin.slope(x[gate]) {
              var moved = x
              moved[gate] = $0
              return above[place] * Twin.gru(moved, h).hidden
            }
            #expect(near(gates.values[index], slope, 3e-6))
          }
          let bypass = Twin.slope(h) { above[place] * Twin.gru(x, $0).hidden }
          #expect(near(dHidden.values[place], bypass))
        }
      }
      #expect([gates, before, hidden, dHidden].allSatisfy { $0.isIntact })
    }
  }

  @Test("an Elman step and its gradient", arguments: InstructionSet.available)
  func elman(_ level: InstructionSet) {
    var random = SeededGenerator(seed: 4)
    for kind in [kernel_tanh, kernel_logistic, kernel_relu] {
      for count in widths {
        let gates = Guarded(random.floats(count, in: -9...9))
        let inputs = gates.doubles
        let hidden = Guarded(gates.values)
        let code = CInt(kind.rawValue)
        level.table.pointee.elman_forward(gates.start, hidden.start, count, code)
        let above = Guarded(random.floats(count))
        level.table.pointee.elman_backward(
          gates.start, hidden.start, above.start, count, code)
        for index in 0..<count {
          #expect(near(hidden.values[index], Twin.activation(kind, inputs[index])))
          let slope = Twin.slope(inputs[index]) { Twin.activation(kind, $0) }
          #expect(near(gates.values[index], Double(above.values[index]) * slope))
        }
        #expect([gates, hidden, above].allSatisfy { $0.isIntact })
      }
    }
  }

  @Test(
    "the softmax family, with large logits and masked ones", arguments: InstructionSet.available)
  func softmax(_ level: InstructionSet) {
    var random = SeededGenerator(seed: 5)
    let table = level.table.pointee
    for count in widths + [1000, 33278] {
      var logits = random.floats(count, in: -20...20)
      for index in logits.indices where Int.random(in: 0..<9, using: &random) == 0 {
        logits[index] = [-.infinity, -1000, -300].randomElement(using: &random)!
      }
      let target = Int.random(in: 0..<count, using: &random)
      logits[target] = 95
      let twin = logits.map(Double.init)
      let normalizer = Twin.logSumExp(twin)
      let row = Guarded(logits)
      #expect(abs(table.cross_entropy(row.start, count, target) - (normalizer - 95)) < 2e-6)
      #expect(row.values == logits)
      #expect(abs(table.log_softmax(row.start, count) - normalizer) < 2e-6 * normalizer)
      for index in 0..<count where logits[index] > -.infinity {
        #expect(near(row.values[index], twin[index] - normalizer))
      }
      #expect(zip(logits, row.values).allSatisfy { ($0 == -.infinity) == ($1 == -.infinity) })
      let other = Guarded(logits)
      let loss = table.softmax_gradient(other.start, count, target, 0.25)
      #expect(abs(loss - (normalizer - 95)) < 2e-6)
      for index in 0..<count {
        let p = exp(twin[index] - normalizer) - (index == target ? 1 : 0)
        #expect(abs(Double(other.values[index]) - 0.25 * p) < 1e-7)
        #expect(logits[index] > -.infinity || other.values[index] == 0)
      }
      #expect(row.isIntact && other.isIntact)
    }
  }

  @Test("NaN is never hidden", arguments: InstructionSet.available)
  func nan(_ level: InstructionSet) {
    let table = level.table.pointee
    for place in [0, 5, 36] {
      var values = [Float](repeating: 0.5, count: 37)
      values[place] = .nan
      let row = Guarded(values)
      #expect(table.cross_entropy(row.start, 37, 1).isNaN)
      #expect(table.square_sum(row.start, 37).isNaN)
      for kind in [kernel_tanh, kernel_logistic] {
        let out = Guarded(values)
        table.elman_forward(row.start, out.start, 37, CInt(kind.rawValue))
        #expect(out.values[place].isNaN && out.values.filter(\.isNaN).count == 1)
      }
      #expect(table.log_softmax(row.start, 37).isNaN)
    }
  }

  @Test("the ends of the logistic function and of tanh", arguments: InstructionSet.available)
  func saturation(_ level: InstructionSet) {
    let inputs = Guarded([-.infinity, -1e30, -100, -88, 0, 88, 100, 1e30, .infinity])
    for (kind, low) in [(kernel_tanh, Float(-1)), (kernel_logistic, 0)] {
      let out = Guarded(inputs.values)
      level.table.pointee.elman_forward(inputs.start, out.start, 9, CInt(kind.rawValue))
      #expect(out.values[..<4].allSatisfy { abs($0 - low) < 1e-30 })
      #expect(out.values[4] == (low + 1) / 2)
      #expect(out.values[5...].allSatisfy { $0 == 1 })
    }
  }

  @Test("Adam and AdamW, SGD with and without momentum", arguments: InstructionSet.available)
  func optimisers(_ level: InstructionSet) {
    var random = SeededGenerator(seed: 6)
    let table = level.table.pointee
    for count in widths {
      let weight = Guarded(random.floats(count))
      let gradient = Guarded(random.floats(count))
      let mean = Guarded(random.floats(count))
      let square = Guarded(random.floats(count, in: 0...1))
      var constants = kernel_adam(
        gradient_scale: 0.5, decay_gradient: 0.01, decay_weight: 0.99, mean_decay: 0.9,
        square_decay: 0.98, rate: 0.03, square_scale: 1.25, epsilon: 1e-3)
      let (w, g, m, s) = (weight.doubles, gradient.doubles, mean.doubles, square.doubles)
      table.adam(weight.start, gradient.start, mean.start, square.start, count, &constants)
      for i in 0..<count {
        let slope = 0.5 * g[i] + 0.01 * w[i]
        let newMean = 0.9 * m[i] + 0.1 * slope
        let newSquare = 0.98 * s[i] + 0.02 * slope * slope
        #expect(near(mean.values[i], newMean) && near(square.values[i], newSquare))
        let step = newMean / (newSquare.squareRoot() * 1.25 + 1e-3)
        #expect(near(weight.values[i], 0.99 * w[i] - 0.03 * step))
      }
      let moved = weight.doubles
      table.sgd(weight.start, gradient.start, mean.start, count, 2, 0.1, 0.5, 0.2)
      for i in 0..<count {
        let velocity =
          0.5 * (0.9 * m[i] + 0.1 * (0.5 * g[i] + 0.01 * w[i])) + 2 * g[i] + 0.1 * moved[i]
        #expect(near(mean.values[i], velocity))
        #expect(near(weight.values[i], moved[i] - 0.2 * velocity))
      }
      let last = weight.doubles
      table.sgd(weight.start, gradient.start, nil, count, 2, 0.1, 0.5, 0.2)
      for i in 0..<count {
        #expect(near(weight.values[i], last[i] - 0.2 * (2 * g[i] + 0.1 * last[i])))
      }
      #expect([weight, gradient, mean, square].allSatisfy { $0.isIntact })
    }
  }

  @Test("sums and products of vectors", arguments: InstructionSet.available)
  func vectors(_ level: InstructionSet) {
    var random = SeededGenerator(seed: 7)
    let table = level.table.pointee
    for count in widths + [9000] {
      let (y, x) = (Guarded(random.floats(count)), Guarded(random.floats(count)))
      let (a, b) = (y.doubles, x.doubles)
      table.add_scaled(y.start, x.start, 3, count)
      #expect((0..<count).allSatisfy { near(y.values[$0], a[$0] + 3 * b[$0]) })
      let sums = y.doubles
      table.multiply(y.start, x.start, count)
      #expect((0..<count).allSatisfy { near(y.values[$0], sums[$0] * b[$0]) })
      let squares = b.reduce(0) { $0 + $1 * $1 }
      #expect(abs(table.square_sum(x.start, count) - squares) < 1e-5 * squares)
      #expect(y.isIntact && x.isIntact)
    }
  }
}
