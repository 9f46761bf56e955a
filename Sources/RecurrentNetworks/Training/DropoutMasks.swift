// SPDX-License-Identifier: Apache-2.0

public import Optimization
internal import Probability

/// The multipliers of one window, 0 or 1/(1 - rate) each. An absent mask drops nothing.
///
/// Masks of activations are [T·B, width], or [B, width] when one serves every step: row
/// `(t·B + b) % rowCount` belongs to step t of lane b.
public struct DropoutMasks<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  /// Rows of the masks of activations: T·B, or B when locked.
  public var rowCount: Int
  public var input: [Scalar]?
  /// One per layer, on that layer's output; the last stands before the output layer.
  public var layers: [[Scalar]?]
  /// [inputs], one multiplier for a row of the embedding. Does not touch a tied output.
  public var embeddingRows: [Scalar]?
  /// One per layer, [gates·H, H].
  public var recurrentWeights: [[Scalar]?]

  /// Masks that drop nothing.
  public init(layerCount: Int) {
    rowCount = 1
    layers = Array(repeating: nil, count: layerCount)
    recurrentWeights = layers
  }

  /// The masks of training step `step`: a function of the arguments alone.
  public init(
    _ rates: DropoutRates, _ configuration: NetworkConfiguration, stepCount: Int, laneCount: Int,
    seed: UInt64, step: Int
  ) {
    self.init(layerCount: configuration.layerCount)
    guard !rates.isZero else { return }
    rowCount = rates.isLocked ? laneCount : stepCount * laneCount
    let random = RandomNumbers(seed: seed)
    func mask(_ rate: Double, _ purpose: Purpose, _ part: Int, _ count: Int) -> [Scalar]? {
      rate > 0
        ? bernoulli(random, rate, record: purpose.record(part: part, step: step), count) : nil
    }
    let width = configuration.hiddenWidth
    let last = configuration.layerCount - 1
    input = mask(rates.input, .inputMask, 0, rowCount * configuration.input.width)
    layers = (0...last).map { layer in
      mask(
        layer == last ? rates.output : rates.betweenLayers, .layerMask, layer, rowCount * width)
    }
    if case .tokens(let inputCount, _) = configuration.input {
      embeddingRows = mask(rates.embeddingRows, .embeddingMask, 0, inputCount)
    }
    recurrentWeights = (0...last).map { layer in
      mask(
        rates.recurrentWeights, .recurrentMask, layer,
        configuration.cell.gateCount * width * width)
    }
  }
}

/// `count` multipliers, 0 with probability `rate` and 1/(1 - rate) otherwise; 16 random bits each.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func bernoulli<Scalar: BinaryFloatingPoint>(
  _ random: RandomNumbers, _ rate: Double, record: UInt64, _ count: Int
) -> [Scalar] {
  let threshold = UInt32((rate * 0x1p16).rounded())
  let kept = Scalar(1 / (1 - rate))
  return [Scalar](unsafeUninitializedCapacity: (count + 7) / 8 * 8) { mask, initializedCount in
    for group in 0..<(count + 7) / 8 {
      let bits = random.bits(record: record, step: UInt64(group))
      for lane in 0..<4 {
        mask.initializeElement(
          at: 8 * group + 2 * lane, to: bits[lane] & 0xFFFF < threshold ? 0 : kept)
        mask.initializeElement(
          at: 8 * group + 2 * lane + 1, to: bits[lane] >> 16 < threshold ? 0 : kept)
      }
    }
    initializedCount = count
  }
}
