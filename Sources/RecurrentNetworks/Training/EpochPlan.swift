// SPDX-License-Identifier: Apache-2.0

public import Optimization
internal import Probability

/// One pass over a stream: which symbols stand in which lane, and the windows cut from them.
///
/// By records, lanes are filled with whole records, each from `<s>` to `</s>`, in an order shuffled
/// by (seed, epoch). As one continuous stream, each lane gets a contiguous part, cut at the end of a
/// record where one is near, and the symbol before a symbol is its input, `</s>` included; `<s>` is
/// what a lane begins with, so it means that nothing is known of what came before. No symbol is left
/// out: lanes that end early have steps without a target.
public struct EpochPlan: Sendable {
  private struct Cursor {
    var segment = 0
    var offset = 0
  }

  private let stream: SymbolStream
  private let mode: TrainingOptions.Mode
  private let startToken: UInt32
  /// Per lane the ranges of the stream that it reads.
  private var lanes: [[Range<Int>]]
  /// Per lane the index from which on symbols are targets: what comes before warms the state up.
  private var firstTargets: [Int]
  /// B
  public var laneCount: Int { lanes.count }
  /// T of all windows but the last.
  public let windowSteps: Int
  /// Steps of the longest lane.
  public let stepCount: Int
  private var cursors: [Cursor]
  private var nextWindow = 0

  /// Number of windows.
  public var windowCount: Int { (stepCount + windowSteps - 1) / windowSteps }

  /// - range: the part of the stream to read; begins and ends between records.
  /// - end: the symbol that ends a record.
  /// - order: the seed and epoch of the shuffle; nothing keeps the records in order.
  /// - warmUp: steps that a lane in the middle of a continuous stream reads before its targets.
  public init(
    _ stream: SymbolStream, range: Range<Int>, mode: TrainingOptions.Mode, table: SymbolTable,
    laneCount: Int, windowSteps: Int, order: (seed: UInt64, epoch: Int)? = nil, warmUp: Int = 0
  ) {
    self.stream = stream
    self.mode = mode
    startToken = UInt32(table.count)
    switch mode {
    case .continuous:
      let length = (range.count + laneCount - 1) / laneCount
      var starts: [Int] = []
      for even in stride(from: range.lowerBound, to: range.upperBound, by: length) {
        let near = even..<min(even + length / 4, range.upperBound)
        let cut = even == range.lowerBound ? nil : near.first { stream[$0 - 1] == table.end }
        starts.append(cut ?? even)
      }
      let ends = starts.dropFirst() + [range.upperBound]
      lanes = zip(starts, ends).map { [max(range.lowerBound, $0 - warmUp)..<$1] }
      firstTargets = starts
    case .records:
      var records: [Range<Int>] = []
      var start = range.lowerBound
      for index in range where stream[index] == table.end {
        records.append(start..<index + 1)
        start = index + 1
      }
      if let order { EpochPlan.shuffle(&records, seed: order.seed, epoch: order.epoch) }
      lanes = Array(repeating: [], count: min(laneCount, records.count))
      var lengths = [Int](repeating: 0, count: lanes.count)
      for record in records {
        // The shortest lane takes the record; the first of equals.
        let lane = lengths.indices.min { lengths[$0] < lengths[$1] }!
        lanes[lane].append(record)
        lengths[lane] += record.count
      }
      firstTargets = Array(repeating: 0, count: lanes.count)
    }
    stepCount = lanes.map { $0.reduce(0) { $0 + $1.count } }.max() ?? 0
    self.windowSteps = min(windowSteps, max(stepCount, 1))
    cursors = Array(repeating: Cursor(), count: lanes.count)
  }

  /// The window of that number, from 0; quickest in order.
  public mutating func window(_ number: Int) -> TrainingWindow {
    precondition(number < windowCount)
    if number != nextWindow { seek(number) }
    nextWindow = number + 1
    let steps = min(windowSteps, stepCount - number * windowSteps)
    var window = TrainingWindow(
      stepCount: steps, laneCount: laneCount,
      inputs: Array(repeating: startToken, count: steps * laneCount),
      targets: Array(repeating: TrainingWindow.noTarget, count: steps * laneCount))
    for lane in lanes.indices {
      for step in 0..<steps {
        guard let (index, isFirst) = advance(lane) else { break }
        let position = step * laneCount + lane
        if !isFirst { window.inputs[position] = stream[index - 1] }
        if index >= firstTargets[lane] { window.targets[position] = stream[index] }
      }
    }
    return window
  }

  /// The index of the lane's next symbol, and whether it is a segment's first.
  private mutating func advance(_ lane: Int) -> (index: Int, isFirst: Bool)? {
    let cursor = cursors[lane]
    guard cursor.segment < lanes[lane].count else { return nil }
    let segment = lanes[lane][cursor.segment]
    cursors[lane].offset += 1
    if cursors[lane].offset == segment.count {
      cursors[lane] = Cursor(segment: cursor.segment + 1, offset: 0)
    }
    return (segment.lowerBound + cursor.offset, cursor.offset == 0)
  }

  private mutating func seek(_ number: Int) {
    for lane in lanes.indices {
      var rest = number * windowSteps
      var cursor = Cursor()
      while cursor.segment < lanes[lane].count, rest > 0 {
        let length = lanes[lane][cursor.segment].count
        if rest < length {
          cursor.offset = rest
          rest = 0
        } else {
          rest -= length
          cursor.segment += 1
        }
      }
      cursors[lane] = cursor
    }
  }

  /// Fisher-Yates with one counter-based number a swap: a function of seed and epoch alone.
  private static func shuffle(_ records: inout [Range<Int>], seed: UInt64, epoch: Int) {
    let random = RandomNumbers(seed: seed)
    let record = Purpose.shuffling.record(part: 0, step: epoch)
    for index in stride(from: records.count - 1, to: 0, by: -1) {
      let uniform = random.uniform(record: record, step: UInt64(index))
      records.swapAt(index, Int(uniform * Double(index + 1)))
    }
  }
}
