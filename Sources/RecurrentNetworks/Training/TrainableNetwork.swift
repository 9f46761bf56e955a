// SPDX-License-Identifier: Apache-2.0

public import Optimization

/// The state of sequences side by side: what a network knows of the past.
public struct NetworkState<Scalar: BinaryFloatingPoint & Sendable>: Hashable, Sendable {
  /// B
  public let laneCount: Int
  /// One per layer, h [B, H].
  public var hidden: [[Scalar]]
  /// One per layer, c [B, H] of the LSTM; empty for the other cells.
  public var cell: [[Scalar]]

  /// Zero: nothing has been read.
  public init(_ configuration: NetworkConfiguration, laneCount: Int) {
    self.laneCount = laneCount
    let zero = [Scalar](repeating: 0, count: laneCount * configuration.hiddenWidth)
    hidden = Array(repeating: zero, count: configuration.layerCount)
    cell = configuration.cell == .lstm ? hidden : []
  }
}

/// What a window cost.
public struct WindowLoss: Hashable, Sendable {
  /// Sum of -ln p(target) over the targets, nats.
  public var nats: Double
  /// Steps that had a target.
  public var targetCount: Int

  public init(nats: Double, targetCount: Int) {
    self.nats = nats
    self.targetCount = targetCount
  }
}

/// A network as the trainer sees it: a block of parameters, a block of gradients, and the one
/// computation that fills the second from the first.
///
/// There are two: the slow one, generic over Float and Double, which is the definition, and the fast
/// one in Float.
public protocol TrainableNetwork<Scalar>: AnyObject {
  associatedtype Scalar: BinaryFloatingPoint & Sendable

  var configuration: NetworkConfiguration { get }
  /// The layout of both blocks.
  var layout: ParameterLayout { get }
  /// Valid as long as the network lives. Call `parametersDidChange` after writing to it.
  var parameters: UnsafeMutableBufferPointer<Scalar> { get }
  /// d(mean loss per target) / d(parameter), as `backpropagate` left it.
  var gradient: UnsafeMutableBufferPointer<Scalar> { get }

  /// Forgets whatever was derived from the parameters.
  func parametersDidChange()

  /// Runs the window forward and backward (through all its steps, and no further: the state that it
  /// starts from counts as constant), replaces `gradient`, and moves `state` to the window's end.
  func backpropagate(
    _ window: TrainingWindow, from state: inout NetworkState<Scalar>,
    masks: DropoutMasks<Scalar>
  ) -> WindowLoss

  /// Runs the window forward only, with nothing dropped, and moves `state` to its end.
  func loss(of window: TrainingWindow, from state: inout NetworkState<Scalar>) -> WindowLoss

  /// √Σ g² of the gradient.
  func gradientNorm() -> Double

  /// Takes one step of the optimiser along the gradient.
  func update(by optimiser: inout Optimiser<Scalar>, rate: Double, gradientScale: Double)
}
