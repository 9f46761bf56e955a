// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import LinearAlgebra
import Synchronization
import Testing

@Suite struct TeamTests {
  @Test("every member takes part in every piece of work, and every job is done once")
  func everyJobOnce() {
    for count in [1, 2, 3, 7] {
      let team = Team(count: count, instructionSet: .baseline)
      for round in 0..<200 {
        let members = Locked<[Int]>([])
        team.run { member in members.withLock { $0.append(member) } }
        #expect(members.withLock { $0.sorted() } == Array(0..<count))
        let jobs = Locked<[Int]>([])
        team.forEach(round % 11) { _, job in jobs.withLock { $0.append(job) } }
        #expect(jobs.withLock { $0.sorted() } == Array(0..<round % 11))
        let shares = (0..<count).flatMap { team.share(of: round, member: $0) }
        #expect(shares == Array(0..<round))
      }
    }
  }

  @Test("members that are parked wake up")
  func parked() {
    let team = Team(count: 3, instructionSet: .baseline)
    for _ in 0..<5 {
      usleep(20_000)
      let calls = Atomic<Int>(0)
      team.run { _ in calls.wrappingAdd(1, ordering: .relaxed) }
      #expect(calls.load(ordering: .relaxed) == 3)
    }
  }
}

@Suite struct InstructionSetTests {
  @Test("the baseline is always there, and names are those of the cases")
  func names() throws {
    #expect(InstructionSet.available.first == .baseline)
    for level in InstructionSet.available {
      #expect(try InstructionSet.named(level.name) == level)
    }
  }

  @Test("an unknown name is an error that lists the known ones")
  func unknown() {
    #expect {
      _ = try InstructionSet.named("sse9")
    } throws: {
      "\($0)"
        == "CHAINRULE_ISA is 'sse9', which is no instruction set; use one of baseline, avx2, avx512"
    }
  }
}
