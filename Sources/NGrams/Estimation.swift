// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// A model that was estimated, in the form in which it is written.
public enum EstimatedModel: Sendable {
  case backoff(BackoffModel)
  /// What the back-off form cannot express: the counts and the name of the estimator.
  case counts(NGramCounts, smoothing: String)

  /// Opens a model in any of the forms, to be written in another.
  public init(_ file: InputFile) throws(StreamError) {
    if let model = try openBackoffModel(file) {
      self = .backoff(model)
    } else {
      let counts = try NGramCounts(CountReader(file: file))
      self = .counts(counts, smoothing: counts.smoothing ?? "mle")
    }
  }

  /// Writes the model: ARPA, or counts under a line that names the estimator; or their binary forms.
  ///
  /// - level: zstd level of binary counts; a binary back-off model is to be mapped and not compressed.
  public func write(to sink: ByteSink, isBinary: Bool, level: Int, threads: Int) throws {
    switch self {
    case .backoff(let model): try model.write(to: sink, isBinary: isBinary, threads: threads)
    case .counts(let counts, let smoothing):
      try counts.writeModel(smoothing, to: sink, form: isBinary ? .binary(level: level) : .text)
    }
  }
}

extension BackoffModel {
  /// Writes the model as ARPA or in the binary form.
  public func write(to sink: ByteSink, isBinary: Bool, threads: Int) throws {
    if isBinary {
      try sink.write(trie.bytes.bindMemory(to: UInt8.self))
    } else {
      try writeARPA(trie, to: sink, threads: threads)
    }
  }
}

extension NGramCounts {
  /// Estimates a model.
  ///
  /// - report: takes what the estimator has to say.
  /// - Throws: `StreamError` for what the method cannot do with these counts.
  public func estimated(
    by method: SmoothingMethod, _ options: EstimationOptions = EstimationOptions(),
    report: (EstimationRemark) -> Void = { _ in }
  ) throws(StreamError) -> EstimatedModel {
    let isOpen = options.isOpen == true
    // Without a count, an estimator that reaches what was not seen gives each token the same.
    let isEmpty = rows.count == 0
    if isEmpty, method.countRule == .maximumLikelihood || method.isStupid {
      throw StreamError(
        .none, "no counts, of which \(method) could take shares",
        advice: "choose an estimator that reaches what was not seen")
    }
    if method.isStupid {
      report(
        EstimationRemark(
          text: "\(method) gives scores that sum to more than one, no distribution",
          isWarning: true))
    }
    if method.countRule != nil, !isEmpty {
      guard
        options.pruneThresholds.isEmpty, options.entropyLimit == nil,
        options.quantizationBitCount == nil
      else {
        throw StreamError(
          .none, "\(method) has no back-off form to prune or quantise",
          advice: "choose another estimator")
      }
      return .counts(self, smoothing: method.description + (isOpen ? ":open" : ""))
    }
    guard !shape.isPositional, !shape.isPadded else {
      throw StreamError(
        .none, "\(method) of counts with positions or padding other than <s>",
        advice: "use mle, laplace or stupid")
    }
    if case .interpolate(let weights) = method, weights.count != rows.order, !isEmpty {
      throw StreamError(
        .none, "\(weights.count) weights for n-grams of orders 1 to \(rows.order)",
        advice: "give one weight for each order, or --held-out")
    }
    var estimation = BackoffEstimation(
      NGramTree(rows), vocabulary: rows.vocabulary,
      method: method.countRule == nil ? method : .wittenBell, options: options)
    let table = estimation.estimate()
    estimation.remarks.forEach(report)
    return .backoff(BackoffModel(table))
  }
}
