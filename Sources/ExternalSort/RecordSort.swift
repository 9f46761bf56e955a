// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// Sorts records of one or more 64-bit words, each record a number with its least significant word
/// first, in place.
///
/// One-word records are sorted by counting bytes from the least significant one (with as much memory
/// again), wider ones from the most significant one without.
/// Reference: McIlroy, Bostic & McIlroy 1993, Engineering radix sort (American flag sort).
public enum RecordSort {
  /// Records that agree in all bits above the eight from `bit` on.
  private struct Run: Sendable {
    var low: Int
    var high: Int
    var bit: Int
  }

  /// - records: [count, wordCount].
  /// - scratch: [count], needed for one-word records only.
  /// - bitCount: bits above these are zero in every record.
  /// - threads: that sort records of more words, when they are many.
  static func sort(
    _ records: UnsafeMutablePointer<UInt64>, count: Int, wordCount: Int, bitCount: Int,
    scratch: UnsafeMutablePointer<UInt64>?, threads: Int = 1
  ) {
    guard count > 1 else { return }
    if wordCount == 1, count >= 256, let scratch {
      return sortWords(records, count: count, byteCount: (bitCount + 7) / 8, scratch: scratch)
    }
    let all = Run(low: 0, high: count, bit: bitCount - 8)
    guard threads > 1, count >= 1 << 15 else {
      return sort(records, all, wordCount: wordCount)
    }
    // Those with the same first digit are sorted by themselves.
    var runs: [Run] = []
    distribute(records, all, wordCount: wordCount, into: &runs)
    nonisolated(unsafe) let target = records
    let parts = runs
    Threads.forEach(count: parts.count, threads: threads) {
      sort(target, parts[$0], wordCount: wordCount)
    }
  }

  private static func sort(
    _ records: UnsafeMutablePointer<UInt64>, _ run: Run, wordCount: Int
  ) {
    // The same code with a constant in it: twice as fast for the common widths.
    switch wordCount {
    case 1: sortWide(records, run, wordCount: 1)
    case 2: sortWide(records, run, wordCount: 2)
    case 3: sortWide(records, run, wordCount: 3)
    default: sortWide(records, run, wordCount: wordCount)
    }
  }

  /// Sorts numbers.
  public static func sort(_ words: inout [UInt64]) {
    let scratch = UnsafeMutablePointer<UInt64>.allocate(capacity: max(words.count, 1))
    defer { scratch.deallocate() }
    words.withUnsafeMutableBufferPointer {
      guard let base = $0.baseAddress else { return }
      sort(base, count: $0.count, wordCount: 1, bitCount: 64, scratch: scratch)
    }
  }

  private static func sortWords(
    _ records: UnsafeMutablePointer<UInt64>, count: Int, byteCount: Int,
    scratch: UnsafeMutablePointer<UInt64>
  ) {
    let histograms = UnsafeMutablePointer<Int>.allocate(capacity: 256 * byteCount)
    histograms.initialize(repeating: 0, count: 256 * byteCount)
    defer { histograms.deallocate() }
    for index in 0..<count {
      var rest = records[index]
      var histogram = histograms
      for _ in 0..<byteCount {
        histogram[Int(truncatingIfNeeded: rest & 0xFF)] &+= 1
        rest &>>= 8
        histogram += 256
      }
    }
    var source = records
    var target = scratch
    for byte in 0..<byteCount {
      let places = histograms + 256 * byte
      let shift = UInt64(8 * byte)
      // A byte that all records share moves nothing.
      if places[Int(truncatingIfNeeded: (source[0] &>> shift) & 0xFF)] == count { continue }
      var sum = 0
      for value in 0..<256 {
        let here = places[value]
        places[value] = sum
        sum &+= here
      }
      for index in 0..<count {
        let record = source[index]
        let value = Int(truncatingIfNeeded: (record &>> shift) & 0xFF)
        let place = places[value]
        target[place] = record
        places[value] = place &+ 1
      }
      swap(&source, &target)
    }
    if source != records { records.update(from: source, count: count) }
  }

