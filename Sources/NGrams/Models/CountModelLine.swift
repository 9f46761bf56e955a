// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// The first line of a model that is written as its counts: estimator, padding, text decoding.
///
///     \counts\ laplace=1 pad=0 text=spaced
///
/// No canonical spelling begins with a backslash and a letter, so the line is never taken for counts.
struct CountModelLine: CustomStringConvertible {
  var smoothing: String
  var padding: [UInt8]?
  var decoding: TextDecoding?

  init(smoothing: String, padding: [UInt8]?, decoding: TextDecoding) {
    self.smoothing = smoothing
    self.padding = padding
    self.decoding = decoding == .unknown ? nil : decoding
  }

  private static let mark = "\\counts\\ "

  /// Reads a line, or nothing when it is none.
  ///
  /// - Throws: `StreamError` without a place for facts that this release does not know.
  init?(_ line: UnsafeBufferPointer<UInt8>) throws(StreamError) {
    guard line.starts(with: CountModelLine.mark.utf8) else { return nil }
    let text = String(decoding: line, as: UTF8.self).dropFirst(CountModelLine.mark.count)
    let facts = text.split(separator: " ", maxSplits: 1)
    guard let smoothing = facts.first else { return nil }
    self.smoothing = String(smoothing)
    var rest = facts.count > 1 ? facts[1] : ""
    if rest.hasPrefix("pad=") {
      let value = rest.dropFirst(4).prefix { $0 != " " }
      padding = Array(value.utf8)
      rest = rest.dropFirst(4 + value.count)
      if rest.first == " " { rest.removeFirst() }
    }
    if rest.hasPrefix("text=") {
      decoding = TextDecoding(String(rest.dropFirst(5)))
      rest = decoding == nil ? rest : ""
    }
    guard rest.isEmpty else {
      throw StreamError(.none, "unknown fact '\(rest)' of a model", advice: "use a newer release")
    }
  }

  var description: String {
    var line = CountModelLine.mark + smoothing
    if let padding { line += " pad=" + String(decoding: padding, as: UTF8.self) }
    if let decoding { line += " text=\(decoding)" }
    return line + "\n"
  }
}
