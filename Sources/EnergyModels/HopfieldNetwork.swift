// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import Probability

/// A network of two-state units that remembers patterns as the valleys of an energy.
///
/// Reference: Hopfield 1982, «Neural networks and physical systems with emergent collective
/// computational abilities»; the learning rule is Hebb's, W = Σ x xᵀ with an empty diagonal.
public struct HopfieldNetwork: Sendable {
  /// Number of units.
  public let width: Int
  /// - weights: [width, width], row-major, symmetric, whole numbers (not divided by the width).
  private var weights: [Int32]

  public init(width: Int) {
    self.width = width
    weights = Array(repeating: 0, count: width * width)
  }

  /// Adds a pattern to what is remembered.
  ///
  /// - pattern: [width], each +1 or −1.
  public mutating func remember(_ pattern: [Int32]) {
    precondition(pattern.count == width)
    for row in 0..<width {
      for column in 0..<width where column != row {
        weights[row * width + column] += pattern[row] * pattern[column]
      }
    }
  }

  /// The field that the other units exert on `unit`: Σ_j W_ij s_j.
  public func field(on unit: Int, in state: [Int32]) -> Int {
    var sum = 0
    for column in 0..<width { sum += Int(weights[unit * width + column]) * Int(state[column]) }
    return sum
  }

  /// −½ Σ_ij W_ij s_i s_j, in units of one weight.
  public func energy(of state: [Int32]) -> Double {
    var sum = 0
    for unit in 0..<width { sum += Int(state[unit]) * field(on: unit, in: state) }
    return -0.5 * Double(sum)
  }

  /// Lets `state` slide into a valley: units take the sign of their field, one after the other in
  /// index order, until none changes. A field of zero leaves its unit as it is.
  ///
  /// The energy never rises, so this ends.
  public func settle(_ state: inout [Int32]) {
    precondition(state.count == width)
    var changed = true
    while changed {
      changed = false
      for unit in 0..<width {
        let field = field(on: unit, in: state)
        let wanted: Int32 = field > 0 ? 1 : field < 0 ? -1 : state[unit]
        changed = changed || wanted != state[unit]
        state[unit] = wanted
      }
    }
  }

  /// Visits every unit `sweeps` times in index order; a unit becomes +1 with probability
  /// 1 / (1 + e^(−2 field / (width · temperature))), the heat bath at that temperature.
  ///
  /// - record: which draw of `random` this is; equal records give equal results.
  public func sample(
    _ state: inout [Int32], temperature: Double, sweeps: Int, random: RandomNumbers, record: Int
  ) {
    precondition(temperature > 0 && state.count == width)
    for sweep in 0..<sweeps {
      for unit in 0..<width {
        let field = Double(field(on: unit, in: state)) / Double(width)
        let up = 1 / (1 + exp(-2 * field / temperature))
        let u = random.uniform(record: UInt64(record), step: UInt64(sweep * width + unit))
        state[unit] = u < up ? 1 : -1
      }
    }
  }
}
