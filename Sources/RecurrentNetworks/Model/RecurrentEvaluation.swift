// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel
internal import LinearAlgebra
internal import Optimization
public import TokenStreams

/// A network that goes on learning while it is scored: after each window of a record one step of
/// gradient descent down the window's loss.
///
/// A step's size follows the window's length, so that a record of one word teaches less than a full
/// window. Gradients are clipped to norm 1, as in training by default.
public final class RecurrentEvaluation: DynamicEvaluation {
  private let table: SymbolTable
  private let network: FastNetwork
  private let settings: DynamicSettings
  private var optimiser: Optimiser<Float>

  public var vocabulary: Vocabulary { table.vocabulary }

  /// - Throws: `StreamError` when the file is no language model.
  public init(
    _ file: RecurrentModelFile, name: String, settings: DynamicSettings, threads: Int
  ) throws(StreamError) {
    table = try file.languageModelTable(name: name)
    network = FastNetwork(
      file.configuration, parameters: file.parameters,
      team: Team(count: threads, instructionSet: try InstructionSet.chosen()))
    self.settings = settings
    optimiser = Optimiser(OptimiserSettings(.sgd), parameterCount: network.layout.count)
  }

  public func score(_ block: TokenBlock) throws(StreamError) -> Score {
    var score = Score()
    var start = 0
    for end in block.recordEnds {
      try add(block.tokens[start..<end], to: &score)
      start = end
    }
    return score
  }

  private func add(_ record: ArraySlice<Token>, to score: inout Score) throws(StreamError) {
    var targets: [UInt32] = []
    for token in record {
      let symbol = table.symbols[Int(token)]
      if token == vocabulary.unknown { score.unknownCount += 1 }
      if symbol < table.count {
        targets.append(symbol)
      } else {
        // What the model cannot predict leaves its state as it is.
        score.add(-.infinity, isUnknown: false)
      }
    }
    targets.append(table.end)
    let inputs = [network.configuration.startToken ?? table.end] + targets.dropLast()
    var state = NetworkState<Float>(network.configuration, laneCount: 1)
    let masks = DropoutMasks<Float>(layerCount: network.configuration.layerCount)
    for first in stride(from: 0, to: targets.count, by: settings.windowSteps) {
      let range = first..<min(first + settings.windowSteps, targets.count)
      let loss = network.backpropagate(
        TrainingWindow(
          stepCount: range.count, laneCount: 1, inputs: Array(inputs[range]),
          targets: Array(targets[range])),
        from: &state, masks: masks)
      let norm = network.gradientNorm()
      guard loss.nats.isFinite, norm.isFinite else {
        throw StreamError(
          .none, "the loss is not a number any more after \(score.count) symbols",
          advice: "lower --dynamic-rate")
      }
      score.logProbability -= loss.nats
      score.count += range.count
      network.update(
        by: &optimiser, rate: settings.rate * Double(range.count) / Double(settings.windowSteps),
        gradientScale: clippingScale(norm: norm, limit: 1))
    }
    score.recordCount += 1
  }
}
