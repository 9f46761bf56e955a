// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import LinearAlgebra

/// One recurrent layer over a window: its packed weights, what it computed, and the way back.
///
/// Rows of all buffers are positions t·B + b. Members of the team take lanes of their own through
/// the whole window, so no step waits for another thread, and each sum is one lane's.
final class FastLayer {
  let cell: FastCell
  let tensors: ParameterLayout.Layer
  private let team: Team

  private var forwardWeights: PackedWeights
  private var backwardWeights: PackedWeights
  private var forwardIsPacked = false
  private var backwardIsPacked = false

  private(set) var shape = WindowShape(steps: 0, lanes: 0)
  /// [T·B, gateWidth]: sums, then activations, then gradients.
  private var gateStorage = FloatStorage(count: 0)
  /// [(T+1)·B, H], the state before each step and the last one.
  private var hiddenStorage = FloatStorage(count: 0)
  /// The same of c.
  private var cellStorage = FloatStorage(count: 0)
  /// [2·B, H]: the state before a step at which some lanes begin anew; then rows put aside.
  private var asideStorage = FloatStorage(count: 0)
  /// [B, H], d(loss)/dc.
  private var dCellStorage = FloatStorage(count: 0)

  init(cell: FastCell, tensors: ParameterLayout.Layer, team: Team) {
    self.cell = cell
    self.tensors = tensors
    self.team = team
    forwardWeights = PackedWeights(inner: cell.width, columns: cell.recurrentWidth, team: team)
    backwardWeights = PackedWeights(inner: cell.recurrentWidth, columns: cell.width, team: team)
  }

  /// The recurrent weights are others than those that were packed.
  func weightsDidChange() {
    forwardIsPacked = false
    backwardIsPacked = false
  }

  /// Takes the recurrent weights for the window to come.
  ///
  /// - weights: [recurrentWidth, H]
  func pack(_ weights: Matrix, forBackward: Bool) {
    if !forwardIsPacked { forwardWeights.pack(weights.transposed, team: team) }
    if forBackward, !backwardIsPacked { backwardWeights.pack(weights, team: team) }
    forwardIsPacked = true
    backwardIsPacked = backwardIsPacked || forBackward
  }

  /// Makes room for a window.
  func reserve(_ shape: WindowShape) {
    self.shape = shape
    let states = (shape.steps + 1) * shape.lanes * cell.width
    gateStorage.reserve(shape.count * cell.gateWidth)
    hiddenStorage.reserve(states)
    asideStorage.reserve(2 * shape.lanes * cell.width)
    if cell.kind == .lstm {
      cellStorage.reserve(states)
      dCellStorage.reserve(shape.lanes * cell.width)
    }
  }

  /// [T·B, gateWidth]
  var gates: Matrix { gateStorage.matrix(shape.count, cell.gateWidth) }

  /// The layer's output, [T·B, H].
  var outputs: Matrix {
    hiddenStorage.matrix(at: shape.lanes * cell.width, shape.count, cell.width)
  }

  /// The state before each step, [T·B, H].
  private var hiddenBefore: Matrix { hiddenStorage.matrix(shape.count, cell.width) }

  // MARK: state

  /// Sets the state before the window. c is empty but for the LSTM.
  func setState(hidden: [Float], cell c: [Float]) {
    hidden.withUnsafeBufferPointer {
      hiddenStorage.base.update(from: $0.baseAddress!, count: hidden.count)
    }
    guard cell.kind == .lstm else { return }
    c.withUnsafeBufferPointer { cellStorage.base.update(from: $0.baseAddress!, count: c.count) }
  }

  /// The state after the window.
  func state() -> (hidden: [Float], cell: [Float]) {
    let (start, count) = (shape.count * cell.width, shape.lanes * cell.width)
    func last(_ base: UnsafeMutablePointer<Float>) -> [Float] {
      Array(UnsafeBufferPointer(start: base + start, count: count))
    }
    return (last(hiddenStorage.base), cell.kind == .lstm ? last(cellStorage.base) : [])
  }

  // MARK: forward

  /// Runs all steps. Before, the gates hold what the input and the biases give, or `inputRow` does.
  ///
  /// - resets: by position, whether the lane's state is zero before the step.
  /// - inputRow: the row of gates to begin with at a position, [gateWidth].
  func forward(resets: Resets, inputRow: ((_ position: Int) -> UnsafePointer<Float>)?) {
    let (lanes, gateWidth) = (shape.lanes, cell.gateWidth)
    team.run { member in
      let share = team.share(of: lanes, member: member)
      guard !share.isEmpty else { return }
      for step in 0..<shape.steps {
        let first = step * lanes + share.lowerBound
        let gates = gateStorage.base + first * gateWidth
        if let inputRow {
          for lane in 0..<share.count {
            (gates + lane * gateWidth).update(from: inputRow(first + lane), count: gateWidth)
          }
        }
        let before = stateBefore(first, share, resets)
        forwardWeights.multiply(
          Matrix(before.hidden, share.count, cell.width), from: .itself,
          into: Matrix(gates, share.count, cell.recurrentWidth, stride: gateWidth), team: team)
        cell.forward(
          team.kernels, gates: gates, hiddenBefore: before.hidden, cellBefore: before.cell,
          hidden: hiddenStorage.base + (first + lanes) * cell.width,
          cell: before.cell.map { _ in cellStorage.base + (first + lanes) * cell.width },
          lanes: share.count)
      }
    }
  }

