// SPDX-License-Identifier: Apache-2.0

public import MessagePassing
public import Optimization

/// A network whose windows are shared out among processes, lane by lane: each process runs its lanes,
/// and the gradients are added in the order of ranks.
///
/// Every process holds all parameters, the optimiser and the state of all lanes, and takes the same
/// step: it is the same training as by one process but for the order of the sums, and the same bits in
/// every run with as many processes.
public final class ShardedNetwork<Base: TrainableNetwork>: TrainableNetwork
where Base.Scalar == Float {
  private let base: Base
  private let ranks: Communicator

  public init(_ base: Base, among ranks: Communicator) {
    self.base = base
    self.ranks = ranks
  }

  public var configuration: NetworkConfiguration { base.configuration }
  public var layout: ParameterLayout { base.layout }
  public var parameters: UnsafeMutableBufferPointer<Float> { base.parameters }
  public var gradient: UnsafeMutableBufferPointer<Float> { base.gradient }
  public func parametersDidChange() { base.parametersDidChange() }
  public func gradientNorm() -> Double { base.gradientNorm() }

  public func update(by optimiser: inout Optimiser<Float>, rate: Double, gradientScale: Double) {
    base.update(by: &optimiser, rate: rate, gradientScale: gradientScale)
  }

  public func backpropagate(
    _ window: TrainingWindow, from state: inout NetworkState<Float>, masks: DropoutMasks<Float>
  ) -> WindowLoss {
    shared(window, from: &state) { part, lanes, state in
      let loss = base.backpropagate(
        part, from: &state, masks: masks.lanes(lanes, of: window.laneCount))
      // From the mean over this part's targets to its share of the mean over all.
      let weight = Float(loss.targetCount) / Float(max(1, window.targetCount))
      for index in gradient.indices { gradient[index] *= weight }
      ranks.sum(gradient)
      return loss
    } whole: {
      base.backpropagate(window, from: &$0, masks: masks)
    }
  }

  public func loss(of window: TrainingWindow, from state: inout NetworkState<Float>) -> WindowLoss {
    shared(window, from: &state) { part, _, state in
      base.loss(of: part, from: &state)
    } whole: {
      base.loss(of: window, from: &$0)
    }
  }

  /// Runs this rank's lanes and gives every rank the state and the loss of all. A window of fewer lanes
  /// than ranks is run whole by each.
  private func shared(
    _ window: TrainingWindow, from state: inout NetworkState<Float>,
    part: (TrainingWindow, Range<Int>, inout NetworkState<Float>) -> WindowLoss,
    whole: (inout NetworkState<Float>) -> WindowLoss
  ) -> WindowLoss {
    let laneCount = window.laneCount
    guard laneCount >= ranks.count else { return whole(&state) }
    let lanes =
      laneCount * ranks.rank / ranks.count..<laneCount * (ranks.rank + 1) / ranks.count
    var own = NetworkState<Float>(configuration, laneCount: lanes.count)
    let width = configuration.hiddenWidth
    let rows = lanes.lowerBound * width..<lanes.upperBound * width
    for layer in own.hidden.indices { own.hidden[layer] = Array(state.hidden[layer][rows]) }
    for layer in own.cell.indices { own.cell[layer] = Array(state.cell[layer][rows]) }
    let loss = part(window.lanes(lanes), lanes, &own)
    // Other ranks' rows are zeros here: the sum puts the rows together.
    var all = [Float](repeating: 0, count: (own.hidden.count + own.cell.count) * laneCount * width)
    for (number, block) in (own.hidden + own.cell).enumerated() {
      let start = number * laneCount * width
      all.replaceSubrange(start + rows.lowerBound..<start + rows.upperBound, with: block)
    }
    all.withUnsafeMutableBufferPointer { ranks.sum($0) }
    for number in 0..<own.hidden.count + own.cell.count {
      let block = Array(all[number * laneCount * width..<(number + 1) * laneCount * width])
      if number < own.hidden.count {
        state.hidden[number] = block
      } else {
        state.cell[number - own.hidden.count] = block
      }
    }
    let nats = ranks.gathered(loss.nats).reduce(0, +)
    return WindowLoss(nats: nats, targetCount: window.targetCount)
  }
}

extension TrainingWindow {
  /// The window of some of its lanes.
  fileprivate func lanes(_ lanes: Range<Int>) -> TrainingWindow {
    func part(_ ids: [UInt32]) -> [UInt32] {
      (0..<stepCount).flatMap { step in
        ids[step * laneCount + lanes.lowerBound..<step * laneCount + lanes.upperBound]
      }
    }
    return TrainingWindow(
      stepCount: stepCount, laneCount: lanes.count, inputs: part(inputs), targets: part(targets))
  }
}

extension DropoutMasks {
  /// The masks of some of the lanes of a window.
  fileprivate func lanes(_ lanes: Range<Int>, of laneCount: Int) -> DropoutMasks {
    var part = self
    func rows(_ mask: [Scalar]?) -> [Scalar]? {
      guard let mask else { return nil }
      let width = mask.count / rowCount
      return (0..<rowCount / laneCount).flatMap { step in
        let start = step * laneCount
        return mask[(start + lanes.lowerBound) * width..<(start + lanes.upperBound) * width]
      }
    }
    // Nothing that is dropped lane by lane.
    guard rowCount >= laneCount else { return self }
    part.rowCount = rowCount / laneCount * lanes.count
    part.input = rows(input)
    part.layers = layers.map(rows)
    return part
  }
}
