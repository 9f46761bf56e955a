// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Optimization
import RecurrentNetworks
import Testing
import TokenStreams

/// The data of a text of tokens.
func trainingData(_ text: String, heldOutShare: Double = 0, minimumCount: Int = 1) throws
  -> TrainingData
{
  let path = "/tmp/chainrule-test-\(UInt64.random(in: 0...UInt64.max))"
  let sink = try ByteSink.file(path)
  try sink.write(text)
  try sink.finish()
  defer { unlink(path) }
  return try TrainingData(
    training: TokenReader(paths: [path], numbering: .growing), heldOutShare: heldOutShare,
    minimumCount: minimumCount)
}

@Suite struct EpochPlanTests {
  /// What a plan feeds and asks, as (input, target) of each lane in order.
  private func pairs(_ plan: EpochPlan) -> [[(UInt32, UInt32)]] {
    var plan = plan
    var lanes: [[(UInt32, UInt32)]] = Array(repeating: [], count: plan.laneCount)
    for number in 0..<plan.windowCount {
      let window = plan.window(number)
      for step in 0..<window.stepCount {
        for lane in 0..<window.laneCount {
          let position = step * window.laneCount + lane
          if window.targets[position] != TrainingWindow.noTarget {
            lanes[lane].append((window.inputs[position], window.targets[position]))
          }
        }
      }
    }
    return lanes
  }

  @Test("by records, every record is read once, from <s> to </s>", arguments: [1, 2, 3, 8])
  func records(laneCount: Int) throws {
    let data = try trainingData("a b\nc\n\na b c d\n")
    let plan = EpochPlan(
      data.training, range: data.trainingRange, mode: .records, table: data.table,
      laneCount: laneCount, windowSteps: 3, order: (seed: 1, epoch: 2))
    let start = UInt32(data.table.count)
    var records: [[UInt32]] = []
    for lane in pairs(plan) {
      var previous: UInt32?
      for (input, target) in lane {
        if previous == nil || previous == data.table.end {
          #expect(input == start)
          records.append([])
        } else {
          #expect(input == previous)
        }
        records[records.count - 1].append(target)
        previous = target
      }
      #expect(previous == data.table.end)
    }
    #expect(data.training.count == 11 && data.training.recordCount == 4)
    #expect(records.map(\.count).sorted() == [1, 2, 3, 5])
  }

  @Test("continuous lanes follow one another and leave nothing out", arguments: [1, 2, 4])
  func continuous(laneCount: Int) throws {
    let data = try trainingData("a b\nc\n\na b c d\n")
    let plan = EpochPlan(
      data.training, range: data.trainingRange, mode: .continuous, table: data.table,
      laneCount: laneCount, windowSteps: 2, warmUp: 2)
    let lanes = pairs(plan)
    let all = lanes.flatMap { $0 }
    #expect(all.map(\.1) == (0..<11).map { data.training[$0] })
    // The input is the symbol before, but for a lane's first: warmed up or the stream's beginning.
    for (index, pair) in all.enumerated() where index > 0 {
      #expect(pair.0 == data.training[index - 1])
    }
    #expect(all[0].0 == UInt32(data.table.count))
    #expect(lanes.count == laneCount)
  }

  @Test("a window is the same whether it is reached in order or at once")
  func seeking() throws {
    let data = try trainingData("a b\nc d e f g\n\na b c d\nb\nc c c\n")
    for mode in TrainingOptions.Mode.allCases {
      let plan = EpochPlan(
        data.training, range: data.trainingRange, mode: mode, table: data.table, laneCount: 2,
        windowSteps: 3, order: (seed: 4, epoch: 0))
      var inOrder = plan
      for number in 0..<plan.windowCount {
        let window = inOrder.window(number)
        var fresh = plan
        let sought = fresh.window(number)
        #expect(window.inputs == sought.inputs && window.targets == sought.targets)
      }
    }
  }

  @Test("rare pieces become <unk>, which is then a symbol; held-out records are cut off whole")
  func vocabulary() throws {
    let open = try trainingData("a a b\na c\n", minimumCount: 2)
    #expect(open.table.isOpen && open.table.count == 3)
    let closed = try trainingData("a a b\na c\n", heldOutShare: 0.4)
    #expect(!closed.table.isOpen && closed.table.count == 4)
    #expect(closed.trainingRange == 0..<4 && closed.validation.count == 3)
    #expect(throws: StreamError.self) { try trainingData("\n\n") }
    #expect(throws: StreamError.self) { try trainingData("a\n", heldOutShare: 0.5) }
  }
}
