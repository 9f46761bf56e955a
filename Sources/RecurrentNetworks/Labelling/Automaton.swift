// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A finite-state machine with an output in each state (Moore 1956), as a table of arcs.
///
///     # state  input  next
///     N0       11     C0
///
/// The first arc's state is where every record begins. The output of a state is the run of digits
/// that its name ends in.
public struct Automaton: Sendable {
  private struct Arc: Hashable {
    let state: [UInt8]
    let symbol: [UInt8]
  }

  private let start: [UInt8]
  private let next: [Arc: [UInt8]]
  private let name: String

  /// - Throws: `StreamError` with the line of what is no arc, comes twice, or leads to a state from
  ///   which nothing leads on.
  public init(_ reader: RecordReader, name: String) throws(StreamError) {
    var start: [UInt8]?
    var next: [Arc: [UInt8]] = [:]
    var states: Set<[UInt8]> = []
    var lines: [(next: [UInt8], place: StreamError.Place)] = []
    while let block = try reader.nextBlock() {
      try block.forEachRecord { (record, number) throws(StreamError) in
        let place = StreamError.Place.line(block.name, number)
        let fields = record.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).map(Array.init)
        if fields.isEmpty || fields[0].first == UInt8(ascii: "#") { return }
        guard fields.count == 3 else {
          throw StreamError(
            place, "\(fields.count) fields",
            advice: "an arc is a state, an input and the next state")
        }
        let arc = Arc(state: fields[0], symbol: fields[1])
        guard next.updateValue(fields[2], forKey: arc) == nil else {
          throw StreamError(place, "a second arc from this state with this input")
        }
        start = start ?? fields[0]
        states.insert(fields[0])
        lines.append((fields[2], place))
        guard fields[2].last.map({ 0x30...0x39 ~= $0 }) == true else {
          throw StreamError(
            place, "state \(String(decoding: fields[2], as: UTF8.self)) names no output",
            advice: "end the name of a state in the digits it prints")
        }
      }
    }
    guard let start else { throw StreamError(.file(name), "holds no arcs") }
    for line in lines where !states.contains(line.next) {
      throw StreamError(
        line.place, "state \(String(decoding: line.next, as: UTF8.self)) has no arcs of its own")
    }
    self.start = start
    self.next = next
    self.name = name
  }

  /// The states that a record leads through, one for each input.
  ///
  /// - Throws: `StreamError` for an input that has no arc.
  public func states(
    _ inputs: [[UInt8]], place: StreamError.Place
  ) throws(StreamError) -> [[UInt8]] {
    var state = start
    var states: [[UInt8]] = []
    for symbol in inputs {
      guard let following = next[Arc(state: state, symbol: symbol)] else {
        throw StreamError(
          place,
          "no arc from \(String(decoding: state, as: UTF8.self)) with "
            + String(decoding: symbol, as: UTF8.self))
      }
      state = following
      states.append(state)
    }
    return states
  }

  /// What a state prints: the digits at the end of its name.
  public static func output(of state: [UInt8]) -> [UInt8] {
    Array(state.reversed().prefix { 0x30...0x39 ~= $0 }.reversed())
  }
}
