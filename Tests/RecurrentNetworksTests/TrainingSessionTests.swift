// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import LinearAlgebra
import Optimization
import RecurrentNetworks
import Testing

@Suite struct TrainingSessionTests {
  @Test("a session that is told to stop leaves a checkpoint, and resumes to the unbroken bytes")
  func resume() throws {
    let data = try trainingData("a b a b\nb a\na a b\n")
    var options = TrainingOptions()
    options.stepLimit = 9
    let configuration = NetworkConfiguration.languageModel(
      symbolCount: data.table.count, embeddingWidth: 3, hiddenWidth: 4)
    let team = Team(count: 1, instructionSet: .baseline)
    func bytes(_ session: TrainingSession) throws -> [UInt8]? {
      let model = try session.run(
        configuration, from: Initialisation(), on: data, options: options, team: team)
      guard let model else { return nil }
      let sink = ByteSink.memory()
      try model.write(to: sink)
      return sink.takeBytes()
    }
    let unbroken = try #require(try bytes(TrainingSession()))

    let path = "/tmp/chainrule-test-\(UInt64.random(in: 0...UInt64.max))"
    defer { unlink(path) }
    var notes: [String] = []
    var stepCount = 0
    var session = TrainingSession()
    (session.checkpoint, session.resumes) = (path, true)
    session.note = { notes.append($0) }
    session.show = { status in
      stepCount += 1
      #expect(status().contains("step \(stepCount), "))
    }
    session.shouldStop = { stepCount == 4 }
    #expect(try bytes(session) == nil)
    session.shouldStop = { false }
    #expect(try bytes(session) == unbroken)
    #expect(stepCount == 9)
    #expect(notes.contains { $0.hasSuffix("resumed after step 4") })
    #expect(notes.last?.contains("100 % done") == true)
  }

  @Test("a network that the machine cannot hold is refused before anything is made")
  func memory() throws {
    let data = try trainingData("a b\n")
    let configuration = NetworkConfiguration.languageModel(
      symbolCount: data.table.count, embeddingWidth: 8, hiddenWidth: 1 << 20)
    #expect(throws: StreamError.self) {
      try TrainingSession().run(
        configuration, from: Initialisation(), on: data, options: TrainingOptions(),
        team: Team(count: 1, instructionSet: .baseline))
    }
  }
}
