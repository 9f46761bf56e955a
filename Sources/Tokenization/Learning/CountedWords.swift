// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// How often each distinct word of a text stands in it: all that learning needs of the text.
///
/// Tables that count words hand them over in parts by a hash, so that each part holds all counts of its
/// words and is added up by itself; words that keep their order are one part, added up already.
public final class CountedWords {
  public let memory: LearningMemory
  private var records: WordRecords
  private let isAddedUp: Bool

  /// - records: finished.
  private init(_ records: WordRecords, isAddedUp: Bool, _ memory: LearningMemory) {
    self.records = records
    self.isAddedUp = isAddedUp
    self.memory = memory
  }

  /// Calls `body` with each distinct word and its count: in the order of first appearance where that
  /// is kept, else in one that depends on threads and memory: what is written may not.
  ///
  /// - Throws: what `body` throws, and `StreamError` for want of memory and disk.
  func forEachWord(_ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void) throws {
    if isAddedUp {
      return try records.forEachWord(inPart: 0) { word, count, _ in try body(word, count) }
    }
    for part in 0..<WordRecords.partCount {
      // A large part is read several times.
      let share = 1 + UInt64(16 * records.byteCount(ofPart: part) / memory.byteCount)
      for turn in 0..<share {
        let sums = WordCounts()
        try records.forEachWord(inPart: part) { word, count, _ in
          if share == 1 || spellingHash(word) % share == turn { sums.add(word, count: count) }
        }
        try sums.forEachWord(body)
      }
    }
  }

  /// Forgets the words, and gives their memory back.
  func removeAll() { records = WordRecords(memory) }

  /// Takes words from tables that count them.
  final class Collection: Sendable {
    private struct State: ~Copyable, @unchecked Sendable {
      let records: WordRecords
      /// Words of all tables so far: a word counts once for each table.
      var wordCount = 0
    }

    private let memory: LearningMemory
    private let keepsOrder: Bool
    private let state: Locked<State>

    /// - keepsOrder: tables come one after the other, each in the order of first appearance.
    init(keepsOrder: Bool, _ memory: LearningMemory) {
      self.memory = memory
      self.keepsOrder = keepsOrder
      state = Locked(State(records: WordRecords(memory)))
    }

    /// Adds the words of a table, and empties it.
    func add(_ table: WordCounts) throws {
      try state.withLock { state in
        try table.forEachWord { word, count in
          // Words that begin alike go together: merges find their words near each other.
          let beginning = keepsOrder ? word : UnsafeBufferPointer(rebasing: word.prefix(4))
          try state.records.append(
            word, count: count, number: state.wordCount,
            to: Int(spellingHash(beginning) &>> 40) % WordRecords.partCount)
          state.wordCount += 1
        }
      }
      table.removeAll()
    }

    /// The words of the tables so far and of these last ones.
    func words(with tables: [WordCounts]) throws -> CountedWords {
      if keepsOrder, tables.count == 1, state.withLock({ $0.wordCount == 0 }) {
        let records = WordRecords(memory)
        try tables[0].forEachWord { try records.append($0, count: $1, number: 0, to: 0) }
        try records.finish()
        return CountedWords(records, isAddedUp: true, memory)
      }
      for table in tables { try add(table) }
      return try state.withLock { state in
        try state.records.finish()
        let records = try keepsOrder ? ordered(state.records, state.wordCount) : state.records
        return CountedWords(records, isAddedUp: keepsOrder, memory)
      }
    }

    /// The words by their first numbers: parted again, by ranges of these, each sorted by itself.
    private func ordered(_ records: WordRecords, _ wordCount: Int) throws -> WordRecords {
      let ranges = WordRecords(memory)
      for part in 0..<WordRecords.partCount {
        let sums = WordCounts(keepsOrder: true)
        var numbers: [Int] = []
        try records.forEachWord(inPart: part) { word, count, number in
          sums.add(word, count: count)
          if sums.count > numbers.count { numbers.append(number) }
        }
        var index = 0
        try sums.forEachWord { word, count in
          try ranges.append(
            word, count: count, number: numbers[index],
            to: numbers[index] * WordRecords.partCount / wordCount)
          index += 1
        }
      }
      try ranges.finish()
      let ordered = WordRecords(memory)
      for range in 0..<WordRecords.partCount {
        var words: [(word: [UInt8], count: Int, number: Int)] = []
        try ranges.forEachWord(inPart: range) { words.append((Array($0), $1, $2)) }
        for (word, count, number) in words.sorted(by: { $0.number < $1.number }) {
          try word.withUnsafeBufferPointer {
            try ordered.append($0, count: count, number: number, to: 0)
          }
        }
      }
      try ordered.finish()
      return ordered
    }
  }
}
