// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

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
  /// Discounts of Kneser and Ney's methods that are not to be estimated.
  public var discounts = GivenDiscounts()
  /// Bits of a probability and of a back-off in a binary model; nothing keeps them as they are.
  public var quantizationBitCount: Int?

  public init() {}
}

/// Estimates a back-off model, order by order from the unigrams up, in bounded memory.
///
/// Blocks of n-grams come in the order of a model file: unigrams first, each order in the order of its
/// tokens. An order's probabilities go to the n-grams of the next order that end with its own, by the
/// links of the levels; its back-offs come from the contexts that they are on the next order.
public final class BackoffEstimation {
  let vocabulary: Vocabulary
  private let levels: NGramLevels
  private var smoothing: any Smoothing
  let allowance: MemoryAllowance
  let directory: String
  /// What the program may use in all.
  let memoryByteCount: Int
  let options: EstimationOptions
  private let isOpen: Bool
  /// Whether values are rounded to single precision, as KenLM's are.
  let isSingle: Bool
  /// What the estimator has to say, in order.
  package private(set) var remarks: [EstimationRemark] = []

  /// The pass that goes on, over the n-grams of one level: its number, the next block, the probabilities
  /// of its n-grams, their numbers, and those of the next level, whose contexts they are.
  private var level = 0
  private var block = 0
  private var own: ValueStore<Double>
  private var numbers: NGramNumberReader
  private var extensions: ContextEstimation?
  private var scratch = BlockStore.Scratch()

  /// - levels: with continuation counts where the method takes them.
  init(
    _ levels: NGramLevels, vocabulary: Vocabulary, method: SmoothingMethod,
    options: EstimationOptions, allowance: MemoryAllowance, _ resources: CountingResources
  ) throws {
    self.levels = levels
    self.vocabulary = vocabulary
    self.allowance = allowance
    directory = resources.directory
    memoryByteCount = resources.memoryByteCount
    smoothing = method.backoffSmoothing(options.discounts)!
    isOpen = options.isOpen ?? smoothing.countsContinuations
    isSingle = smoothing.countsContinuations
    self.options = options
    own = ValueStore(allowance: allowance, directory: directory)
    numbers = NGramNumberReader(levels.levels[0], isLast: true)
    for level in levels.levels {
      if let remark = smoothing.prepare(
        length: level.length, countsOfCounts: level.countsOfCounts)
      {
        remarks.append(remark)
      }
    }
    try estimateUnigrams()
  }

  /// Counts, sorts and numbers what the source holds; values come when they are asked for.
  convenience init(
    _ source: some CountSource, by method: SmoothingMethod, _ options: EstimationOptions,
    _ resources: CountingResources
  ) throws {
    let smoothing = method.backoffSmoothing(options.discounts)!
    let vocabulary = source.vocabulary
    let spellings = vocabulary.mappedSpellings
    // Unigrams are estimated in arrays; later ARPA is written from a smaller table of the words.
    let wordByteCount = spellings.memoryByteCount + 32 * spellings.count
    let memory = max(
      resources.memoryByteCount - CountingResources.programByteCount - source.memoryByteCount
        - wordByteCount, 1 << 21)
    let allowance = source.allowance
    allowance.resize(to: memory / 2)
    let chunkByteCount = memory / 6
    let rules = NGramLevelRules(
      order: source.order, vocabularyCount: vocabulary.count,
      countsContinuations: smoothing.countsContinuations,
      keepsOccurrences: !options.pruneThresholds.isEmpty || options.entropyLimit != nil,
      pruneThresholds: options.pruneThresholds)
    let records = try source.sorted(
      TokenPacking(vocabularyCount: vocabulary.count), resources, allowance: allowance,
      chunkByteCount: chunkByteCount)
    var building = NGramLevelBuilding(
      rules, resources, allowance: allowance, chunkByteCount: chunkByteCount)
    let levels = try building.levels(from: records)
    // What sorting took is free for values.
    allowance.resize(to: memory / 2 + chunkByteCount)
    try self.init(
      levels, vocabulary: vocabulary, method: method, options: options, allowance: allowance,
      resources)
  }

  var order: Int { levels.order }

  /// N-grams of each order that the model has.
  var nGramCounts: [Int] { levels.levels.map(\.keptCount) }

