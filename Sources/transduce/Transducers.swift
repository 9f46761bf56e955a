// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import RecurrentNetworks

/// Labels for the columns of a record.
protocol Transducer {
  func labels(
    _ record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) -> [[UInt8]]
}

struct AutomatonTransducer: Transducer {
  let automaton: Automaton
  let printsStates: Bool

  func labels(
    _ record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) -> [[UInt8]] {
    let columns = record.split(
      separator: 0x09, maxSplits: 1, omittingEmptySubsequences: false)[0]
    let states = try automaton.states(pieces(columns), place: place)
    return printsStates ? states : states.map(Automaton.output)
  }
}

struct NetworkTransducer: Transducer {
  let labeller: Labeller
  let printsProbabilities: Bool

  func labels(
    _ record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) -> [[UInt8]] {
    let columns = try ColumnRecord(record, place: place)
    return try labeller.probabilities(columns, place: place).map { units in
      printsProbabilities
        ? Array(units.map { "\($0)" }.joined(separator: ",").utf8)
        : units.map { $0 >= 0.5 ? 0x31 : 0x30 }
    }
  }
}
