// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Reads ARPA text as KenLM, SRILM and others write it.
///
/// Lines of a section may stand in any order; the back-off column may be missing; -99 and less mean
/// zero; blank lines and `#` lines may stand before `\data\`. Strict about the rest: the header's
/// numbers, sections in order, finite values, no positive log-probability, `\end\`.
struct ARPAReader: ~Copyable {
  private let records: RecordReader
  private let name: String
  private var table = PieceTable()
  private var decoding = TextDecoding.unknown
  private var tokenizerFingerprint: UInt64?
  private var expectedCounts: [Int] = []
  private var sections: [ARPASection] = []

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
    records = RecordReader(file: file, blockByteCount: 1 << 20)
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
    var place = Place.preamble
    var lineNumber = 0
    while let block = try records.nextBlock() {
      try block.forEachRecord { (line, number) throws(StreamError) in
        lineNumber = number
        do throws(StreamError) {
          try accept(ARPAReader.trimmed(line), &place)
        } catch { throw StreamError(.line(name, number), error.problem, advice: error.advice) }
      }
    }
    guard place == .end else {
      throw StreamError(
        .line(name, lineNumber), "the file ends before \\end\\", advice: "its writer did not finish"
      )
    }
    return try finished()
  }

  private static func trimmed(_ line: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    var (start, end) = (0, line.count)
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
    while start < end, isBlank(line[start]) { start += 1 }
    while end > start, isBlank(line[end - 1]) { end -= 1 }
    return UnsafeBufferPointer(rebasing: line[start..<end])
  }

  private mutating func accept(_ line: UnsafeBufferPointer<UInt8>, _ place: inout Place)
    throws(StreamError)
  {
    if case .section(let length) = place, let first = line.first, first != 0x5C {
      return try sections[length - 1].append(line, &table)
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
      if case .section = place { try checkLastSection() }
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

  /// Numbers the words as a model does and builds the tree.
  private mutating func finished() throws(StreamError) -> BackoffTable {
    var found = PieceTable()
    swap(&found, &table)
    let words = Vocabulary(found)
    let vocabulary = Vocabulary(
      modelSpellings: (0..<Token(words.count)).map {
        ARPAReader.isUnknown(words.spelling(of: $0))
          ? Spelling.unknown : Array(words.spelling(of: $0))
      },
      decoding: decoding, tokenizerFingerprint: tokenizerFingerprint)
    let numbers = (0..<Token(words.count)).map {
      ARPAReader.isUnknown(words.spelling(of: $0))
        ? 0 : vocabulary.token(words.spelling(of: $0))!
    }
    do throws(StreamError) {
      return try BackoffTable(sections: &sections, numbers, vocabulary)
    } catch { throw StreamError(.file(name), error.problem, advice: error.advice) }
  }

  /// `<UNK>` is what some older writers call `<unk>`.
  private static func isUnknown(_ spelling: UnsafeBufferPointer<UInt8>) -> Bool {
    spelling.elementsEqual("<UNK>".utf8)
  }
}

/// The n-grams of one order with their values, in the order of the file.
struct ARPASection {
  let length: Int
  let isLast: Bool
  /// [length][count] Tokens by position.
  var columns: [[Token]]
  var log10Probabilities: [Double] = []
  var log10Backoffs: [Double] = []

  var count: Int { log10Probabilities.count }

  init(length: Int, isLast: Bool) {
    self.length = length
    self.isLast = isLast
    columns = Array(repeating: [], count: length)
  }

  /// Reads `log10p w1 ... wk [backoff]`.
  mutating func append(_ line: UnsafeBufferPointer<UInt8>, _ table: inout PieceTable)
    throws(StreamError)
  {
    var index = 0
    var field = 0
    var backoff = 0.0
    while index < line.count {
      while index < line.count, line[index] == 0x20 || line[index] == 0x09 { index &+= 1 }
      let start = index
      while index < line.count, line[index] != 0x20, line[index] != 0x09 { index &+= 1 }
      let part = UnsafeBufferPointer(rebasing: line[start..<index])
      if field == 0 {
        log10Probabilities.append(try value(part, mayBePositive: false))
      } else if field <= length {
        let token: Token
        if let known = table.find(part) {
          token = known
        } else if length == 1 {
          token = table.token(asWritten: part)
        } else {
          // Spelt otherwise than we would, or not among the unigrams.
          let before = table.count
          token = table.token(asWritten: part)
          guard table.count == before else {
            throw StreamError(
              .none, "'\(String(decoding: part, as: UTF8.self))' is not among the unigrams")
          }
        }
        columns[field - 1].append(token)
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
