// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import LinearAlgebra
public import Optimization
internal import Probability

/// Trains a masked network by mini-batches.
public final class MaskedTrainer {
  public let layout: MaskedLayout
  /// - parameters: [layout.count].
  public private(set) var parameters: [Float]
  private let configuration: MaskedConfiguration
  private let mask: [Float]
  private var gradient: [Float]
  private var optimiser: Optimiser<Float>
  private let random: RandomNumbers
  private let team: Team
  private let scratch: ProductScratch
  private var epochNumber = 0
  private let batchSize: Int
  private let clip: Double?
  // Activations of one batch: [batch, I], [batch, H], [batch, H], [batch, O].
  private let input: FloatStorage
  private let hidden: FloatStorage
  private let hiddenGradient: FloatStorage
  private let logits: FloatStorage

  /// - clip: the largest norm of a step's gradient, if there is one.
  public init(
    _ configuration: MaskedConfiguration, settings: OptimiserSettings, clip: Double? = nil,
    batchSize: Int, seed: UInt64, team: Team
  ) {
    self.configuration = configuration
    layout = MaskedLayout(configuration)
    random = RandomNumbers(seed: seed)
    parameters = layout.initialParameters(random: random)
    mask = layout.mask
    gradient = Array(repeating: 0, count: layout.count)
    optimiser = Optimiser(settings, parameterCount: layout.count)
    self.team = team
    scratch = ProductScratch(team: team)
    self.batchSize = batchSize
    self.clip = clip
    input = FloatStorage(count: batchSize * configuration.inputCount)
    hidden = FloatStorage(count: batchSize * configuration.hiddenWidth)
    hiddenGradient = FloatStorage(count: batchSize * configuration.hiddenWidth)
    logits = FloatStorage(count: batchSize * configuration.outputCount)
  }

  /// Visits every example once, in an order drawn for the epoch.
  ///
  /// - rate: of a step, counted from 1 over all epochs.
  /// - Returns: the mean loss of an example before its batch's step, nats.
  public func trainEpoch(_ examples: MaskedExamples, rate: (Int) -> Double) -> Double {
    epochNumber += 1
    var order = Array(0..<examples.count)
    for index in order.indices.reversed() where index > 0 {
      let u = random.uniform(record: UInt64(epochNumber), step: UInt64(index))
      order.swapAt(index, Int(u * Double(index + 1)))
    }
    var loss = 0.0
    for start in stride(from: 0, to: order.count, by: batchSize) {
      let batch = order[start..<min(start + batchSize, order.count)]
      loss += forward(examples, batch, keepsGradient: true)
      backward(rows: batch.count)
      for index in gradient.indices { gradient[index] *= mask[index] / Float(batch.count) }
      gradient.withUnsafeMutableBufferPointer { gradient in
        parameters.withUnsafeMutableBufferPointer { parameters in
          optimiser.update(
            parameters, gradient: gradient, rate: rate(optimiser.stepNumber + 1),
            gradientScale: clip == nil ? 1 : clippingScale(norm: norm(gradient), limit: clip))
        }
      }
    }
    return loss / Double(max(1, examples.count))
  }

  /// What training says after each epoch; losses are means over examples, bits.
  public struct EpochReport: Sendable {
    public let epoch: Int
    public let loss: Double
    public let validationLoss: Double?
    /// Whether the validation loss is the lowest so far.
    public let isBest: Bool
  }

  /// Trains for `epochs`, and in the end takes the parameters back that did best on `validation`.
  ///
  /// - validation: may be empty: then the last parameters stay.
  public func train(
    _ examples: MaskedExamples, validation: MaskedExamples, epochs: Int, schedule: Schedule,
    report: (EpochReport) throws -> Void
  ) rethrows {
    var best = (loss: Double.infinity, parameters: parameters)
    var schedule = schedule
    for epoch in 1...epochs {
      let phase = Double(epoch - 1) / Double(epochs)
      let loss = trainEpoch(examples) { schedule.rate(step: $0, progress: phase) }
      let validationLoss = validation.count == 0 ? nil : self.loss(validation)
      if let validationLoss { schedule.note(loss: validationLoss) }
      let isBest = (validationLoss ?? -Double(epoch)) < best.loss
      if isBest { best = (validationLoss ?? -Double(epoch), parameters) }
      try report(
        EpochReport(
          epoch: epoch, loss: loss / log(2), validationLoss: validationLoss.map { $0 / log(2) },
          isBest: isBest))
    }
    parameters = best.parameters
  }

  /// The mean loss of an example, nats.
  public func loss(_ examples: MaskedExamples) -> Double {
    var loss = 0.0
    for start in stride(from: 0, to: examples.count, by: batchSize) {
      let batch = Array(start..<min(start + batchSize, examples.count))
      loss += forward(examples, batch[...], keepsGradient: false)
    }
    return loss / Double(max(1, examples.count))
  }

  /// Loss and gradient of some examples at given parameters: what the finite differences of the tests
  /// check.
  package func lossAndGradient(_ examples: MaskedExamples, at parameters: [Float])
    -> (loss: Double, gradient: [Float])
  {
    precondition(examples.count <= batchSize)
    self.parameters = parameters
    let loss = forward(examples, Array(0..<examples.count)[...], keepsGradient: true)
    backward(rows: examples.count)
    return (loss, zip(gradient, mask).map { $0 * $1 })
  }

