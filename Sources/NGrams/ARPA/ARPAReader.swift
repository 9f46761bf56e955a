// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Reads ARPA text as KenLM, SRILM and others write it.
///
/// Lines of a section may stand in any order; the back-off column may be missing; -99 and less mean
/// zero; blank lines and `#` lines may stand before `\data\`. Strict about the rest: the header's
/// numbers, sections in order, finite values, no positive log-probability, `\end\`.
///
/// The lines of orders 2 and up, nearly all there are, are read on several threads.
struct ARPAReader: ~Copyable {
  private let stretches: ARPAStretches
  private let name: String
  private var table = PieceTable()
  private var words: ARPAWords?
  private var decoding = TextDecoding.unknown
  private var tokenizerFingerprint: UInt64?
  private var expectedCounts: [Int] = []
  private var sections: [ARPASection] = []
  private var place = Place.preamble

  /// Whether text begins as an ARPA file does: `\data\` after nothing but blank and `#` lines.
  static func recognises(_ file: InputFile) throws(StreamError) -> Bool {
    let bytes = try file.prefix(1 << 12)
    guard let first = bytes.first, [0x23, 0x5C, 0x0A, 0x0D, 0x20, 0x09].contains(first) else {
      return false
    }
    for line in bytes.split(separator: 0x0A) {
      let text = line.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      if text.starts(with: "\\data\\".utf8) { return true }
      guard text.isEmpty || text.first == UInt8(ascii: "#") else { return false }
    }
    return false
  }

  init(_ file: InputFile) {
    stretches = ARPAStretches(RecordReader(file: file, blockByteCount: 1 << 20))
    name = file.name
  }

  private enum Place: Equatable {
    case preamble, header
    case section(Int)
    case between, end
  }

  /// Reads the whole file.
  ///
  /// - Throws: `StreamError` with the line that is wrong.
  consuming func read() throws(StreamError) -> BackoffTable {
    var stretches = stretches
    // Up to the end of the unigrams, which number the words.
    while words == nil, let stretch = try stretches.next() { try accept(stretch) }
    do {
      if let words {
        let order = expectedCounts.count
        try orderedParallelMap(
          threads: Machine.availableCores, next: { try stretches.next() },
          transform: { (stretch: ARPAStretch) -> (ARPAStretch, ARPASection?) in
            guard let length = stretch.sectionLength, length > 1, length <= order else {
              return (stretch, nil)
            }
            var part = ARPASection(length: length, isLast: length == order)
            try part.append(stretch, words)
            return (stretch, part)
          },
          emit: { (stretch: ARPAStretch, part: ARPASection?) in
            guard let part else { return try accept(stretch) }
            sections[part.length - 1].append(part)
          })
      }
    } catch {
      throw error as? StreamError ?? StreamError(.file(name), "\(error)")
    }
    guard place == .end else {
      throw StreamError(
        .line(name, stretches.lineNumber), "the file ends before \\end\\",
        advice: "its writer did not finish")
    }
    return try finished()
  }

  /// Takes lines one by one.
  private mutating func accept(_ stretch: ARPAStretch) throws(StreamError) {
    try stretch.forEachLine { (line, number) throws(StreamError) in
      do throws(StreamError) {
        try accept(line)
      } catch { throw error.located(at: .line(name, number)) }
    }
  }

  private mutating func accept(_ line: UnsafeBufferPointer<UInt8>) throws(StreamError) {
    if case .section(let length) = place, let first = line.first, first != 0x5C {
      // Of the other sections a worker reads the lines.
      precondition(length == 1)
      var last = LastLine(length: 1)
      return try sections[0].append(line, limit: line.baseAddress! + line.count, after: &last) {
        (word, _) throws(StreamError) in table.token(asWritten: word)
      }
    }
    if line.isEmpty || place == .end { return }
    if place == .preamble, line[0] == UInt8(ascii: "#") { return acceptComment(line) }
    let text = String(decoding: line, as: UTF8.self)
    switch place {
    case .preamble where text == "\\data\\":
      place = .header
    case .header where text.hasPrefix("ngram "):
      let parts = text.dropFirst(6).split(separator: "=")
      let numbers = parts.map { Int($0.filter { $0 != " " }) }
      guard numbers.count == 2, let length = numbers[0], let count = numbers[1], count >= 0 else {
        throw StreamError(.none, "'\(text)' is no 'ngram order=count'")
      }
      guard length == expectedCounts.count + 1, length <= CountBlock.maximumOrder else {
        throw StreamError(.none, "order \(length) where \(expectedCounts.count + 1) should follow")
      }
      expectedCounts.append(count)
    case .header, .section, .between:
      if case .section(let length) = place {
        try checkLastSection()
        if length == 1 { numberWords() }
      }
      if text == "\\end\\" {
        guard sections.count == expectedCounts.count, !sections.isEmpty else {
          throw StreamError(
            .none, "\\end\\ after \(sections.count) of \(expectedCounts.count) sections")
        }
        place = .end
      } else {
        guard text == "\\\(sections.count + 1)-grams:", sections.count < expectedCounts.count else {
          throw StreamError(.none, "'\(text.prefix(40))' where a section should begin")
        }
        sections.append(
          ARPASection(
            length: sections.count + 1, isLast: sections.count + 1 == expectedCounts.count))
        place = .section(sections.count)
      }
    default: throw StreamError(.none, "'\(text.prefix(40))' where \\data\\ should stand")
    }
  }

  private mutating func acceptComment(_ line: UnsafeBufferPointer<UInt8>) {
    let text = String(decoding: line, as: UTF8.self)
    if text.hasPrefix("# text: "), let found = TextDecoding(String(text.dropFirst(8))) {
      decoding = found
    } else if text.hasPrefix("# tokenizer: ") {
      tokenizerFingerprint = UInt64(text.dropFirst(13), radix: 16)
    }
  }

  private func checkLastSection() throws(StreamError) {
    let length = sections.count
    guard sections[length - 1].count == expectedCounts[length - 1] else {
      throw StreamError(
        .none,
        "\(sections[length - 1].count) \(length)-grams where the header says "
          + "\(expectedCounts[length - 1])")
    }
  }

  /// Numbers the words as a model does.
  private mutating func numberWords() {
    var found = PieceTable()
    swap(&found, &table)
    let read = Vocabulary(found)
    let spellings = (0..<Token(read.count)).map {
      ARPAWords.isUnknown(read.spelling(of: $0)) ? Spelling.unknown : Array(read.spelling(of: $0))
    }
    let vocabulary = Vocabulary(
      modelSpellings: spellings, decoding: decoding, tokenizerFingerprint: tokenizerFingerprint)
    let numbers = spellings.map { vocabulary.token($0)! }
    words = ARPAWords(vocabulary: vocabulary, listed: Set(numbers.filter { $0 < 3 }))
    sections[0].tokens = sections[0].tokens.map { numbers[Int($0)] }
  }

  private mutating func finished() throws(StreamError) -> BackoffTable {
    do throws(StreamError) {
      return try BackoffTable(sections: &sections, words!.vocabulary)
    } catch { throw error.located(at: .file(name)) }
  }
}
