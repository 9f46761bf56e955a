// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import Probability

/// Spins on a grid whose edges are joined, each bound to its right and its lower neighbour.
///
/// E(s) = −Σ_bonds s_i s_j with coupling 1 and Boltzmann's constant 1. Reference: Ising 1925, «Beitrag
/// zur Theorie des Ferromagnetismus»; the model is Lenz's of 1920.
public struct IsingModel: Sendable {
  public let rows: Int
  public let columns: Int
  /// The two ends of each bond; a grid two wide has its bonds twice.
  private let bonds: [(Int, Int)]
  /// The ends of the bonds of each spin.
  private let neighbours: [[Int]]

  /// What is known of the grid at one temperature.
  public struct Moments: Sendable {
    public var temperature: Double
    /// Mean energy of a spin.
    public var energyPerSite: Double
    /// Mean of |Σ s| / spins.
    public var absoluteMagnetisation: Double
    /// Σ e^(−E/T) over all states; only when all were visited.
    public var partitionFunction: Double?
    /// The grid's last state when it was sampled; [rows * columns], +1 or −1.
    public var lastState: [Int8] = []
  }

  public init(rows: Int, columns: Int) {
    precondition(rows > 0 && columns > 0)
    self.rows = rows
    self.columns = columns
    var bonds: [(Int, Int)] = []
    var neighbours = Array(repeating: [Int](), count: rows * columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let site = row * columns + column
        for other in [
          row * columns + (column + 1) % columns, (row + 1) % rows * columns + column,
        ] {
          bonds.append((site, other))
          neighbours[site].append(other)
          neighbours[other].append(site)
        }
      }
    }
    self.bonds = bonds
    self.neighbours = neighbours
  }

  public var siteCount: Int { rows * columns }

  /// The largest grid that `exactMoments` enumerates.
  public static let largestExactSiteCount = 25

  /// The moments by visiting all 2^sites states.
  ///
  /// - Complexity: O(2^sites): a Gray code flips one spin a step.
  public func exactMoments(temperature: Double) -> Moments {
    precondition(siteCount <= IsingModel.largestExactSiteCount && temperature > 0)
    var state = [Int8](repeating: -1, count: siteCount)
    var energy = -bonds.count
    var magnetisation = -siteCount
    // Weights relative to the lowest energy: the largest is 1 and nothing overflows.
    let ground = Double(energy)
    var total = 0.0
    var energySum = 0.0
    var magnetisationSum = 0.0
    for step in 1...(1 << siteCount) {
      let weight = exp(-(Double(energy) - ground) / temperature)
      total += weight
      energySum += weight * Double(energy)
      magnetisationSum += weight * Double(abs(magnetisation))
      guard step < 1 << siteCount else { break }
      let site = step.trailingZeroBitCount
      energy += energyOfFlipping(site, in: state)
      state[site] = -state[site]
      magnetisation += 2 * Int(state[site])
    }
    return Moments(
      temperature: temperature, energyPerSite: energySum / total / Double(siteCount),
      absoluteMagnetisation: magnetisationSum / total / Double(siteCount),
      partitionFunction: total * exp(-ground / temperature))
  }

  /// The moments by Glauber dynamics from the all-up state: each sweep visits the spins in order and
  /// sets each from its heat bath. The first tenth of the sweeps is not counted.
  ///
  /// Reference: Glauber 1963, «Time-dependent statistics of the Ising model».
  public func sampledMoments(temperature: Double, sweeps: Int, random: RandomNumbers) -> Moments {
    precondition(sweeps > 0 && temperature > 0)
    var state = [Int8](repeating: 1, count: siteCount)
    let warmUp = sweeps / 10
    var energySum = 0.0
    var magnetisationSum = 0.0
    for sweep in 0..<sweeps {
      for site in 0..<siteCount {
        let field = neighbours[site].reduce(0) { $0 + (($1 == site) ? 0 : Int(state[$1])) }
        let up = 1 / (1 + exp(-2 * Double(field) / temperature))
        let u = random.uniform(record: 1, step: UInt64(sweep * siteCount + site))
        state[site] = u < up ? 1 : -1
      }
      guard sweep >= warmUp else { continue }
      energySum += Double(energy(of: state))
      magnetisationSum += Double(abs(state.reduce(0) { $0 + Int($1) }))
    }
    let scale = Double(sweeps - warmUp) * Double(siteCount)
    return Moments(
      temperature: temperature, energyPerSite: energySum / scale,
      absoluteMagnetisation: magnetisationSum / scale, lastState: state)
  }

  /// E(s), a whole number.
  public func energy(of state: [Int8]) -> Int {
    bonds.reduce(0) { $0 - Int(state[$1.0]) * Int(state[$1.1]) }
  }

  private func energyOfFlipping(_ site: Int, in state: [Int8]) -> Int {
    // A bond of a spin with itself (a grid one wide) does not change.
    2 * neighbours[site].reduce(0) { $0 + ($1 == site ? 0 : Int(state[$1])) } * Int(state[site])
  }
}