  /// The sum of the losses of a batch; `logits` holds the distributions' gradients afterwards if asked.
  private func forward(
    _ examples: MaskedExamples, _ batch: ArraySlice<Int>, keepsGradient: Bool
  ) -> Double {
    let units = configuration.unitsPerSymbol
    let x = input.matrix(batchSize, configuration.inputCount).rows(0..<batch.count)
    let h = hidden.matrix(batchSize, configuration.hiddenWidth).rows(0..<batch.count)
    let z = logits.matrix(batchSize, configuration.outputCount).rows(0..<batch.count)
    for (row, example) in batch.enumerated() {
      let numbers = x.row(row)
      numbers.update(repeating: 0, count: configuration.inputCount)
      for position in 0..<configuration.width {
        let symbol = Int(examples.inputs[example * configuration.width + position])
        if symbol > 0 { numbers[position * units + symbol - 1] = 1 }
      }
    }
    parameters.withUnsafeMutableBufferPointer { block in
      func matrix(_ tensor: MaskedLayout.Tensor) -> Matrix {
        Matrix(block.baseAddress! + tensor.offset, tensor.shape[0], tensor.shape[1])
      }
      var start = Start.row(block.baseAddress! + layout.outputBias.offset)
      if let direct = layout.directWeight {
        team.multiply(x, matrix(direct).transposed, from: start, into: z, scratch: scratch)
        start = .itself
      }
      guard let first = layout.hiddenWeight, let second = layout.outputWeight else { return }
      let hiddenBias = Start.row(block.baseAddress! + layout.hiddenBias!.offset)
      team.multiply(x, matrix(first).transposed, from: hiddenBias, into: h, scratch: scratch)
      for index in 0..<batch.count * configuration.hiddenWidth {
        h.base[index] = max(0, h.base[index])
      }
      team.multiply(h, matrix(second).transposed, from: start, into: z, scratch: scratch)
    }
    var loss = 0.0
    for (row, example) in batch.enumerated() {
      let targets = example * configuration.targetWidth
      for position in 0..<configuration.targetWidth {
        loss += lossOfSymbol(
          z.row(row) + position * units, units, target: Int(examples.targets[targets + position]),
          keepsGradient: keepsGradient)
      }
    }
    return loss
  }

  /// −ln p(target) of one softmax over K symbols, the first logit being 0; the K − 1 logits become
  /// p − onehot(target) if asked.
  private func lossOfSymbol(
    _ logits: UnsafeMutablePointer<Float>, _ units: Int, target: Int, keepsGradient: Bool
  ) -> Double {
    // Subtract the maximum: exp overflows above 709. Sum in index order.
    var maximum = 0.0
    for unit in 0..<units { maximum = max(maximum, Double(logits[unit])) }
    var sum = exp(-maximum)
    for unit in 0..<units { sum += exp(Double(logits[unit]) - maximum) }
    let logSum = maximum + log(sum)
    let loss = logSum - (target == 0 ? 0 : Double(logits[target - 1]))
    guard keepsGradient else { return loss }
    for unit in 0..<units {
      let p = exp(Double(logits[unit]) - logSum)
      logits[unit] = Float(p - (unit == target - 1 ? 1 : 0))
    }
    return loss
  }

  /// Fills `gradient` with the sums over the batch whose activations are at hand.
  private func backward(rows: Int) {
    let x = input.matrix(batchSize, configuration.inputCount).rows(0..<rows)
    let h = hidden.matrix(batchSize, configuration.hiddenWidth).rows(0..<rows)
    let dh = hiddenGradient.matrix(batchSize, configuration.hiddenWidth).rows(0..<rows)
    let dz = logits.matrix(batchSize, configuration.outputCount).rows(0..<rows)
    gradient.withUnsafeMutableBufferPointer { block in
      func matrix(_ tensor: MaskedLayout.Tensor) -> Matrix {
        Matrix(block.baseAddress! + tensor.offset, tensor.shape[0], tensor.shape[1])
      }
      sumRows(of: dz, into: block.baseAddress! + layout.outputBias.offset)
      if let direct = layout.directWeight {
        team.multiply(dz.transposed, x, into: matrix(direct), scratch: scratch)
      }
      guard let first = layout.hiddenWeight, let second = layout.outputWeight else { return }
      team.multiply(dz.transposed, h, into: matrix(second), scratch: scratch)
      parameters.withUnsafeMutableBufferPointer { parameters in
        let weights = Matrix(
          parameters.baseAddress! + second.offset, second.shape[0], second.shape[1])
        team.multiply(dz, weights, into: dh, scratch: scratch)
      }
      for index in 0..<rows * configuration.hiddenWidth where h.base[index] == 0 {
        dh.base[index] = 0
      }
      team.multiply(dh.transposed, x, into: matrix(first), scratch: scratch)
      sumRows(of: dh, into: block.baseAddress! + layout.hiddenBias!.offset)
    }
  }

  /// Adds up the rows of a matrix, in their order.
  private func sumRows(of matrix: Matrix, into sums: UnsafeMutablePointer<Float>) {
    sums.update(repeating: 0, count: matrix.columns)
    for row in 0..<matrix.rows {
      let numbers = matrix.row(row)
      for column in 0..<matrix.columns { sums[column] += numbers[column] }
    }
  }
}
