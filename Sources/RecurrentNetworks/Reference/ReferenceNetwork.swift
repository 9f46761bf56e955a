// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The network written as its equations stand in a textbook, for Float and Double alike: slow, and
/// the definition that the fast one is held against.
///
/// Back-propagation through time (Werbos 1990): the network is unrolled over the window's steps, and
/// the gradient walks from the last step to the first.
public final class ReferenceNetwork<Scalar: BinaryFloatingPoint & Sendable>: TrainableNetwork {
  public let configuration: NetworkConfiguration
  public let layout: ParameterLayout
  public let parameters: UnsafeMutableBufferPointer<Scalar>
  public let gradient: UnsafeMutableBufferPointer<Scalar>

  /// - parameters: in the order of the layout.
  public init(_ configuration: NetworkConfiguration, parameters: [Scalar]) {
    self.configuration = configuration
    layout = ParameterLayout(configuration)
    precondition(parameters.count == layout.count)
    self.parameters = .allocate(capacity: layout.count)
    _ = self.parameters.initialize(from: parameters)
    gradient = .allocate(capacity: layout.count)
    gradient.initialize(repeating: 0)
  }

  deinit {
    parameters.deallocate()
    gradient.deallocate()
  }

  /// Nothing is derived from the parameters here.
  public func parametersDidChange() {}

  public func backpropagate(
    _ window: TrainingWindow, from state: inout NetworkState<Scalar>, masks: DropoutMasks<Scalar>
  ) -> WindowLoss {
    let scale = 1 / Scalar(max(1, window.targetCount))
    return backpropagate(window, from: &state, masks: masks, scale: scale).loss
  }

  /// The same with `scale` times the sum over the targets instead of their mean; gives the gradients
  /// within the network beside the loss.
  func backpropagate(
    _ window: TrainingWindow, from state: inout NetworkState<Scalar>,
    masks: DropoutMasks<Scalar>, scale: Scalar
  ) -> (loss: WindowLoss, gradient: UnrolledGradient<Scalar>) {
    let trace = forward(window, from: &state, masks: masks)
    let result = backpropagate(trace, scale: scale, masks: masks) { position, logits in
      var loss = WindowLoss(nats: 0, targetCount: 0)
      guard let target = window.target(at: position) else {
        return (loss, logits.map { _ in 0 })
      }
      // dL/d(logit) = p - [target]
      var dLogits = logits
      loss.add(-softmax(&dLogits)[target])
      dLogits[target] -= 1
      return (loss, dLogits)
    }
    let embedding = view(gradient, layout.embedding!)
    for (position, id) in window.inputs.enumerated() {
      let kept = masks.embeddingRows?[Int(id)] ?? 1
      embedding.add(result.gradient.inputs[position].map { $0 * kept }, toRow: Int(id))
    }
    return result
  }

  /// Goes back from the losses of an unrolled network; replaces `gradient`.
  ///
  /// - head: the loss at a position, given its logits, and its gradient with respect to them.
  func backpropagate(
    _ trace: UnrolledTrace<Scalar>, scale: Scalar, masks: DropoutMasks<Scalar>,
    head: (_ position: Int, _ logits: [Scalar]) -> (WindowLoss, [Scalar])
  ) -> (loss: WindowLoss, gradient: UnrolledGradient<Scalar>) {
    gradient.update(repeating: 0)
    var total = WindowLoss(nats: 0, targetCount: 0)
    let weights = view(parameters, layout.outputWeights)
    let topGradients = trace.features.indices.map { position -> [Scalar] in
      let features = trace.features[position]
      let (loss, dLogits) = head(position, logits(of: features))
      total.nats += loss.nats
      total.targetCount += loss.targetCount
      let scaled = dLogits.map { $0 * scale }
      view(gradient, layout.outputWeights).add(scaled, outer: features)
      if let bias = layout.outputBias { view(gradient, bias).add(scaled) }
      return weights.transposedTimes(scaled)
    }
    return (total, backward(trace, topGradients: topGradients, masks: masks))
  }

  public func loss(of window: TrainingWindow, from state: inout NetworkState<Scalar>) -> WindowLoss
  {
    let trace = forward(window, from: &state, masks: DropoutMasks(layerCount: layout.layers.count))
    var loss = WindowLoss(nats: 0, targetCount: 0)
    for position in window.targets.indices {
      guard let target = window.target(at: position) else { continue }
      var logits = self.logits(of: trace.features[position])
      loss.add(-softmax(&logits)[target])
    }
    return loss
  }

  /// Unnormalised log-probabilities of every symbol at every step, [T·B][outputs].
  public func logits(
    of window: TrainingWindow, from state: inout NetworkState<Scalar>
  ) -> [[Scalar]] {
    forward(window, from: &state, masks: DropoutMasks(layerCount: layout.layers.count))
      .features.map(logits(of:))
  }

  /// W features + b, [outputs].
  func logits(of features: [Scalar]) -> [Scalar] {
    let product = view(parameters, layout.outputWeights).times(features)
    guard let bias = layout.outputBias else { return product }
    return sum(product, view(parameters, bias).vector)
  }

  func view(
    _ block: UnsafeMutableBufferPointer<Scalar>, _ tensor: ParameterLayout.Tensor
  ) -> MatrixView<Scalar> { MatrixView(block, tensor) }

  private func forward(
    _ window: TrainingWindow, from state: inout NetworkState<Scalar>, masks: DropoutMasks<Scalar>
  ) -> UnrolledTrace<Scalar> {
    let embedding = view(parameters, layout.embedding!)
    let inputs = window.inputs.map { id in
      let kept = masks.embeddingRows?[Int(id)] ?? 1
      return embedding.row(Int(id)).map { $0 * kept }
    }
    let resets = window.inputs.map { $0 == configuration.startToken }
    return unroll(
      inputs, laneCount: window.laneCount, resets: resets, from: &state, masks: masks)
  }
}

extension TrainingWindow {
  /// The target at a position of [T, B], if it has one.
  func target(at position: Int) -> Int? {
    targets[position] == TrainingWindow.noTarget ? nil : Int(targets[position])
  }
}

extension WindowLoss {
  mutating func add(_ nats: some BinaryFloatingPoint) {
    self.nats += Double(nats)
    targetCount += 1
  }
}

/// Turns logits into probabilities in place and gives back their logarithms.
///
/// The maximum is subtracted first: exp overflows above 88 in Float.
@discardableResult
@_specialize(where Scalar == Double)
@_specialize(where Scalar == Float)
func softmax<Scalar: BinaryFloatingPoint>(_ logits: inout [Scalar]) -> [Scalar] {
  let largest = logits.max() ?? 0
  let total = logits.reduce(0.0) { $0 + exp(Double($1 - largest)) }
  let logarithms = logits.map { $0 - largest - Scalar(log(total)) }
  logits = logarithms.map { Scalar(exp(Double($0))) }
  return logarithms
}