  @inline(__always)
  private static func sortWide(
    _ records: UnsafeMutablePointer<UInt64>, _ run: Run, wordCount: Int
  ) {
    var pending = [run]
    while let run = pending.popLast() {
      if run.high &- run.low <= 24 || run.bit <= -8 {
        insertionSort(records, run.low, run.high, wordCount: wordCount)
      } else {
        distribute(records, run, wordCount: wordCount, into: &pending)
      }
    }
  }

  /// Puts records in the order of one digit; `pending` gains those that agree in it.
  ///
  /// Digits begin at the highest bit, wherever that is in its byte, so that the first one tells most.
  @inline(__always)
  private static func distribute(
    _ records: UnsafeMutablePointer<UInt64>, _ run: Run, wordCount: Int, into pending: inout [Run]
  ) {
    let (low, high, bit) = (run.low, run.high, run.bit)
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 513) { space in
      let ends = space.baseAddress!
      let starts = ends + 256
      // The last digit takes some bits again when fewer than eight are left.
      let digit = Digit(bit: max(bit, 0), wordCount: wordCount)
      ends.update(repeating: 0, count: 256)
      for index in low..<high { ends[digit.of(records + index &* wordCount)] &+= 1 }
      var sum = low
      for value in 0..<256 {
        starts[value] = sum
        sum &+= ends[value]
        ends[value] = sum
      }
      starts[256] = high
      for value in 0..<256 {
        let first = starts[value]
        let end = ends[value]
        if end &- first > 1 { pending.append(Run(low: first, high: end, bit: bit &- 8)) }
      }
      // Each record goes to the next free place of its value, and the record there goes on.
      for value in 0..<256 {
        let end = ends[value]
        while starts[value] < end {
          let index = starts[value]
          let own = digit.of(records + index &* wordCount)
          if own == value {
            starts[value] = index &+ 1
          } else {
            let other = starts[own]
            starts[own] = other &+ 1
            for word in 0..<wordCount {
              let held = records[index &* wordCount &+ word]
              records[index &* wordCount &+ word] = records[other &* wordCount &+ word]
              records[other &* wordCount &+ word] = held
            }
          }
        }
      }
    }
  }

  /// Eight bits of a record, in one word or across two.
  private struct Digit {
    private let word: Int
    private let shift: UInt64
    /// The word above, and how far up its bits go; no bit of it where all lie in one word.
    private let upper: Int
    private let upperShift: UInt64
    private let upperMask: UInt64

    @inline(__always) init(bit: Int, wordCount: Int) {
      word = bit / 64
      shift = UInt64(bit % 64)
      let crosses = bit % 64 > 56 && word + 1 < wordCount
      upper = crosses ? word + 1 : word
      upperShift = crosses ? 64 - shift : 0
      upperMask = crosses ? 0xFF : 0
    }

    @inline(__always) func of(_ record: UnsafePointer<UInt64>) -> Int {
      let low = record[word] &>> shift & 0xFF
      let high = record[upper] &<< upperShift & upperMask
      return Int(truncatingIfNeeded: low | high)
    }
  }

  @inline(__always)
  private static func insertionSort(
    _ records: UnsafeMutablePointer<UInt64>, _ low: Int, _ high: Int, wordCount: Int
  ) {
    var next = low &+ 1
    while next < high {
      var place = next
      while place > low,
        precedes(
          records + place &* wordCount, records + (place &- 1) &* wordCount, wordCount: wordCount)
      {
        for word in 0..<wordCount {
          let held = records[place &* wordCount &+ word]
          records[place &* wordCount &+ word] = records[(place &- 1) &* wordCount &+ word]
          records[(place &- 1) &* wordCount &+ word] = held
        }
        place &-= 1
      }
      next &+= 1
    }
  }

  /// Whether record `a` is less than record `b`.
  @inline(__always)
  static func precedes(
    _ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>, wordCount: Int
  ) -> Bool {
    var word = wordCount &- 1
    while word > 0, a[word] == b[word] { word &-= 1 }
    return a[word] < b[word]
  }
}
