// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// A model that was estimated or opened, in the form in which it is written.
public enum EstimatedModel {
  case backoff(BackoffModel)
  /// A back-off model that is computed while it is written.
  case estimation(BackoffEstimation)
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

  /// Estimates a model from a stream of counts.
  ///
  /// - heldOut: token streams from which the weights of `interpolate` are found.
  /// - report: takes what the estimator has to say.
  /// - Throws: `StreamError` for what the method cannot do with these counts.
  public init(
    estimating reader: CountReader, _ selection: CountSelection, by method: SmoothingMethod,
    heldOut: [String] = [], _ options: EstimationOptions, _ resources: CountingResources,
    report: (EstimationRemark) -> Void
  ) throws {
    if method.countRule == nil, heldOut.isEmpty {
      let allowance = MemoryAllowance(byteCount: resources.memoryByteCount / 4)
      let spool = try CountSpool(
        reader, selection, allowance: allowance, directory: resources.directory)
      guard !reader.isPositional, reader.padding == nil || reader.padding == Spelling.beginning
      else { throw shapeRefused(method) }
      self = try EstimatedModel(estimating: spool, by: method, options, resources, report: report)
      return
    }
    var counts = try NGramCounts(reader)
    if let order = selection.order { counts = try counts.shortened(to: order) }
    if selection.limitsVocabulary {
      counts = try counts.limitingVocabulary(
        minimumCount: selection.minimumCount, listed: selection.listed)
    }
    var method = method
    if !heldOut.isEmpty {
      method = .interpolate(try counts.interpolationWeights(heldOut: heldOut))
      report(EstimationRemark(text: "\(method)", isWarning: false))
    }
    self = try counts.estimated(by: method, options, resources, report: report)
  }

  /// Estimates a model in back-off form.
  init(
    estimating source: some CountSource, by method: SmoothingMethod, _ options: EstimationOptions,
    _ resources: CountingResources, report: (EstimationRemark) -> Void
  ) throws {
    if case .interpolate(let weights) = method, weights.count != source.order,
      source.nGramCount > 0
    {
      throw StreamError(
        .none, "\(weights.count) weights for n-grams of orders 1 to \(source.order)",
        advice: "give one weight for each order, or --held-out")
    }
    // Sorted runs, levels, links and values, compressed where they gain by it, of all orders together.
    let wanted = 12 * source.order * source.nGramCount - resources.memoryByteCount
    if let warning = resources.spaceWarning(wanted: wanted) {
      report(EstimationRemark(text: warning, isWarning: true))
    }
    let estimation = try BackoffEstimation(source, by: method, options, resources)
    estimation.remarks.forEach(report)
    self = .estimation(estimation)
  }

  /// Writes the model: ARPA, or counts under a line that names the estimator; or their binary forms.
  ///
  /// - level: zstd level of binary counts; a binary back-off model is to be mapped and not compressed.
  public func write(to sink: ByteSink, isBinary: Bool, level: Int, threads: Int) throws {
    switch self {
    case .counts(let counts, let smoothing):
      try counts.writeModel(smoothing, to: sink, form: isBinary ? .binary(level: level) : .text)
    case .estimation(let estimation) where !estimation.needsWholeModel(isBinary: isBinary):
      if isBinary {
        try estimation.writeBinary(to: sink, threads: threads)
      } else {
        try estimation.writeARPA(to: sink, threads: threads)
      }
    default:
      try backoffModel().write(to: sink, isBinary: isBinary, threads: threads)
    }
  }

  /// The model in memory, if it has the back-off form.
  package func backoffModel() throws -> BackoffModel {
    switch self {
    case .backoff(let model): model
    case .estimation(let estimation): BackoffModel(try estimation.table())
    case .counts(_, let smoothing):
      throw StreamError(.none, "\(smoothing) has no back-off form")
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

extension EstimationOptions {
  /// Whether the model is changed as a whole before it is written.
  var needsWholeModel: Bool { entropyLimit != nil || quantizationBitCount != nil }
}

extension BackoffEstimation {
  /// Whether the model must be in memory to be written: binary values of double precision are in tables.
  fileprivate func needsWholeModel(isBinary: Bool) -> Bool {
    options.needsWholeModel || (isBinary && !isSingle)
  }
}

extension NGramCounts {
  /// Estimates a model.
  ///
  /// - report: takes what the estimator has to say.
  /// - Throws: `StreamError` for what the method cannot do with these counts.
  public func estimated(
    by method: SmoothingMethod, _ options: EstimationOptions = EstimationOptions(),
    _ resources: CountingResources = .unlimited, report: (EstimationRemark) -> Void = { _ in }
  ) throws -> EstimatedModel {
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
    guard method.countRule != nil, !isEmpty else {
      guard !shape.isPositional, !shape.isPadded else { throw shapeRefused(method) }
      return try EstimatedModel(
        estimating: self, by: method.countRule == nil ? method : .wittenBell, options, resources,
        report: report)
    }
    guard options.pruneThresholds.isEmpty, !options.needsWholeModel else {
      throw StreamError(
        .none, "\(method) has no back-off form to prune or quantise",
        advice: "choose another estimator")
    }
    let isOpen = options.isOpen == true
    return .counts(self, smoothing: method.description + (isOpen ? ":open" : ""))
  }
}

extension BackoffEstimation {
  /// Estimates from counts in memory.
  package convenience init(
    _ counts: NGramCounts, by method: SmoothingMethod, _ options: EstimationOptions
  ) throws {
    try self.init(counts, by: method, options, .unlimited)
  }
}

private func shapeRefused(_ method: SmoothingMethod) -> StreamError {
  StreamError(
    .none, "\(method) of counts with positions or padding other than <s>",
    advice: "use mle, laplace or stupid")
}
