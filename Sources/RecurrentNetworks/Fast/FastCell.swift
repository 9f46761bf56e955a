// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import LinearAlgebra

/// How the gates of a cell lie in memory, and which kernels compute them.
///
/// A row of gates is laid out so that the recurrent product adds to its first columns at once:
///
///     LSTM    i f g o                     recurrent 0..<4H   input 0..<4H
///     GRU     r z W_hn·h+b_hn W_in·x+b_in recurrent 0..<3H   input 0..<2H and 3H..<4H
///     Elman   p                           recurrent 0..<H    input 0..<H
struct FastCell {
  /// Rows of the input weights and the columns of the gates that they yield.
  struct Part {
    let weightRows: Range<Int>
    let gateColumns: Range<Int>
  }

  let kind: NetworkConfiguration.Cell
  /// H
  let width: Int
  /// Columns of a row of gates.
  let gateWidth: Int
  /// Columns that the recurrent product adds to, from 0: all rows of the recurrent weights.
  let recurrentWidth: Int
  let inputParts: [Part]

  init(_ configuration: NetworkConfiguration) {
    kind = configuration.cell
    width = configuration.hiddenWidth
    recurrentWidth = kind.gateCount * width
    if kind == .gru {
      gateWidth = 4 * width
      inputParts = [
        Part(weightRows: 0..<2 * width, gateColumns: 0..<2 * width),
        Part(weightRows: 2 * width..<3 * width, gateColumns: 3 * width..<4 * width),
      ]
    } else {
      gateWidth = recurrentWidth
      inputParts = [Part(weightRows: 0..<gateWidth, gateColumns: 0..<gateWidth)]
    }
  }

  /// The gates before anything is added to them: the biases in their places, [gateWidth].
  func biasRow(
    input: UnsafePointer<Float>?, recurrent: UnsafePointer<Float>?,
    into row: UnsafeMutablePointer<Float>
  ) {
    row.update(repeating: 0, count: gateWidth)
    guard let input, let recurrent else { return }
    for column in 0..<recurrentWidth { row[column] = recurrent[column] }
    for part in inputParts {
      for (source, column) in zip(part.weightRows, part.gateColumns) {
        row[column] += input[source]
      }
    }
  }

  /// Begins the columns that no input reaches: the GRU's W_hn h + b_hn, with its bias.
  ///
  /// - bias: [gateWidth]
  func fillRecurrentBias(of gates: Matrix, from bias: UnsafePointer<Float>) {
    guard kind == .gru else { return }
    for row in 0..<gates.rows {
      (gates.row(row) + 2 * width).update(from: bias + 2 * width, count: width)
    }
  }

  /// One step forward for `lanes` sequences; the gates are activated in place.
  ///
  /// - hiddenBefore, cellBefore, hidden, cell: [lanes, H]
  func forward(
    _ kernels: UnsafePointer<kernel_table>, gates: UnsafeMutablePointer<Float>,
    hiddenBefore: UnsafePointer<Float>, cellBefore: UnsafePointer<Float>?,
    hidden: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>?, lanes: Int
  ) {
    switch kind {
    case .lstm:
      kernels.pointee.lstm_forward(gates, cellBefore!, cell!, hidden, lanes, width)
    case .gru:
      kernels.pointee.gru_forward(gates, hiddenBefore, hidden, lanes, width)
    case .tanh, .logistic, .relu:
      kernels.pointee.elman_forward(gates, hidden, lanes * width, activation)
    }
  }

  /// One step backward: activated gates become the gradient of the loss with respect to the gates
  /// before activation, `dCell` that of the cell state before the step.
  ///
  /// - dHidden: of the state after the step; for the GRU it becomes the part of the gradient of the
  ///   state before the step that bypasses the weights.
  func backward(
    _ kernels: UnsafePointer<kernel_table>, gates: UnsafeMutablePointer<Float>,
    hiddenBefore: UnsafePointer<Float>, cellBefore: UnsafePointer<Float>?,
    hidden: UnsafePointer<Float>, cell: UnsafePointer<Float>?,
    dHidden: UnsafeMutablePointer<Float>, dCell: UnsafeMutablePointer<Float>?, lanes: Int
  ) {
    switch kind {
    case .lstm:
      kernels.pointee.lstm_backward(gates, cellBefore!, cell!, dHidden, dCell!, lanes, width)
    case .gru:
      kernels.pointee.gru_backward(gates, hiddenBefore, dHidden, lanes, width)
    case .tanh, .logistic, .relu:
      kernels.pointee.elman_backward(gates, hidden, dHidden, lanes * width, activation)
    }
  }

  private var activation: CInt {
    switch kind {
    case .logistic: CInt(kernel_logistic.rawValue)
    case .relu: CInt(kernel_relu.rawValue)
    default: CInt(kernel_tanh.rawValue)
    }
  }
}
