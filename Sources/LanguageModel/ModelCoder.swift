// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

/// Codes records with a model's probabilities.
///
/// A row of probabilities becomes integer frequencies: those, not the floating-point numbers, cut the
/// interval. They are the same wherever the model's row has the same bits.
struct ModelCoder<Model: LanguageModel> {
  private let model: Model
  private var row: [Double]
  /// - cumulated: [vocabulary.count + 1].
  private var cumulated: [UInt64]

  init(_ model: Model) {
    self.model = model
    row = Array(repeating: 0, count: model.vocabulary.count)
    cumulated = Array(repeating: 0, count: model.vocabulary.count + 1)
  }

  /// The code of a block's records, without their lengths where the model does not predict the end.
  mutating func encoded(_ block: TokenBlock) throws(StreamError) -> [UInt8] {
    var encoder = ArithmeticEncoder()
    var start = 0
    for (index, end) in block.recordEnds.enumerated() {
      var state = model.start
      for position in start...end {
        guard position < end || model.ending == .predicted else { continue }
        let token = position < end ? block.tokens[position] : model.vocabulary.end!
        fill(after: state)
        let (first, last) = (cumulated[Int(token)], cumulated[Int(token) + 1])
        guard first < last else { throw uncodable(token, block, index) }
        encoder.encode(first, last, of: cumulated.last!)
        if position < end { model.advance(&state, with: token) }
      }
      start = end
    }
    encoder.finish()
    return Array(encoder.bytes.bytes)
  }

  /// Gives back the records of a code.
  ///
  /// - lengths: one a record where the model does not predict the end, else nothing.
  /// - largestCount: tokens that there are at most, so that an altered code cannot run on for ever.
  mutating func decoded(
    _ code: [UInt8], recordCount: Int, lengths: [Int]?, largestCount: Int
  ) throws(StreamError) -> TokenBlock {
    var decoder = ArithmeticDecoder(code)
    var block = TokenBlock()
    for record in 0..<recordCount {
      var state = model.start
      var length = 0
      while lengths.map({ length < $0[record] }) ?? true {
        fill(after: state)
        guard let total = cumulated.last, total > 0, block.tokens.count <= largestCount else {
          throw StreamError(.none, "the code does not fit the model")
        }
        let token = token(holding: decoder.target(of: total))
        decoder.decode(cumulated[Int(token)], cumulated[Int(token) + 1], of: total)
        if lengths == nil, token == model.vocabulary.end { break }
        block.tokens.append(token)
        model.advance(&state, with: token)
        length += 1
      }
      block.endRecord()
    }
    return block
  }

  private mutating func fill(after state: Model.State) {
    row.withUnsafeMutableBufferPointer { [model] in
      var span = MutableSpan(_unsafeElements: $0)
      model.logProbabilities(after: state, into: &span)
    }
    // Every possible symbol has a frequency of at least one; of 2^40 that costs nothing.
    let scale = Double(largestFrequencyTotal / 2)
    var total: UInt64 = 0
    for token in row.indices {
      if row[token] > -.infinity { total += 1 + UInt64(min(exp(row[token]), 1) * scale) }
      cumulated[token + 1] = total
    }
  }

  /// The token whose interval holds a cumulated frequency.
  private func token(holding target: UInt64) -> Token {
    var (low, high) = (0, cumulated.count - 1)
    while low + 1 < high {
      let middle = (low + high) / 2
      if cumulated[middle] <= target { low = middle } else { high = middle }
    }
    return Token(low)
  }

  private func uncodable(_ token: Token, _ block: TokenBlock, _ record: Int) -> StreamError {
    let spelling = String(decoding: model.vocabulary.spelling(of: token), as: UTF8.self)
    let fact = row[Int(token)].isNaN ? "no defined probability" : "probability zero"
    return StreamError(
      .line(block.name, block.firstRecordNumber + record),
      "'\(spelling)' has \(fact) here and cannot be coded",
      advice: "estimate the model with smoothing, such as witten-bell or modified-kneser-ney")
  }
}

extension LanguageModel {
  /// A number that tells this model from others: its vocabulary, and what it says of the next token in
  /// a few contexts, to the last bit. The same model in another file format has the same number.
  public var fingerprint: UInt64 {
    var hash = vocabulary.fingerprint
    var row = [Double](repeating: 0, count: vocabulary.count)
    var state = start
    for _ in 0..<8 {
      row.withUnsafeMutableBufferPointer {
        var span = MutableSpan(_unsafeElements: $0)
        logProbabilities(after: state, into: &span)
      }
      var best = 0
      for token in row.indices {
        let bits = row[token].isNaN ? 1 : row[token].bitPattern
        hash = (hash ^ bits) &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash >> 32
        if row[token] > row[best], Token(token) != vocabulary.end { best = token }
      }
      advance(&state, with: Token(best))
    }
    return hash
  }
}