  /// p(w) of each token.
  private func estimateUnigrams() throws {
    let level = levels.levels[0]
    let reader = NGramNumberReader(level, isLast: false)
    var counts: [UInt64] = []
    counts.reserveCapacity(level.count)
    for _ in 0..<level.count { counts.append(try reader.next().count) }
    if let beginning = vocabulary.beginning { counts[Int(beginning)] = 0 }
    let seen = counts.filter { $0 > 0 }
    // Tokens that the uniform distribution below the unigrams is spread over; of an empty corpus only
    // the end of a record is known.
    let unknown = isOpen ? vocabulary.unknown.map(Int.init) : nil
    let end = seen.isEmpty ? vocabulary.end.map(Int.init) : nil
    func isMember(_ token: Int) -> Bool { counts[token] > 0 || token == unknown || token == end }
    let memberCount = counts.indices.count(where: isMember)
    var shares = [Double](repeating: 0, count: seen.count)
    var left = seen.isEmpty ? 1 : smoothing.share(seen, length: 1, into: &shares)
    if left == 0, isOpen, !seen.isEmpty {
      // Relative frequencies leave nothing for <unk>: Witten and Bell's unigrams do.
      left = WittenBell().share(seen, length: 1, into: &shares)
    }
    let lower =
      order > 1
      ? ScatteredValues(
        count: levels.levels[1].count, allowance: allowance, directory: directory) : nil
    let links = order > 1 ? LinkReader(levels.links[0]) : nil
    var nextSeen = 0
    for token in counts.indices {
      var value = isMember(token) ? left / Double(memberCount) : 0
      if counts[token] > 0 {
        value += shares[nextSeen]
        nextSeen += 1
      }
      try own.append(value)
      try links?.forEachPlace { (place) throws(StreamError) in try lower!.set(place, value) }
    }
    try own.finish()
    extensions = lower.map {
      ContextEstimation(levels, level: 0, smoothing, $0, allowance, directory)
    }
  }

  /// The next n-grams of the order that is being written, or nothing after its last.
  func nextBlock() throws -> LevelBlock? {
    let current = levels.levels[level]
    guard block < current.blockCount else {
      try startNextPass()
      return nil
    }
    var tokens = ByteBuffer(capacity: 1 << 16)
    tokens.append(try current.tokens.bytes(of: block, scratch: &scratch))
    current.tokens.release(block)
    let first = block * NGramLevel.blockCount
    let count = min(current.count - first, NGramLevel.blockCount)
    block += 1
    let (own, numbers) = (own, numbers)
    let keepsOccurrences = current.keepsOccurrences
    let isPruning = !options.pruneThresholds.isEmpty
    var occurrences: [UInt64] = []
    var isKept: [Bool] = []
    var backoffs = [Double](repeating: 1, count: count)
    var childCounts = [UInt32](repeating: 0, count: count)
    let probabilities = try [Double](unsafeUninitializedCapacity: count) { values, valueCount in
      for index in 0..<count {
        let number = try numbers.next()
        values[index] = try own.next()
        if keepsOccurrences {
          occurrences.append(number.occurrences)
          if isPruning { isKept.append(!current.isPruned(number.occurrences)) }
        }
        childCounts[index] = UInt32(truncatingIfNeeded: number.childCount)
      }
      valueCount = count
    }
    let beginnings = current.beginnings
    try extensions?.estimate(
      &childCounts, beginnings: beginnings.lowerBound - first..<beginnings.upperBound - first,
      into: &backoffs)
    return LevelBlock(
      length: level + 1, tokens: tokens, probabilities: probabilities, backoffs: backoffs,
      occurrences: occurrences, isKept: isKept, childCounts: childCounts)
  }

  private func startNextPass() throws {
    guard let extensions else { return }
    level += 1
    block = 0
    own = try extensions.finish()
    numbers = NGramNumberReader(levels.levels[level], isLast: true)
    self.extensions =
      level + 1 < order
      ? ContextEstimation(levels, level: level, smoothing, extensions.upper!, allowance, directory)
      : nil
  }
}

extension SmoothingMethod {
  /// The estimator of the back-off family, if it is one and complete.
  func backoffSmoothing(_ discounts: GivenDiscounts) -> (any Smoothing)? {
    switch self {
    case .maximumLikelihood, .laplace, .stupid: nil
    case .backoff(let discount): AbsoluteDiscounting(discount: discount)
    case .katz: Katz()
    case .wittenBell: WittenBell()
    case .recursive(let weight): RecursiveInterpolation(weight: weight)
    case .interpolate(let weights): weights.isEmpty ? nil : LinearInterpolation(weights: weights)
    case .kneserNey: KneserNey(isModified: false, given: discounts)
    case .modifiedKneserNey: KneserNey(isModified: true, given: discounts)
    }
  }
}
