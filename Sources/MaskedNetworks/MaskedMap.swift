// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// An unmasked network at work: a memoryless map from a record of one width to its targets.
public struct MaskedMap: Sendable {
  private let layout: MaskedLayout
  private let parameters: [Float]
  /// Bytes as symbols 0..<K; K for those that are none.
  private let symbolOf: [Int]
  private let spellings: [[UInt8]]

  /// - Throws: `StreamError` when the file holds a model of sequences.
  public init(_ file: MaskedModelFile, name: String) throws(StreamError) {
    guard file.layout.configuration.mask != .autoregressive else {
      throw StreamError(
        .file(name), "holds a model of sequences, not a map from columns to targets",
        advice: "train one with train-masked --mask none, or use sample")
    }
    layout = file.layout
    parameters = file.parameters
    let symbols = MaskedModel.firstSymbol..<Token(file.vocabulary.count)
    spellings = symbols.map { Array(file.vocabulary.spelling(of: $0)) }
    var symbolOf = [Int](repeating: spellings.count, count: 256)
    for (symbol, spelling) in spellings.enumerated() {
      let bytes = Spelling.bytes(of: spelling)
      guard bytes.count == 1 else {
        throw StreamError(.file(name), "a symbol of the network is not one character")
      }
      symbolOf[Int(bytes[0])] = symbol
    }
    self.symbolOf = symbolOf
  }

  /// Symbols of an input.
  public var width: Int { layout.configuration.width }

  /// The probabilities of each target's symbols, [targetWidth][K].
  ///
  /// - record: what stands before a TAB; every character that is not blank is a symbol.
  /// - Throws: `StreamError` for an input of another width, or a symbol that training did not have.
  public func probabilities(
    _ record: some Sequence<UInt8>, place: StreamError.Place
  ) throws(StreamError) -> [[Double]] {
    let configuration = layout.configuration
    let bytes = record.prefix { $0 != 0x09 }.filter { $0 > 0x20 }
    guard bytes.count == width else {
      throw StreamError(
        place, "\(bytes.count) symbols where the network's width is \(width)",
        advice: "a network without memory has one width; train-rnn --transduce takes any")
    }
    var input = [Double](repeating: 0, count: configuration.inputCount)
    for (position, byte) in bytes.enumerated() {
      let symbol = symbolOf[Int(byte)]
      guard symbol < spellings.count else {
        let spelling = String(decoding: Spelling.spelling(of: [byte]), as: UTF8.self)
        throw StreamError(place, "symbol '\(spelling)' was not in the network's training")
      }
      if symbol > 0 { input[position * configuration.unitsPerSymbol + symbol - 1] = 1 }
    }
    return softmax(logits(input))
  }

  /// The likeliest symbol of each target.
  public func labels(_ probabilities: [[Double]]) -> [[UInt8]] {
    probabilities.map { row in
      // The first of equals, so that the answer does not depend on the order of comparison.
      spellings[row.indices.max { row[$0] < row[$1] || (row[$0] == row[$1] && $0 > $1) }!]
    }
  }

  /// [O], sums in index order.
  private func logits(_ input: [Double]) -> [Double] {
    var logits = parameters[layout.outputBias.range].map { Double($0) }
    if let weight = layout.directWeight { add(weight, input, to: &logits) }
    if let weight = layout.hiddenWeight, let bias = layout.hiddenBias,
      let second = layout.outputWeight
    {
      var hidden = parameters[bias.range].map { Double($0) }
      add(weight, input, to: &hidden)
      add(second, hidden.map { max(0, $0) }, to: &logits)
    }
    return logits
  }

  private func add(_ weight: MaskedLayout.Tensor, _ x: [Double], to y: inout [Double]) {
    for row in y.indices {
      let base = weight.offset + row * x.count
      for column in x.indices { y[row] += Double(parameters[base + column]) * x[column] }
    }
  }

  /// [targetWidth][K]; the logit of the first symbol is 0.
  private func softmax(_ logits: [Double]) -> [[Double]] {
    let units = layout.configuration.unitsPerSymbol
    return (0..<layout.configuration.targetWidth).map { target in
      let row = [0] + logits[target * units..<(target + 1) * units]
      // Subtract the maximum: exp overflows above 709.
      let maximum = row.max()!
      let weights = row.map { exp($0 - maximum) }
      let sum = weights.reduce(0, +)
      return weights.map { $0 / sum }
    }
  }
}
