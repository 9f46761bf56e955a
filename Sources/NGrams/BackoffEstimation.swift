// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
package import TokenStreams

/// What an estimator may be told besides its name.
public struct EstimationOptions: Sendable {
  /// Whether `<unk>` is a token like the others, with a share of the probability; the method's custom if
  /// nothing is said: open for Kneser and Ney's, closed for the others.
  public var isOpen: Bool?
  /// N-grams of order k with a count of at most the k-th number are left out; the last holds for the
  /// orders above.
  public var pruneThresholds: [UInt64] = []
  /// Prunes further by what each n-gram is worth.
  public var entropyLimit: EntropyLimit?
  /// Bits of a probability and of a back-off in a binary model; nothing keeps them as they are.
  public var quantizationBitCount: Int?

  public init() {}
}

/// Estimates a back-off model from a tree of counts, order by order from the unigrams up.
package struct BackoffEstimation {
  private let tree: NGramTree
  private let vocabulary: Vocabulary
  private var smoothing: any Smoothing
  private let options: EstimationOptions
  private let isOpen: Bool
  private let isSingle: Bool
  /// What the estimator has to say, in order.
  package private(set) var remarks: [EstimationRemark] = []

  package init(
    _ tree: NGramTree, vocabulary: Vocabulary, method: SmoothingMethod, options: EstimationOptions
  ) {
    self.tree = tree
    self.vocabulary = vocabulary
    self.options = options
    smoothing = method.backoffSmoothing!
    isOpen = options.isOpen ?? smoothing.countsContinuations
    isSingle = smoothing.countsContinuations
  }

  /// The model. Values of the Kneser-Ney family are rounded to single precision, as KenLM's are.
  ///
  /// - rounded: false keeps the double precision that they are computed in.
  package mutating func estimate(rounded: Bool = true) -> BackoffTable {
    var probabilities = [unigrams()]
    var backoffs: [[Double]] = []
    for level in 1..<max(tree.order, 1) {
      let (probability, left) = estimate(level: level, lower: probabilities[level - 1])
      probabilities.append(probability)
      backoffs.append(left)
    }
    backoffs.append([])
    let isRounded = rounded && isSingle
    func logarithms(_ values: [Double]) -> [Double] {
      values.map { isRounded ? Double(Float(min(log10($0), 0))) : log10($0) }
    }
    var table = BackoffTable(
      vocabulary: vocabulary, levels: tree.levels,
      log10Probabilities: probabilities.map(logarithms), log10Backoffs: backoffs.map(logarithms))
    if !options.pruneThresholds.isEmpty {
      table.keepOnly { level, node in !isPruned(level: level, node: node) }
    }
    if let limit = options.entropyLimit { table.prune(limit) }
    if let bitCount = options.quantizationBitCount { table.quantize(bitCount: bitCount) }
    return table
  }

  private func isPruned(level: Int, node: Int) -> Bool {
    guard level > 0, let last = options.pruneThresholds.last else { return false }
    let thresholds = options.pruneThresholds
    return tree.levels[level].counts[node] <= (level < thresholds.count ? thresholds[level] : last)
  }

  /// p(w) of each token.
  private mutating func unigrams() -> [Double] {
    let counts = self.counts(level: 0)
    note(length: 1, counts)
    let count = tree.levels[0].count
    let predicted = tree.levels[0].counts.indices.filter { counts[$0] > 0 }
    // Tokens that the uniform distribution below the unigrams is spread over; of an empty corpus only
    // the end of a record is known.
    let isEmpty = predicted.isEmpty
    let members = (0..<count).filter {
      $0 == vocabulary.unknown.map(Int.init)
        ? isOpen || counts[$0] > 0
        : tree.levels[0].counts[$0] > 0 || isEmpty && Token($0) == vocabulary.end
    }
    var shares = [Double](repeating: 0, count: predicted.count)
    let seen = predicted.map { counts[$0] }
    var left = seen.isEmpty ? 1 : share(seen, length: 1, into: &shares)
    if left == 0, isOpen, !seen.isEmpty {
      // Relative frequencies leave nothing for <unk>: Witten and Bell's unigrams do.
      left = share(seen, length: 1, into: &shares, by: WittenBell())
    }
    var result = [Double](repeating: 0, count: count)
    for member in members { result[member] = left / Double(members.count) }
    for (index, token) in predicted.enumerated() { result[token] += shares[index] }
    return result
  }

  /// p(w|h) of the n-grams of a level, and what is left after each context on the level above.
  private mutating func estimate(level: Int, lower: [Double]) -> ([Double], [Double]) {
    let counts = self.counts(level: level)
    note(length: level + 1, counts)
    let nodes = tree.levels[level]
    let contexts = tree.levels[level - 1]
    var result = [Double](repeating: 0, count: nodes.count)
    var backoffs = [Double](repeating: 1, count: contexts.count)
    var seen: [UInt64] = []
    var shares: [Double] = []
    let beginnings = beginningNodes(level: level - 1)
    let repeatsPadding = smoothing.isInterpolated && !smoothing.countsContinuations
    for context in 0..<contexts.count {
      let children = contexts.children(of: context)
      let seenCount = children.count { counts[$0] > 0 }
      if seenCount == 0 {
        for child in children { result[child] = lower[Int(nodes.suffixes[child])] }
        continue
      }
      seen.removeAll(keepingCapacity: true)
      for child in children where counts[child] > 0 { seen.append(counts[child]) }
      if shares.count < seenCount { shares = Array(repeating: 0, count: 2 * seenCount) }
      var left = share(seen, length: level + 1, into: &shares)
      if repeatsPadding, beginnings.contains(context) {
        left = repeated(seen, above: level + 1, left: left, &shares)
      }
      var next = 0
      var lowerSum = 0.0
      var keptSum = 0.0
      for child in children {
        let isSeen = counts[child] > 0
        defer { next += isSeen ? 1 : 0 }
        let share = isSeen ? shares[next] : 0
        if !isSeen || isPruned(level: level, node: child) {
          // What is pruned gives its share back; p(w|h) follows from the lower order.
          if isSeen { left += share }
        } else {
          result[child] = share
          keptSum += share
          lowerSum += lower[Int(nodes.suffixes[child])]
        }
      }
      if smoothing.isInterpolated {
        for child in children { result[child] += left * lower[Int(nodes.suffixes[child])] }
      } else {
        // The others share what is left in proportion to the lower order. Σ p(w|h') over them.
        let rest = 1 - lowerSum
        if rest > 1e-12 {
          left /= rest
        } else {
          // Every token followed: nothing to share with.
          for child in children { result[child] /= keptSum }
          left = 0
        }
        for child in children where counts[child] == 0 || isPruned(level: level, node: child) {
          result[child] = left * lower[Int(nodes.suffixes[child])]
        }
      }
      backoffs[context] = left
    }
    return (result, backoffs)
  }

  private func share(
    _ counts: [UInt64], length: Int, into shares: inout [Double], by other: (any Smoothing)? = nil
  ) -> Double {
    let smoothing = other ?? smoothing
    return counts.withUnsafeBufferPointer { counts in
      shares.withUnsafeMutableBufferPointer {
        smoothing.share(
          counts, length: length, into: UnsafeMutableBufferPointer(rebasing: $0[..<counts.count]))
      }
    }
  }

  /// The shares after a context that begins with `<s>`: with the rest of its padding in front it is also
  /// a context of each greater length, with the same counts, and interpolated as such.
  private func repeated(
    _ seen: [UInt64], above length: Int, left: Double, _ shares: inout [Double]
  ) -> Double {
    var left = left
    var longer = shares
    for length in stride(from: length + 1, through: tree.order, by: 1) {
      let remaining = share(seen, length: length, into: &longer)
      for index in seen.indices { shares[index] = longer[index] + remaining * shares[index] }
      left *= remaining
    }
    return left
  }

  /// The counts that the estimator uses: of the lower orders of Kneser and Ney's, how many different
  /// tokens stand before the n-gram, except where it begins a record.
  private func counts(level: Int) -> [UInt64] {
    let raw = tree.levels[level].counts
    guard smoothing.countsContinuations, level + 1 < tree.order else { return raw }
    var counts = [UInt64](repeating: 0, count: raw.count)
    let above = tree.levels[level + 1]
    for node in 0..<above.count where above.counts[node] > 0 {
      counts[Int(above.suffixes[node])] += 1
    }
    // N-grams that begin with <s> stand together, as tuples are in order: those below <s> do not count.
    for node in beginningNodes(level: level) { counts[node] = raw[node] }
    return counts
  }

  private func beginningNodes(level: Int) -> Range<Int> {
    guard let beginning = vocabulary.beginning.map(Int.init) else { return 0..<0 }
    var range = beginning..<beginning + 1
    for upper in 0..<level {
      let bounds = tree.levels[upper].firstChildren
      range = Int(bounds[range.lowerBound])..<Int(bounds[range.upperBound])
    }
    return range
  }

  private mutating func note(length: Int, _ counts: [UInt64]) {
    var countsOfCounts = [Int](repeating: 0, count: 8)
    for count in counts where count < 8 { countsOfCounts[Int(count)] += 1 }
    if let remark = smoothing.prepare(length: length, countsOfCounts: countsOfCounts) {
      remarks.append(remark)
    }
  }
}

extension SmoothingMethod {
  /// The estimator of the back-off family, if it is one and complete.
  var backoffSmoothing: (any Smoothing)? {
    switch self {
    case .maximumLikelihood, .laplace, .stupid: nil
    case .backoff(let discount): AbsoluteDiscounting(discount: discount)
    case .katz: Katz()
    case .wittenBell: WittenBell()
    case .recursive(let weight): RecursiveInterpolation(weight: weight)
    case .interpolate(let weights): weights.isEmpty ? nil : LinearInterpolation(weights: weights)
    case .kneserNey: KneserNey(isModified: false)
    case .modifiedKneserNey: KneserNey(isModified: true)
    }
  }
}
