// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Testing

private struct Refusal: Error, Equatable { var number: Int }

/// Maps 0..<count to squares on some threads; workers take unequal time.
private func squares(
  _ count: Int, threads: Int, failingNext: Int? = nil, failing: Int? = nil
) -> (squares: [Int], refusal: Refusal?) {
  var emitted: [Int] = []
  var number = 0
  do {
    try orderedParallelMap(
      threads: threads,
      next: {
        if number == failingNext { throw Refusal(number: number) }
        defer { number += 1 }
        return number < count ? number : nil
      },
      transform: { (input: Int) -> Int in
        if input == failing { throw Refusal(number: input) }
        var sum = 0
        for _ in 0..<(input * 7919 % 1000) * 20 { sum &+= input }
        return sum == -1 ? 0 : input * input
      },
      emit: { emitted.append($0) })
    return (emitted, nil)
  } catch {
    return (emitted, error as? Refusal)
  }
}

@Test(arguments: [1, 2, 3, 7]) func `results come in the order of the input`(threads: Int) {
  #expect(squares(500, threads: threads).squares == (0..<500).map { $0 * $0 })
  #expect(squares(0, threads: threads).squares == [])
}

@Test(arguments: [1, 2, 7])
func `what stands before a failure is emitted, and the first failure is thrown`(threads: Int) {
  let first = squares(100, threads: threads, failing: 60)
  #expect(first.squares == (0..<60).map { $0 * $0 })
  #expect(first.refusal == Refusal(number: 60))
  let source = squares(100, threads: threads, failingNext: 40)
  #expect(source.squares == (0..<40).map { $0 * $0 })
  #expect(source.refusal == Refusal(number: 40))
  let both = squares(100, threads: threads, failingNext: 40, failing: 39)
  #expect(both.refusal == Refusal(number: 39))
}

@Test(arguments: [1, 4]) func `all that is done is emitted before input is waited for`(threads: Int)
  throws
{
  var number = 0
  var emitted = 0
  var seen: [Int] = []
  try orderedParallelMap(
    threads: threads,
    next: {
      defer { number += 1 }
      return number < 10 ? number : nil
    },
    wouldBlock: { number == 5 },
    idle: { seen.append(emitted) },
    transform: { (input: Int) in input },
    emit: { _ in emitted += 1 })
  #expect(seen == [5])
  #expect(emitted == 10)
}

@Test(arguments: [1, 3]) func `every index is visited once`(threads: Int) {
  let visits = Visits(count: 1000)
  Threads.forEach(count: 1000, threads: threads) { visits.pointer[$0] += 1 }
  #expect((0..<1000).allSatisfy { visits.pointer[$0] == 1 })
}

/// One counter an index: no two threads touch the same one.
private final class Visits: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Int>
  init(count: Int) {
    pointer = .allocate(capacity: count)
    pointer.initialize(repeating: 0, count: count)
  }
  deinit { pointer.deallocate() }
}
