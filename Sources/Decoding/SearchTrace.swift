// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

/// The tree of a beam search, drawn by Graphviz's `dot`: what was kept, what was pruned (dashed), and
/// the records found (bold), each with its log-probability in bits.
public final class SearchTrace {
  private struct Node {
    var parent: Int
    var token: Token
    var bits: Double
    var isKept: Bool
  }

  private let vocabulary: Vocabulary
  /// Node 0 is the prompt.
  private var nodes: [Node] = []
  private var trees: [String] = []

  public init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }

  /// Adds a symbol after node `parent`; returns its node's number.
  func add(_ token: Token, logProbability: Double, after parent: Int, isKept: Bool) -> Int {
    nodes.append(
      Node(
        parent: parent, token: token, bits: -logProbability / log(2), isKept: isKept))
    return nodes.count
  }

  /// Ends the tree of one search.
  func finish(_ found: [Hypothesis], prompt: [Token]) {
    let paths = Set(found.map { Array($0.tokens.dropFirst(prompt.count)) })
    let number = trees.count
    var lines = "  subgraph cluster\(number) {\n    color=none;\n"
    let root = prompt.isEmpty ? "<s>" : prompt.map(spelling).joined(separator: " ")
    lines += "    n\(number)_0 [label=\(quoted(root)), penwidth=2];\n"
    for (index, node) in nodes.enumerated() {
      let tokens = path(to: index + 1)
      let isFound = paths.contains {
        $0.starts(with: tokens) || ($0 == tokens.dropLast() && node.token == vocabulary.end)
      }
      let style = node.isKept ? (isFound ? "penwidth=2" : "penwidth=1") : "style=dashed"
      let bits = (node.bits * 1000).rounded() / 1000
      lines +=
        "    n\(number)_\(index + 1) [label=\(quoted(spelling(node.token) + "\n\(bits)")), \(style)];\n"
        + "    n\(number)_\(node.parent) -> n\(number)_\(index + 1) [\(style)];\n"
    }
    trees.append(lines + "  }\n")
    nodes = []
  }

  /// The graph in the DOT language.
  public var text: String {
    "digraph beam {\n  rankdir=LR;\n  node [shape=box, fontname=\"Helvetica\"];\n"
      + trees.joined() + "}\n"
  }

  private func path(to node: Int) -> [Token] {
    var tokens: [Token] = []
    var node = node
    while node > 0 {
      tokens.append(nodes[node - 1].token)
      node = nodes[node - 1].parent
    }
    return tokens.reversed()
  }

  private func spelling(_ token: Token) -> String {
    String(decoding: vocabulary.spelling(of: token), as: UTF8.self)
  }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for character in text.unicodeScalars {
      switch character {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(character)
      }
    }
    return result + "\""
  }
}
