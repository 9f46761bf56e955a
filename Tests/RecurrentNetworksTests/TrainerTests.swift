// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Optimization
import RecurrentNetworks
import TensorFiles
import Testing
import TokenStreams

private let corpus = "what do cows eat ?\nwhat do pigs like ?\npigs eat corn .\ncows eat grass .\n"

@Suite struct TrainerTests {
  private func options(_ change: (inout TrainingOptions) -> Void = { _ in }) -> TrainingOptions {
    var options = TrainingOptions()
    options.laneCount = 2
    options.windowSteps = 4
    options.epochLimit = 4
    options.schedule = Schedule(.cosine, rate: 0.02)
    options.dropout.output = 0.2
    options.averaging = .exponential(decay: 0.9)
    change(&options)
    return options
  }

  private func network(_ data: TrainingData) -> ReferenceNetwork<Double> {
    let configuration = NetworkConfiguration.languageModel(
      symbolCount: data.table.count, embeddingWidth: 4, hiddenWidth: 5)
    return ReferenceNetwork(
      configuration, parameters: Initialisation().parameters(of: configuration, seed: 2))
  }

  @Test("training that stops after any step and goes on gives the bits of the unbroken one")
  func resume() throws {
    for mode in TrainingOptions.Mode.allCases {
      let data = try trainingData(corpus, heldOutShare: 0.2)
      let options = options { $0.mode = mode }
      let unbroken = try Trainer(network(data), data: data, options: options, now: { 0 })
      _ = try unbroken.run()
      for stopping in [1, 3, 7] {
        let first = try Trainer(network(data), data: data, options: options, now: { 0 })
        var steps = 0
        let end = try first.run(shouldStop: {
          steps += 1
          return steps == stopping
        })
        #expect(end == .interrupted)
        let sink = ByteSink.memory()
        try first.writeCheckpoint(to: sink)
        let other = network(data)
        let second = try Trainer(
          other, data: data, options: options,
          resuming: Checkpoint(
            TensorFile(bytes: sink.takeBytes()), for: other, data: data, options: options),
          now: { 0 })
        _ = try second.run()
        #expect(second.takeResult() == unbroken.takeResult(), "\(mode) stopped after \(stopping)")
      }
    }
  }

  @Test("a checkpoint of other options or data is refused with the difference")
  func foreignCheckpoint() throws {
    let data = try trainingData(corpus)
    let trainer = try Trainer(network(data), data: data, options: options(), now: { 0 })
    let sink = ByteSink.memory()
    try trainer.writeCheckpoint(to: sink)
    let file = try TensorFile(bytes: sink.takeBytes(), name: "c")
    let error = #expect(throws: StreamError.self) {
      try Checkpoint(
        file, for: network(data), data: data, options: options { $0.laneCount = 3 })
    }
    #expect("\(error!)".contains("batch=2 instead of batch=3"))
  }

  @Test("training learns, and stops when validation stalls")
  func learning() throws {
    let data = try trainingData(corpus)
    var reports: [TrainingReport] = []
    let trainer = try Trainer(
      network(data), data: data,
      options: options {
        $0.epochLimit = 60
        $0.dropout = DropoutRates()
        $0.averaging = .none
      }, now: { 0 })
    #expect(
      try trainer.run(reportEvery: 1, report: { reports.append($0) }) == .finished)
    #expect(reports[0].nats > 2.3 && reports.last!.nats < 1)
    let validated = try trainingData(corpus, heldOutShare: 0.2)
    let stalled = try Trainer(
      network(validated), data: validated,
      options: options {
        $0.epochLimit = 1000
        $0.patience = 2
        $0.schedule = Schedule(.constant, rate: 0.05)
      }, now: { 0 })
    #expect(try stalled.run() == .converged)
  }

  @Test("a loss that is no number stops training with the step and advice")
  func notANumber() throws {
    let data = try trainingData(corpus)
    let trainer = try Trainer(
      network(data), data: data,
      options: options {
        $0.schedule = Schedule(.constant, rate: 1e300)
        $0.optimiser = OptimiserSettings(.sgd)
        $0.clip = nil
      }, now: { 0 })
    let error = #expect(throws: StreamError.self) { try trainer.run() }
    #expect("\(error!)".contains("not a number any more at step"))
    #expect(throws: StreamError.self) {
      try Trainer(
        network(data), data: data,
        options: options {
          $0.mode = .continuous
          $0.windowSteps = 500
        }, now: { 0 })
    }
  }
}
