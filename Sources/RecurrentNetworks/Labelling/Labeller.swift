// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A trained labeller at work: columns in, labels out.
public struct Labeller {
  private let network: ReferenceNetwork<Double>
  private let name: String

  /// - Throws: `StreamError` when the file holds a language model.
  public init(_ file: RecurrentModelFile, name: String) throws(StreamError) {
    guard case .columns = file.configuration.input else {
      throw StreamError(
        .file(name), "holds a language model, not a labeller of columns",
        advice: "train one with train-rnn --transduce, or use sample")
    }
    network = ReferenceNetwork(
      file.configuration, parameters: file.parameters.map { Double($0) })
    self.name = name
  }

  /// The probability of each output unit at each step, [steps][outputs]; the record goes through a
  /// column at a time, so it may be of any length.
  ///
  /// - Throws: `StreamError` for columns of another width.
  public func probabilities(
    _ record: ColumnRecord, place: StreamError.Place
  ) throws(StreamError) -> [[Double]] {
    let width = network.configuration.input.width
    guard record.columns.allSatisfy({ $0.count == width }) else {
      throw StreamError(
        place, "columns of \(record.columns[0].count) numbers for a network of \(width)")
    }
    var state = NetworkState<Double>(network.configuration, laneCount: 1)
    let masks = DropoutMasks<Double>(layerCount: network.configuration.layerCount)
    return record.columns.map { column in
      let trace = network.unroll(
        [column], laneCount: 1, resets: [false], from: &state, masks: masks)
      return network.logits(of: trace.features[0]).map { sigmoid($0) }
    }
  }
}

extension NetworkConfiguration {
  /// A labeller of columns like those of the records.
  ///
  /// - isSquared: whether it is trained to the squared error instead of the cross-entropy.
  /// - Throws: `StreamError` without records.
  public static func labeller(
    cell: Cell, of records: [ColumnRecord], hiddenWidth: Int, layerCount: Int, isSquared: Bool,
    hasBiases: Bool
  ) throws(StreamError) -> NetworkConfiguration {
    guard let first = records.first else {
      throw StreamError(
        .none, "no records to train on", advice: "write columns, a TAB, and targets")
    }
    return NetworkConfiguration(
      cell: cell, input: .columns(width: first.columns[0].count), layerCount: layerCount,
      hiddenWidth: hiddenWidth, outputCount: max(1, first.targets.first?.count ?? 0),
      output: isSquared ? .logisticSquared : .logistic, hasBiases: hasBiases)
  }
}
