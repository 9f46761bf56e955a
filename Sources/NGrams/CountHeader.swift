// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// What a binary counts stream says of itself in front.
struct CountHeader {
  var order: Int
  var isPositional = false
  /// What pads contexts instead of `<s>`.
  var padding: [UInt8]?
  /// What the counts are a model of: the estimator and its parameters.
  var smoothing: String?
  /// The tokens that occur, in byte order of their spellings.
  var vocabulary: Vocabulary

  static let kind = "cnts"

  init(
    order: Int, isPositional: Bool, padding: [UInt8]?, smoothing: String? = nil,
    vocabulary: Vocabulary
  ) {
    self.order = order
    self.isPositional = isPositional
    self.padding = padding
    self.smoothing = smoothing
    self.vocabulary = vocabulary
  }

  init(_ header: StreamHeader) throws(StreamError) {
    guard header.kind == CountHeader.kind else {
      throw StreamError(.none, "holds \(streamNoun(header.kind)), not n-gram counts")
    }
    guard let order = header["order"].flatMap({ Int($0) }),
      (1...CountBlock.maximumOrder).contains(order)
    else { throw StreamError(.none, "counts without an order between 1 and 16") }
    self.order = order
    isPositional = header["positional"] == "1"
    padding = header["pad"].map { Array($0.utf8) }
    smoothing = header["smoothing"]
    vocabulary = try Vocabulary(encoded: header.payload)
  }

  var encoded: StreamHeader {
    var payload = ByteBuffer()
    vocabulary.encode(to: &payload)
    var parameters = [(key: "order", value: "\(order)")]
    if isPositional { parameters.append(("positional", "1")) }
    if let padding { parameters.append(("pad", String(decoding: padding, as: UTF8.self))) }
    if let smoothing { parameters.append(("smoothing", smoothing)) }
    return StreamHeader(
      kind: CountHeader.kind, parameters: parameters, payload: Array(payload.bytes))
  }
}

/// What a stream of a kind holds, for messages.
func streamNoun(_ kind: String) -> String {
  switch kind {
  case "tokn": "tokens"
  case "cnts": "n-gram counts"
  case "ngrm": "an n-gram model"
  default: "a stream of kind \(kind)"
  }
}
