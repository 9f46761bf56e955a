// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import MaskedNetworks
internal import RecurrentNetworks
internal import TensorFiles

/// Labels for the columns of a record, by a trained network or a written automaton.
public protocol Transducer {
  /// - record: columns, and perhaps a TAB and what follows it.
  /// - Throws: `StreamError` at `place` for columns that it cannot read.
  func labels(
    _ record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) -> [[UInt8]]
}

/// Opens a labeller that train-rnn or train-masked made.
///
/// - printsProbabilities: whether labels are the probabilities of the units, with commas between.
/// - Throws: `StreamError` when the file cannot be read or holds no labeller.
public func openTransducer(
  at path: String, printsProbabilities: Bool
) throws(StreamError) -> any Transducer {
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

/// Opens an automaton that is written as arcs.
///
/// - printsStates: whether labels are the states instead of their outputs.
/// - Throws: `StreamError` with the line of what is no arc.
public func openAutomaton(
  at path: String, printsStates: Bool
) throws(StreamError) -> any Transducer {
  AutomatonTransducer(
    automaton: try Automaton(RecordReader(paths: [path]), name: path), printsStates: printsStates)
}

/// How many records have the labels that their targets say.
public struct LabelTally {
  public private(set) var right = 0
  public private(set) var total = 0

  public init() {}

  /// Counts a record; its targets stand after a TAB, and `-` is right whatever the label.
  ///
  /// - Throws: `StreamError` when there are not as many targets as labels.
  public mutating func add(
    _ labels: [[UInt8]], of record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) {
    let parts = record.split(separator: 0x09, maxSplits: 1)
    let targets = parts.count > 1 ? pieces(parts[1]) : []
    guard labels.count == targets.count else {
      throw StreamError(
        place, "\(targets.count) targets for \(labels.count) columns",
        advice: "write columns, a TAB, and as many targets")
    }
    total += 1
    let agree = zip(labels, targets).allSatisfy { label, target in
      label.count == target.count
        && zip(label, target).allSatisfy { $0 == $1 || $1 == UInt8(ascii: "-") }
    }
    if agree { right += 1 }
  }
}

private struct AutomatonTransducer: Transducer {
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

private struct NetworkTransducer: Transducer {
  let labeller: Labeller
  let printsProbabilities: Bool

  func labels(
    _ record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) -> [[UInt8]] {
    let columns = try ColumnRecord(record, place: place)
    return try labeller.probabilities(columns, place: place).map { units in
      printsProbabilities ? text(of: units) : units.map { $0 >= 0.5 ? 0x31 : 0x30 }
    }
  }
}

private struct MapTransducer: Transducer {
  let map: MaskedMap
  let printsProbabilities: Bool

  func labels(
    _ record: UnsafeBufferPointer<UInt8>, place: StreamError.Place
  ) throws(StreamError) -> [[UInt8]] {
    let rows = try map.probabilities(record, place: place)
    guard printsProbabilities else { return map.labels(rows) }
    // As for the units of a recurrent labeller: of two symbols the second's alone.
    return rows.map { text(of: Array($0.dropFirst())) }
  }
}

private func text(of probabilities: [some BinaryFloatingPoint]) -> [UInt8] {
  Array(probabilities.map { "\($0)" }.joined(separator: ",").utf8)
}

/// Blank-separated pieces.
private func pieces(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> [[UInt8]] {
  bytes.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).map { Array($0) }
}
