// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// What a binary counts stream says of itself in front, besides its vocabulary: the tokens that occur,
/// in byte order of their spellings.
struct CountHeader: Equatable {
  /// Columns of an n-gram.
  var order: Int
  var isPositional = false
  /// What pads contexts instead of `<s>`.
  var padding: [UInt8]?
  /// What the counts are a model of: the estimator and its parameters.
  var smoothing: String?
  var decoding = TextDecoding.unknown
  var tokenizerFingerprint: UInt64?

  static let kind = "cnts"

  init(order: Int, isPositional: Bool, padding: [UInt8]?) {
    self.order = order
    self.isPositional = isPositional
    self.padding = padding
  }

  /// Reads a stream's header and vocabulary.
  static func read(_ header: StreamHeader) throws(StreamError) -> (CountHeader, SortedSpellings) {
    guard header.kind == kind else {
      throw StreamError(.none, "holds \(header.noun), not n-gram counts")
    }
    guard let order = header["order"].flatMap({ Int($0) }),
      (1...CountBlock.maximumOrder).contains(order)
    else { throw StreamError(.none, "counts without an order between 1 and 16") }
    var result = CountHeader(
      order: order, isPositional: header["positional"] == "1",
      padding: header["pad"].map { Array($0.utf8) })
    result.smoothing = header["smoothing"]
    let spellings = try header.payload.withUnsafeBufferPointer { payload throws(StreamError) in
      var cursor = ByteCursor(payload)
      let head = try Vocabulary.decodeHead(&cursor)
      result.decoding = head.decoding
      result.tokenizerFingerprint = head.tokenizerFingerprint
      return try SortedSpellings(&cursor, count: head.count)
    }
    return (result, spellings)
  }

  func encoded(with vocabulary: some SpellingTable) -> StreamHeader {
    var payload = ByteBuffer()
    Vocabulary.encodeHead(
      decoding: decoding, tokenizerFingerprint: tokenizerFingerprint, count: vocabulary.count,
      to: &payload)
    for token in 0..<Token(vocabulary.count) {
      let spelling = vocabulary.spelling(of: token)
      payload.append(varint: UInt64(spelling.count))
      payload.append(spelling)
    }
    var parameters = [(key: "order", value: "\(order)")]
    if isPositional { parameters.append(("positional", "1")) }
    if let padding { parameters.append(("pad", String(decoding: padding, as: UTF8.self))) }
    if let smoothing { parameters.append(("smoothing", smoothing)) }
    return StreamHeader(
      kind: CountHeader.kind, parameters: parameters, payload: Array(payload.bytes))
  }
}
