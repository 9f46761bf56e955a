// SPDX-License-Identifier: Apache-2.0

package import TokenStreams

/// A back-off model as a tree of n-grams with their values: what estimation makes, ARPA holds, and
/// pruning and mixing change.
///
/// log10 p(w|h) is the value of «hw» if it is there, else the back-off of h (0 if h is not there) plus
/// the same for h without its first token. Reference: Katz 1987.
package struct BackoffTable: Sendable {
  package var vocabulary: Vocabulary
  /// The nodes; counts may be empty.
  package var levels: [NGramTree.Level]
  /// [level][node]; −∞ is zero.
  package var log10Probabilities: [[Double]]
  /// [level][node] The weight of the lower order after the n-gram as a context; empty on the last level.
  package var log10Backoffs: [[Double]]

  package var order: Int { levels.count }

  /// Rounds all values to single precision, as which they are stored.
  mutating func roundToSingle() {
    for level in levels.indices {
      for node in log10Probabilities[level].indices {
        log10Probabilities[level][node] = Double(Float(log10Probabilities[level][node]))
      }
      for node in log10Backoffs[level].indices {
        log10Backoffs[level][node] = Double(Float(log10Backoffs[level][node]))
      }
    }
  }
}

/// The values of a back-off model, wherever they are.
protocol BackoffValues {
  var vocabulary: Vocabulary { get }
  var order: Int { get }
  func nodeCount(level: Int) -> Int
  func token(level: Int, node: Int) -> Token
  func firstChild(level: Int, node: Int) -> Int
  func log10Probability(level: Int, node: Int) -> Double
  func log10Backoff(level: Int, node: Int) -> Double
}

extension BackoffTable: BackoffValues {
  func nodeCount(level: Int) -> Int { levels[level].tokens.count }
  func token(level: Int, node: Int) -> Token { levels[level].tokens[node] }
  func firstChild(level: Int, node: Int) -> Int { Int(levels[level].firstChildren[node]) }
  func log10Probability(level: Int, node: Int) -> Double { log10Probabilities[level][node] }
  func log10Backoff(level: Int, node: Int) -> Double { log10Backoffs[level][node] }
}
