// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import Probability

extension HopfieldNetwork {
  /// Remembers every record of a stream: lines of 0s and 1s, all of one width.
  ///
  /// - Throws: `StreamError` for another symbol, another width, or no pattern at all.
  public init(patternsIn reader: RecordReader) throws(StreamError) {
    var network: HopfieldNetwork?
    while let block = try reader.nextBlock() {
      try block.forEachRecord { (record, number) throws(StreamError) in
        var grown = network ?? HopfieldNetwork(width: record.count)
        grown.remember(try grown.state(of: record, at: .line(block.name, number)))
        network = grown
      }
    }
    guard let network else { throw StreamError(.none, "no pattern to remember") }
    self = network
  }

  /// Lets every record settle and writes where it came to rest.
  ///
  /// - temperature: 0 takes the nearest valley; above it the units are sampled for `sweeps` visits.
  public func recall(
    _ reader: RecordReader, into sink: ByteSink, temperature: Double, sweeps: Int,
    random: RandomNumbers
  ) throws(StreamError) {
    var recordNumber = 0
    while true {
      if reader.wouldBlock { try sink.flush() }
      guard let block = try reader.nextBlock() else { return }
      var output = ByteBuffer(capacity: block.bytes.count)
      try block.forEachRecord { (record, number) throws(StreamError) in
        var state = try state(of: record, at: .line(block.name, number))
        recordNumber += 1
        if temperature == 0 {
          settle(&state)
        } else {
          sample(
            &state, temperature: temperature, sweeps: sweeps, random: random, record: recordNumber)
        }
        for unit in state { output.append(unit > 0 ? UInt8(ascii: "1") : UInt8(ascii: "0")) }
        output.append(block.terminator)
      }
      try sink.write(output)
    }
  }

  private func state(of record: UnsafeBufferPointer<UInt8>, at place: StreamError.Place)
    throws(StreamError) -> [Int32]
  {
    guard record.count == width, width > 0 else {
      throw StreamError(place, "pattern of \(record.count) units where \(width) are expected")
    }
    var state: [Int32] = []
    for byte in record {
      guard byte == UInt8(ascii: "0") || byte == UInt8(ascii: "1") else {
        throw StreamError(
          place, "a unit is \\x\(String(byte, radix: 16, uppercase: true)), not 0 or 1")
      }
      state.append(byte == UInt8(ascii: "1") ? 1 : -1)
    }
    return state
  }
}

extension IsingModel {
  /// Writes a table: temperature, energy per site, |magnetisation| and, when exact, the partition
  /// function; below a row, if asked, the sampled grid of `+` and `-`.
  ///
  /// - sweeps: nothing visits all states.
  public func tabulate(
    at temperatures: [Double], sweeps: Int?, random: RandomNumbers, showsStates: Bool,
    into sink: ByteSink
  ) throws(StreamError) {
    try sink.write(
      "temperature\tenergy_per_site\tmagnetisation" + (sweeps == nil ? "\tZ\n" : "\n"))
    for temperature in temperatures {
      let moments =
        if let sweeps {
          sampledMoments(temperature: temperature, sweeps: sweeps, random: random)
        } else {
          exactMoments(temperature: temperature)
        }
      var row = [temperature, moments.energyPerSite, moments.absoluteMagnetisation]
      if let partitionFunction = moments.partitionFunction { row.append(partitionFunction) }
      try sink.write(row.map { "\($0)" }.joined(separator: "\t") + "\n")
      guard showsStates else { continue }
      for line in 0..<rows {
        let spins = moments.lastState[line * columns..<(line + 1) * columns]
        try sink.write(spins.map { $0 > 0 ? "+" : "-" }.joined() + "\n")
      }
    }
  }
}
