// SPDX-License-Identifier: Apache-2.0

internal import Optimization

extension RecurrentModelFile {
  /// What the file holds, for people: tensors with their shapes, and how many parameters in all.
  ///
  /// - unrolledSteps: when not zero, as many copies in time are listed, which share the parameters.
  public func summary(unrolledSteps: Int = 0) -> String {
    let layout = ParameterLayout(configuration)
    var lines = [configuration.description, "mode \(mode.rawValue)"]
    switch configuration.input {
    case .tokens(let count, let width):
      let start = count - configuration.outputCount
      let rows = start > 0 ? "(\(configuration.outputCount)+\(start))" : "\(count)"
      lines.append("embedding \(rows)x\(width)")
    case .columns(let width): lines.append("columns \(width)")
    }
    for layer in 0..<configuration.layerCount {
      let gates = configuration.cell.gateCount
      let block = gates > 1 ? "\(gates)x" : ""
      let width = configuration.hiddenWidth
      // As the lecture writes them: from, to.
      lines.append("W_xh (\(configuration.inputWidth(ofLayer: layer)),\(block)\(width))")
      lines.append("W_hh (\(width),\(block)\(width))")
    }
    lines.append("W_hy (\(configuration.hiddenWidth),\(configuration.outputCount))")
    lines += layout.tensors.map {
      "tensor \($0.name) [\($0.shape.map(String.init).joined(separator: ","))]"
    }
    for step in 0..<unrolledSteps {
      lines.append("step \(step + 1): h\(step + 1) = f(x\(step + 1), h\(step)), same parameters")
    }
    lines.append("total \(layout.count)")
    return lines.joined(separator: "\n") + "\n"
  }
}