  /// The state before a step of the lanes `share`: where it was left, or a copy in which the lanes
  /// that begin anew are zero.
  private func stateBefore(
    _ first: Int, _ share: Range<Int>, _ resets: Resets
  ) -> (hidden: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>?) {
    let isLSTM = cell.kind == .lstm
    let hidden = hiddenStorage.base + first * cell.width
    let c = isLSTM ? cellStorage.base + first * cell.width : nil
    let positions = first..<first + share.count
    guard resets.any(in: positions) else { return (hidden, c) }
    func copy(_ source: UnsafeMutablePointer<Float>, at offset: Int) -> UnsafeMutablePointer<Float>
    {
      let target = asideStorage.base + (offset + share.lowerBound) * cell.width
      target.update(from: source, count: share.count * cell.width)
      for position in positions where resets[position] {
        (target + (position - first) * cell.width).update(repeating: 0, count: cell.width)
      }
      return target
    }
    return (copy(hidden, at: 0), c.map { copy($0, at: shape.lanes) })
  }

  // MARK: backward

  /// Walks from the last step to the first; the gates become their gradients.
  ///
  /// - dOutputs: [T·B, H], of the loss with respect to this layer's output; used up.
  func backward(dOutputs: Matrix, resets: Resets) {
    let (lanes, width, gateWidth) = (shape.lanes, cell.width, cell.gateWidth)
    let isLSTM = cell.kind == .lstm
    if isLSTM { dCellStorage.base.update(repeating: 0, count: lanes * width) }
    team.run { member in
      let share = team.share(of: lanes, member: member)
      guard !share.isEmpty else { return }
      let count = share.count * width
      let dCell = isLSTM ? dCellStorage.base + share.lowerBound * width : nil
      for step in (0..<shape.steps).reversed() {
        let first = step * lanes + share.lowerBound
        let gates = gateStorage.base + first * gateWidth
        let before = stateBefore(first, share, resets)
        let after = (first + lanes) * width
        let dHidden = dOutputs.base + first * width
        cell.backward(
          team.kernels, gates: gates, hiddenBefore: before.hidden, cellBefore: before.cell,
          hidden: hiddenStorage.base + after, cell: isLSTM ? cellStorage.base + after : nil,
          dHidden: dHidden, dCell: dCell, lanes: share.count)
        guard step > 0 else { break }
        // No gradient flows past a reset: those rows of the step before are put aside meanwhile.
        let dBefore = dHidden - lanes * width
        let begun = resets.any(in: first..<first + share.count)
        let aside = asideStorage.base + share.lowerBound * width
        if begun { aside.update(from: dBefore, count: count) }
        if cell.kind == .gru { team.kernels.pointee.add_scaled(dBefore, dHidden, 1, count) }
        backwardWeights.multiply(
          Matrix(gates, share.count, cell.recurrentWidth, stride: gateWidth), from: .itself,
          into: Matrix(dBefore, share.count, width), team: team)
        guard begun else { continue }
        for lane in 0..<share.count where resets[first + lane] {
          (dBefore + lane * width).update(from: aside + lane * width, count: width)
          if let dCell { (dCell + lane * width).update(repeating: 0, count: width) }
        }
      }
    }
  }

  /// d(loss)/d(recurrent weights) from the gradients of the gates, [recurrentWidth, H].
  ///
  /// The state before a reset has done its work by now: its rows become the zeros that they stood for.
  func recurrentGradient(into d: Matrix, resets: Resets, scratch: borrowing ProductScratch) {
    for position in resets.positions {
      (hiddenStorage.base + position * cell.width).update(repeating: 0, count: cell.width)
    }
    team.multiply(
      gates.columns(0..<cell.recurrentWidth).transposed, hiddenBefore, into: d, scratch: scratch)
  }
}

/// T steps of B lanes.
struct WindowShape: Equatable {
  var steps: Int
  var lanes: Int
  /// Positions: T·B.
  var count: Int { steps * lanes }
}

/// The positions of a window at which a lane begins anew.
struct Resets {
  /// In rising order.
  let positions: [Int]
  private let flags: [Bool]

  init(inputs: [UInt32], startToken: UInt32?) {
    positions = startToken.map { start in inputs.indices.filter { inputs[$0] == start } } ?? []
    flags = positions.isEmpty ? [] : inputs.map { $0 == startToken }
  }

  subscript(position: Int) -> Bool { !flags.isEmpty && flags[position] }

  func any(in range: Range<Int>) -> Bool { !flags.isEmpty && flags[range].contains(true) }
}

extension FloatStorage {
  /// Replaces the storage by a larger one if it is smaller than `count`. What it held is gone then.
  mutating func reserve(_ count: Int) {
    if self.count < count { self = FloatStorage(count: count) }
  }
}
