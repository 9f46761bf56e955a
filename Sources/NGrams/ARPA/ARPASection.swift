// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// The n-grams of one order with their values, in the order of the file.
struct ARPASection {
  let length: Int
  let isLast: Bool
  /// [count, length], row-major.
  var tokens: [Token] = []
  var log10Probabilities: [Double] = []
  var log10Backoffs: [Double] = []

  var count: Int { log10Probabilities.count }

  init(length: Int, isLast: Bool) {
    self.length = length
    self.isLast = isLast
  }

  /// Adds the n-grams of a later stretch.
  mutating func append(_ part: ARPASection) {
    tokens += part.tokens
    log10Probabilities += part.log10Probabilities
    log10Backoffs += part.log10Backoffs
  }

  /// Reads the lines of a stretch, whose words are numbered.
  ///
  /// - Throws: `StreamError` with the line that is wrong.
  mutating func append(_ stretch: ARPAStretch, _ words: ARPAWords) throws(StreamError) {
    let cache = PieceCache()
    var last = LastLine(length: length)
    // About as many as there will be.
    let lineCount = stretch.range.count / (8 + 4 * length)
    tokens.reserveCapacity(length * lineCount)
    log10Probabilities.reserveCapacity(lineCount)
    if !isLast { log10Backoffs.reserveCapacity(lineCount) }
    try stretch.forEachLine { (line, number) throws(StreamError) in
      if line.isEmpty { return }
      do throws(StreamError) {
        try append(line, limit: stretch.limit, after: &last) { (word, key) throws(StreamError) in
          if let key, let token = cache.token(key) { return token }
          let token = try words.token(word)
          if let key { cache.note(token, for: key) }
          return token
        }
      } catch { throw error.located(at: .line(stretch.block.name, number)) }
    }
  }

  /// Reads `log10p w1 ... wk [backoff]`.
  ///
  /// - limit: the end of the memory that may be read, not before the line's.
  /// - last: the line before, whose memory is still there: sorted lines share most of their words with it.
  /// - token: gives a word's number; a short word comes with its key for a cache.
  @inline(__always) mutating func append(
    _ line: UnsafeBufferPointer<UInt8>, limit: UnsafePointer<UInt8>, after last: inout LastLine,
    token: (UnsafeBufferPointer<UInt8>, PieceCache.Key?) throws(StreamError) -> Token
  ) throws(StreamError) {
    guard var next = line.baseAddress else { return }
    let end = next + line.count
    var field = 0
    var backoff = 0.0
    while true {
      while next < end, next.pointee == 0x20 || next.pointee == 0x09 { next += 1 }
      if next == end { break }
      if field == 1 {
        let shared = last.sharedCount(next, end)
        for _ in 0..<shared { tokens.append(tokens[tokens.count &- length]) }
        if shared > 0 {
          next += last.ends[shared &- 1]
          field &+= shared
          continue
        }
      }
      let start = next
      var key = PieceCache.Key(at: start, limit: limit)
      if let byteCount = key?.byteCount { next += byteCount }
      if key == nil || next > end || (next < end && next.pointee != 0x20 && next.pointee != 0x09) {
        key = nil
        next = start
        while next < end, next.pointee != 0x20, next.pointee != 0x09 { next += 1 }
      }
      let part = UnsafeBufferPointer(start: start, count: next - start)
      if field == 0 {
        log10Probabilities.append(try value(part, mayBePositive: false))
      } else if field <= length {
        tokens.append(try token(part, key))
        last.ends[field &- 1] = next - last.start!
      } else if field == length + 1, !isLast {
        backoff = try value(part, mayBePositive: true)
      } else {
        throw StreamError(.none, "more than \(length) words in a line of \(length)-grams")
      }
      field += 1
    }
    guard field > length else {
      throw StreamError(.none, "fewer than \(length) words in a line of \(length)-grams")
    }
    if !isLast { log10Backoffs.append(backoff) }
  }

  private func value(_ bytes: UnsafeBufferPointer<UInt8>, mayBePositive: Bool) throws(StreamError)
    -> Double
  {
    let text = { String(decoding: bytes.prefix(40), as: UTF8.self) }
    guard let value = DecimalNumber.parse(bytes) else {
      let isInfinite = text().lowercased() == "-inf"
      if isInfinite { return -.infinity }
      throw StreamError(.none, "'\(text())' is no finite number")
    }
    guard mayBePositive || value <= 0 else {
      throw StreamError(
        .none, "log-probability \(text()) is above 0", advice: "a probability is at most 1")
    }
    return value <= -99 ? -.infinity : value
  }
}

/// Where the words of the last line stand.
///
/// Unsafe: `ends` holds `length` of them, allocated and freed here; `start` and `end` lie in memory that
/// the caller keeps while lines follow.
struct LastLine: ~Copyable {
  private let length: Int
  /// The first word, and the end of the line.
  private(set) var start: UnsafePointer<UInt8>?
  private var end: UnsafePointer<UInt8>?
  /// [length] Where each word ends, from `start` on.
  let ends: UnsafeMutablePointer<Int>

  init(length: Int) {
    self.length = length
    ends = .allocate(capacity: length)
    ends.initialize(repeating: 0, count: length)
  }

  deinit { ends.deallocate() }

  /// How many of the first words, with the byte after each, the line at `next` shares with the last one;
  /// it becomes the last one.
  @inline(__always) mutating func sharedCount(
    _ next: UnsafePointer<UInt8>, _ limit: UnsafePointer<UInt8>
  ) -> Int {
    defer { (start, end) = (next, limit) }
    guard let start, let end else { return 0 }
    let most = min(limit - next, end - start)
    var same = 0
    while same &+ 8 <= most {
      let (a, b) = (UnsafeRawPointer(next + same), UnsafeRawPointer(start + same))
      let difference = UInt64(
        littleEndian: a.loadUnaligned(as: UInt64.self) ^ b.loadUnaligned(as: UInt64.self))
      if difference != 0 {
        same &+= difference.trailingZeroBitCount &>> 3
        break
      }
      same &+= 8
    }
    while same < most, next[same] == start[same] { same &+= 1 }
    var count = 0
    while count < length, ends[count] < same { count &+= 1 }
    return count
  }
}

/// The words that the unigrams of a file list, numbered as a model's.
struct ARPAWords: Sendable {
  let vocabulary: Vocabulary
  /// Those of `<unk>`, `<s>` and `</s>` that the file lists.
  let listed: Set<Token>

  /// - Throws: `StreamError` without a place for a word that is no unigram.
  func token(_ word: UnsafeBufferPointer<UInt8>) throws(StreamError) -> Token {
    var token = vocabulary.token(word)
    if token == nil {
      // Spelt otherwise than we would.
      token =
        ARPAWords.isUnknown(word)
        ? vocabulary.unknown : vocabulary.token(Spelling.canonical(Array(word)))
    }
    guard let token, token > 2 || listed.contains(token) else {
      throw StreamError(
        .none, "'\(String(decoding: word, as: UTF8.self))' is not among the unigrams")
    }
    return token
  }

  /// `<UNK>` is what some older writers call `<unk>`.
  static func isUnknown(_ spelling: UnsafeBufferPointer<UInt8>) -> Bool {
    spelling.elementsEqual("<UNK>".utf8)
  }
}
