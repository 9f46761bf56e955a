// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// Mixture weights by expectation maximisation, from the probabilities of held-out tokens under each
/// component.
struct MixtureWeights {
  private let componentCount: Int
  /// [tokens, components]
  private var probabilities: [Double] = []
  /// [tokens] Components that a token's context allows: the first so many.
  private var allowedCounts: [Int] = []

  init(componentCount: Int) { self.componentCount = componentCount }

  var tokenCount: Int { allowedCounts.count }

  /// Adds a token; one that no component allows says nothing.
  ///
  /// - probabilities: of the first components; the others do not apply.
  mutating func add(_ values: [Double]) {
    guard values.contains(where: { $0 > 0 }) else { return }
    probabilities += values + Array(repeating: 0, count: componentCount - values.count)
    allowedCounts.append(values.count)
  }

  /// The weights at which the held-out tokens are most probable.
  ///
  /// Weights of components that do not apply to a token are rescaled away; the expectation step then
  /// also counts the draws that would have been rejected. Stops when no weight moves by 1e-7.
  func maximized() -> [Double] {
    var weights = [Double](repeating: 1 / Double(componentCount), count: componentCount)
    guard tokenCount > 0 else { return weights }
    for _ in 0..<500 {
      // Sums in token order: the same bits in every run.
      var expected = [Double](repeating: 0, count: componentCount)
      for token in 0..<tokenCount {
        let allowed = allowedCounts[token]
        let row = token * componentCount
        var mixture = 0.0
        var mass = 0.0
        for component in 0..<allowed {
          mixture += weights[component] * probabilities[row + component]
          mass += weights[component]
        }
        guard mixture > 0 else { continue }
        for component in 0..<allowed {
          expected[component] += weights[component] * probabilities[row + component] / mixture
        }
        for component in allowed..<componentCount {
          expected[component] += weights[component] / mass
        }
      }
      let sum = expected.reduce(0, +)
      guard sum > 0 else { return weights }
      let next = expected.map { $0 / sum }
      let change = zip(next, weights).reduce(0) { max($0, abs($1.0 - $1.1)) }
      weights = next
      if change < 1e-7 { break }
    }
    return weights
  }
}

extension NGramCounts {
  /// The weights of orders 1 to n for `interpolate`, from held-out token streams.
  ///
  /// - Throws: `StreamError` for what cannot be read, or holds no known token.
  public func interpolationWeights(heldOut paths: [String]) throws(StreamError) -> [Double] {
    let tree = NGramTree(rows)
    let vocabulary = rows.vocabulary
    let total = Double(tree.levels[0].counts.reduce(0, +))
    let predictsEnd = tree.levels[0].counts[Int(vocabulary.end!)] > 0
    var weights = MixtureWeights(componentCount: rows.order)
    let reader = TokenReader(paths: paths, numbering: .known(vocabulary))
    while let block = try reader.next() {
      var start = 0
      for end in block.recordEnds {
        var context = [vocabulary.beginning!]
        for token in block.tokens[start..<end] + (predictsEnd ? [vocabulary.end!] : []) {
          weights.add(frequencies(of: token, after: context, tree, total))
          context = Array((context + [token]).suffix(max(rows.order - 1, 1)))
        }
        start = end
      }
    }
    guard weights.tokenCount > 0 else {
      throw StreamError(.none, "the held-out text has no token that was counted")
    }
    return weights.maximized()
  }

  /// N(hw)/N(h) of each order whose context was seen; of a record's beginning all orders are.
  private func frequencies(
    of token: Token, after context: [Token], _ tree: NGramTree, _ total: Double
  ) -> [Double] {
    var result = [Double(tree.levels[0].counts[Int(token)]) / total]
    for length in stride(from: 1, through: min(context.count, rows.order - 1), by: 1) {
      guard let node = tree.node(of: context.suffix(length)) else { break }
      let children = tree.levels[length - 1].children(of: node)
      let counts = tree.levels[length].counts
      let sum = children.reduce(0) { $0 + counts[$1] }
      guard sum > 0 else { break }
      let child = tree.child(of: node, level: length - 1, by: token)
      result.append(Double(child.map { counts[$0] } ?? 0) / Double(sum))
    }
    if context.first == rows.vocabulary.beginning, result.count == context.count + 1 {
      while result.count < rows.order { result.append(result.last!) }
    }
    return result
  }
}

extension NGramTree {
  /// The node of an n-gram.
  func node(of tokens: ArraySlice<Token>) -> Int? {
    var node = Int(tokens.first!)
    for (level, token) in tokens.dropFirst().enumerated() {
      guard let child = child(of: node, level: level, by: token) else { return nil }
      node = child
    }
    return node
  }
}
