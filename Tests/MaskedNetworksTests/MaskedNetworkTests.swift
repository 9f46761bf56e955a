// SPDX-License-Identifier: Apache-2.0

import Foundation
import LanguageModel
import LinearAlgebra
import MaskedNetworks
import Optimization
import Probability
import TestSupport
import Testing
import TokenStreams

private let configurations = [
  MaskedConfiguration(width: 6, symbolCount: 2, hiddenWidth: 0),
  MaskedConfiguration(width: 6, symbolCount: 2, hiddenWidth: 9),
  MaskedConfiguration(width: 5, symbolCount: 4, hiddenWidth: 7),
  MaskedConfiguration(width: 1, symbolCount: 3, hiddenWidth: 2),
  MaskedConfiguration(width: 5, symbolCount: 3, hiddenWidth: 8, mask: .none(targetWidth: 2)),
  MaskedConfiguration(width: 5, symbolCount: 2, hiddenWidth: 0, mask: .none(targetWidth: 3)),
]

private func trainer(_ configuration: MaskedConfiguration, threads: Int = 1) throws
  -> MaskedTrainer
{
  MaskedTrainer(
    configuration, settings: OptimiserSettings(.adam), batchSize: 16, seed: 3,
    team: Team(count: threads, instructionSet: try .chosen()))
}

private func examples(
  _ configuration: MaskedConfiguration, count: Int, _ generator: inout SeededGenerator
) -> MaskedExamples {
  func symbols(_ n: Int) -> [UInt32] {
    (0..<n).map { _ in UInt32.random(in: 0..<UInt32(configuration.symbolCount), using: &generator) }
  }
  let inputs = symbols(count * configuration.width)
  let isOwn = configuration.mask == .autoregressive
  return MaskedExamples(
    inputs: inputs, targets: isOwn ? inputs : symbols(count * configuration.targetWidth),
    count: count)
}

/// Parameters with no zero but where the mask forbids.
private func randomParameters(_ layout: MaskedLayout, _ generator: inout SeededGenerator) -> [Float]
{
  layout.mask.map { $0 * Float.random(in: -1...1, using: &generator) }
}

private func model(_ configuration: MaskedConfiguration, _ parameters: [Float]) -> MaskedModel {
  MaskedModel(
    vocabulary: Vocabulary(
      modelSpellings: (0..<configuration.symbolCount).map { Array("\($0)".utf8) }),
    layout: MaskedLayout(configuration), parameters: parameters)
}

@Test(arguments: configurations)
func `gradients agree with central differences`(configuration: MaskedConfiguration) throws {
  var generator = SeededGenerator(seed: 11)
  let trainer = try trainer(configuration)
  let examples = examples(configuration, count: 5, &generator)
  let parameters = randomParameters(trainer.layout, &generator)
  let gradient = trainer.lossAndGradient(examples, at: parameters).gradient
  for index in parameters.indices where trainer.layout.mask[index] != 0 {
    let h: Float = 1e-2
    var (above, below) = (parameters, parameters)
    above[index] += h
    below[index] -= h
    let difference =
      trainer.lossAndGradient(examples, at: above).loss
      - trainer.lossAndGradient(examples, at: below).loss
    // Float activations and a step of 0.01: third-order terms and rounding stay below 0.02, unless a
    // rectifier has its corner within the step.
    let numeric = Float(difference / Double(above[index] - below[index]))
    #expect(abs(numeric - gradient[index]) < 0.05 * max(1, abs(numeric)))
  }
}

@Test func `no output sees its own input or a later one`() throws {
  var generator = SeededGenerator(seed: 12)
  for configuration in configurations where configuration.mask == .autoregressive {
    let model = model(
      configuration, randomParameters(MaskedLayout(configuration), &generator))
    var violations = 0
    for flipped in 0..<configuration.width {
      var record = (0..<configuration.width).map { _ in
        Token.random(in: 3..<3 + Token(configuration.symbolCount), using: &generator)
      }
      func rows() -> [[Double]] {
        var state = model.start
        return record.map { token in
          var row = [Double](repeating: 0, count: model.vocabulary.count)
          var span = row.mutableSpan
          model.logProbabilities(after: state, into: &span)
          model.advance(&state, with: token)
          return row
        }
      }
      let before = rows()
      record[flipped] = 3 + (record[flipped] - 2) % Token(configuration.symbolCount)
      let after = rows()
      for position in 0...flipped where before[position] != after[position] { violations += 1 }
      for row in after { #expect(abs(row.reduce(0) { $0 + exp($1) } - 1) < 1e-12) }
    }
    #expect(violations == 0)
  }
}

@Test func `the model scores a record as the trainer's loss has it`() throws {
  var generator = SeededGenerator(seed: 13)
  for configuration in configurations where configuration.mask == .autoregressive {
    let trainer = try trainer(configuration)
    let parameters = randomParameters(trainer.layout, &generator)
    let model = model(configuration, parameters)
    let examples = examples(configuration, count: 1, &generator)
    let loss = trainer.lossAndGradient(examples, at: parameters).loss
    var state = model.start
    var sum = 0.0
    for symbol in examples.inputs {
      sum += model.logProbability(of: symbol + 3, after: state)
      model.advance(&state, with: symbol + 3)
    }
    #expect(abs(sum + loss) < 1e-5 * max(1, loss))
  }
}

@Test func `the lecture's parameter counts`() {
  func count(_ hidden: Int) -> Int {
    MaskedLayout(MaskedConfiguration(width: 64, symbolCount: 2, hiddenWidth: hidden))
      .parameterCount
  }
  #expect(count(0) == 64 + 2016)
  let adder = MaskedConfiguration(
    width: 16, symbolCount: 2, hiddenWidth: 64, mask: .none(targetWidth: 8))
  #expect(MaskedLayout(adder).parameterCount == 1608)
}

@Test func `training is the same for any number of threads, and learns what depends on before`()
  throws
{
  var generator = SeededGenerator(seed: 14)
  let configuration = MaskedConfiguration(width: 8, symbolCount: 2, hiddenWidth: 16)
  // The second half repeats the first: 4 bits a record, where pixels by themselves have 8.
  var inputs: [UInt32] = []
  for _ in 0..<400 {
    let half = (0..<4).map { _ in UInt32.random(in: 0...1, using: &generator) }
    inputs += half + half
  }
  let examples = MaskedExamples(inputs: inputs, targets: inputs, count: 400)
  var results: [[Float]] = []
  for threads in [1, 3] {
    let trainer = try trainer(configuration, threads: threads)
    trainer.train(
      examples[0..<360], validation: examples[360..<400], epochs: 60,
      schedule: Schedule(.cosine, rate: 0.02), report: { _ in })
    #expect(trainer.loss(examples) / log(2) < 4.2)
    results.append(trainer.parameters)
  }
  #expect(results[0] == results[1])
}
