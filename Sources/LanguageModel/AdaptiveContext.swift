// SPDX-License-Identifier: Apache-2.0

/// How often each symbol has followed one context.
struct AdaptiveContext {
  /// The symbols seen here, in order, and how often; both empty while there is only one, since most
  /// contexts never see a second.
  private var symbols: [UInt32] = []
  private var counts: [UInt32] = []
  private var onlySymbol: UInt32 = 0
  private(set) var total: UInt32 = 0
  /// The count of the most frequent symbol.
  private(set) var largestCount: UInt32 = 0

  var typeCount: Int { total == 0 ? 0 : max(1, symbols.count) }

  /// Occurrences of symbols below `symbol`.
  func count(below symbol: UInt32) -> Int {
    if symbols.isEmpty { return onlySymbol < symbol ? Int(total) : 0 }
    var sum = 0
    for index in symbols.indices {
      if symbols[index] >= symbol { break }
      sum += Int(counts[index])
    }
    return sum
  }

  /// Occurrences of one symbol.
  func count(of symbol: UInt32) -> Int {
    if symbols.isEmpty { return onlySymbol == symbol ? Int(total) : 0 }
    let place = place(of: symbol)
    return place < symbols.count && symbols[place] == symbol ? Int(counts[place]) : 0
  }

  mutating func add(_ symbol: UInt32) {
    total += 1
    if total == 1 { onlySymbol = symbol }
    if symbols.isEmpty, onlySymbol == symbol {
      largestCount = total
      return
    }
    if symbols.isEmpty {
      symbols = [onlySymbol]
      counts = [total - 1]
    }
    let place = place(of: symbol)
    if place < symbols.count, symbols[place] == symbol {
      counts[place] += 1
    } else {
      symbols.insert(symbol, at: place)
      counts.insert(1, at: place)
    }
    largestCount = max(largestCount, counts[place])
  }

  /// The first index whose symbol is not below `symbol`.
  private func place(of symbol: UInt32) -> Int {
    var (low, high) = (0, symbols.count)
    while low < high {
      let middle = (low + high) / 2
      if symbols[middle] >= symbol { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
