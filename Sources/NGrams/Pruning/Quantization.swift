// SPDX-License-Identifier: Apache-2.0

extension BackoffTable {
  /// Replaces the values of each order by at most 2^bitCount: the means of as many bins that hold equally
  /// many. Unigrams, which are few and often used, and back-offs of 0, which say that nothing follows,
  /// stay.
  ///
  /// Reference: Federico & Bertoldi 2006, «How many bits are needed to store probabilities», §3.1.
  mutating func quantize(bitCount: Int) {
    let binCount = 1 << bitCount
    for level in log10Probabilities.indices.dropFirst() {
      BackoffTable.quantize(&log10Probabilities[level], binCount: binCount) { $0 > -.infinity }
      BackoffTable.quantize(&log10Backoffs[level], binCount: binCount - 1) {
        $0 != 0 && $0 > -.infinity
      }
    }
  }

  private static func quantize(
    _ values: inout [Double], binCount: Int, where isChanged: (Double) -> Bool
  ) {
    let sorted = values.filter(isChanged).sorted()
    guard !sorted.isEmpty else { return }
    // Equal values share a bin, so that every value finds the bin of its upper bound.
    var bounds: [Double] = []
    var means: [Double] = []
    var start = 0
    for bin in 1...binCount where start < sorted.count {
      var end = max(start + 1, sorted.count * bin / binCount)
      while end < sorted.count, sorted[end] == sorted[end - 1] { end += 1 }
      bounds.append(sorted[end - 1])
      means.append(Double(Float(sorted[start..<end].reduce(0, +) / Double(end - start))))
      start = end
    }
    for index in values.indices where isChanged(values[index]) {
      var (low, high) = (0, bounds.count - 1)
      while low < high {
        let middle = (low + high) / 2
        if bounds[middle] >= values[index] { high = middle } else { low = middle + 1 }
      }
      values[index] = means[low]
    }
  }
}
