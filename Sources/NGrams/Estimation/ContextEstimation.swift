// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import ExternalSort
internal import TokenStreams

/// Estimates the n-grams of one length, context by context, from the estimates for the length below.
final class ContextEstimation {
  private let smoothing: any Smoothing
  private let isInterpolated: Bool
  /// Tokens of the n-grams, and of the longest ones.
  private let length: Int
  private let order: Int
  private let level: NGramLevel
  private let numbers: NGramNumberReader
  /// p(w|h') for each n-gram, and p(w|h) when it is found; for the next length, where there is one, too.
  private let lower: ScatteredValues
  private let found: ValueStore<Double>
  private let links: LinkReader?
  let upper: ScatteredValues?
  private var room = Room(capacity: 256)

  /// - level: the contexts; the n-grams are those of the level above it.
  init(
    _ levels: NGramLevels, level: Int, _ smoothing: any Smoothing, _ lower: ScatteredValues,
    _ allowance: MemoryAllowance, _ directory: String
  ) {
    self.smoothing = smoothing
    isInterpolated = smoothing.isInterpolated
    length = level + 2
    order = levels.order
    self.level = levels.levels[level + 1]
    numbers = NGramNumberReader(self.level, isLast: false)
    self.lower = lower
    found = ValueStore(allowance: allowance, directory: directory)
    let hasNext = level + 2 < levels.order
    links = hasNext ? LinkReader(levels.links[level + 1]) : nil
    upper =
      hasNext
      ? ScatteredValues(
        count: levels.levels[level + 2].count, allowance: allowance, directory: directory) : nil
  }

  /// p(w|h) of all n-grams, in order; there are no more contexts.
  func finish() throws -> ValueStore<Double> {
    try found.finish()
    return found
  }

  /// Estimates the n-grams with each of the next contexts.
  ///
  /// - counts: n-grams with each context; becomes how many of them are written.
  /// - beginnings: the contexts that begin with `<s>`.
  /// - lefts: gains what is left for the lower order after each context that n-grams have.
  func estimate(
    _ counts: inout [UInt32], beginnings: Range<Int>, into lefts: inout [Double]
  ) throws {
    let largest = Int(counts.max() ?? 0)
    if largest > room.capacity { room = Room(capacity: 2 * largest) }
    // Fetched once: else each is retained for every context.
    let (level, numbers, lower, found, links, upper) = (
      level, numbers, lower, found, links, upper
    )
    let (seen, lowers, values) = (room.seen, room.lowers, room.shares)
    let (isSeen, isLeftOut) = (room.isSeen, room.isLeftOut)
    for context in counts.indices where counts[context] > 0 {
      let count = Int(counts[context])
      var seenCount = 0
      var keptCount: UInt32 = 0
      for index in 0..<count {
        let number = try numbers.next()
        isSeen[index] = number.count > 0
        if number.count > 0 {
          seen[seenCount] = number.count
          seenCount &+= 1
        }
        let isPruned = level.isPruned(number.occurrences)
        if !isPruned { keptCount &+= 1 }
        isLeftOut[index] = number.count == 0 || isPruned
        lowers[index] = try lower.next()
      }
      counts[context] = keptCount
      lefts[context] = estimate(
        count, seenCount: seenCount, isBeginning: beginnings.contains(context))
      for index in 0..<count {
        try found.append(values[index])
        try links?.forEachPlace { (place) throws(StreamError) in
          try upper!.set(place, values[index])
        }
      }
    }
  }

  /// Turns the counts in `room.seen` into estimates in `room.shares`; returns what is left for the lower
  /// order.
  ///
  /// - count: n-grams with the context, of which `seenCount` have a count above 0.
  private func estimate(_ count: Int, seenCount: Int, isBeginning: Bool) -> Double {
    let (shares, lowers) = (room.shares, room.lowers)
    let (isSeen, isLeftOut) = (room.isSeen, room.isLeftOut)
    // A context of which nothing was seen has no estimates of its own.
    var left = seenCount > 0 ? share(seenCount, length) : 1
    if seenCount > 0, isBeginning, isInterpolated, !smoothing.countsContinuations {
      left = repeated(seenCount, left: left)
    }
    if seenCount < count {
      var place = seenCount
      for index in stride(from: count - 1, through: 0, by: -1) {
        if isSeen[index] { place -= 1 }
        shares[index] = isSeen[index] ? shares[place] : 0
      }
    }
    // From here on `shares` has the estimate of each n-gram.
    var (lowerSum, keptSum) = (0.0, 0.0)
    for index in 0..<count {
      if isLeftOut[index] {
        // What is pruned gives its share back; p(w|h) follows from the lower order.
        left += shares[index]
        shares[index] = 0
      } else {
        keptSum += shares[index]
        lowerSum += lowers[index]
      }
    }
    if seenCount > 0, !isInterpolated {
      // The others share what is left in proportion to the lower order. Σ p(w|h') over them.
      let rest = 1 - lowerSum
      if rest > 1e-12 {
        left /= rest
      } else {
        // Every token followed: nothing to share with.
        for index in 0..<count { shares[index] /= keptSum }
        left = 0
      }
    }
    for index in 0..<count where isInterpolated || isLeftOut[index] {
      shares[index] += left * lowers[index]
    }
    return left
  }

  /// Shares out the probability after a context by the first counts in `room.seen`.
  private func share(_ count: Int, _ length: Int) -> Double {
    smoothing.share(
      UnsafeBufferPointer(start: room.seen, count: count), length: length,
      into: UnsafeMutableBufferPointer(start: room.shares, count: count))
  }

  /// The shares after a context that begins with `<s>`: with the rest of its padding in front it is also
  /// a context of each greater length, with the same counts, and interpolated as such.
  private func repeated(_ count: Int, left: Double) -> Double {
    var left = left
    let shares = room.shares
    var sums = (0..<count).map { shares[$0] }
    for length in stride(from: length + 1, through: order, by: 1) {
      let remaining = share(count, length)
      for index in 0..<count { sums[index] = shares[index] + remaining * sums[index] }
      left *= remaining
    }
    for index in 0..<count { shares[index] = sums[index] }
    return left
  }

  /// Room for what is known of the n-grams with one context.
  private final class Room {
    let capacity: Int
    /// [capacity] Counts above 0, and what they give.
    let seen: UnsafeMutablePointer<UInt64>
    let shares: UnsafeMutablePointer<Double>
    /// [capacity] p(w|h'), whether the count is above 0, and whether the n-gram has no share of its own.
    let lowers: UnsafeMutablePointer<Double>
    let isSeen: UnsafeMutablePointer<Bool>
    let isLeftOut: UnsafeMutablePointer<Bool>

    init(capacity: Int) {
      self.capacity = capacity
      seen = .allocate(capacity: capacity)
      shares = .allocate(capacity: capacity)
      lowers = .allocate(capacity: capacity)
      isSeen = .allocate(capacity: capacity)
      isLeftOut = .allocate(capacity: capacity)
    }

    deinit {
      seen.deallocate()
      shares.deallocate()
      lowers.deallocate()
      isSeen.deallocate()
      isLeftOut.deallocate()
    }
  }
}
