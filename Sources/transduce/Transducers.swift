// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import MaskedNetworks
import RecurrentNetworks
import TensorFiles

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

struct MapTransducer: Transducer {
  let map: MaskedMap
  let printsProbabilities: Bool

  func labels(
    _ record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) -> [[UInt8]] {
    let rows = try map.probabilities(record, place: place)
    guard printsProbabilities else { return map.labels(rows) }
    // As for the units of a recurrent labeller: of two symbols the second's alone.
    return rows.map { Array($0.dropFirst().map { "\($0)" }.joined(separator: ",").utf8) }
  }
}

/// Opens a labeller of either family.
func openTransducer(at path: String, printsProbabilities: Bool) throws -> any Transducer {
  let file = try TensorFile(path: path)
  if MaskedModelFile.recognises(file) {
    return MapTransducer(
      map: try MaskedMap(MaskedModelFile(file), name: path),
      printsProbabilities: printsProbabilities)
  }
  return NetworkTransducer(
    labeller: try Labeller(RecurrentModelFile(file), name: path),
    printsProbabilities: printsProbabilities)
}
