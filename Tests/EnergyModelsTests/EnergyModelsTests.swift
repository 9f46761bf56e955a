// SPDX-License-Identifier: Apache-2.0

import EnergyModels
import Foundation
import Probability
import TestSupport
import Testing

@Test func `settling never raises the energy and ends where no unit wants to move`() {
  var generator = SeededGenerator(seed: 7)
  for _ in 0..<50 {
    var network = HopfieldNetwork(width: 24)
    func pattern() -> [Int32] {
      (0..<24).map { _ in Bool.random(using: &generator) ? 1 : -1 }
    }
    for _ in 0..<3 { network.remember(pattern()) }
    var state = pattern()
    let before = network.energy(of: state)
    network.settle(&state)
    #expect(network.energy(of: state) <= before)
    for unit in 0..<24 { #expect(network.field(on: unit, in: state) * Int(state[unit]) >= 0) }
  }
}

@Test(arguments: [(1, 1), (1, 4), (2, 2), (3, 3), (2, 5)])
func `a Gray code visits the same states as plain counting`(rows: Int, columns: Int) {
  let model = IsingModel(rows: rows, columns: columns)
  let exact = model.exactMoments(temperature: 1.7)
  var total = 0.0
  var energySum = 0.0
  for code in 0..<(1 << model.siteCount) {
    let state = (0..<model.siteCount).map { code >> $0 & 1 == 1 ? Int8(1) : -1 }
    let energy = Double(model.energy(of: state))
    total += exp(-energy / 1.7)
    energySum += energy * exp(-energy / 1.7)
  }
  #expect(abs(exact.partitionFunction! / total - 1) < 1e-12)
  #expect(abs(exact.energyPerSite - energySum / total / Double(model.siteCount)) < 1e-12)
}

@Test(arguments: [1.0, 2.0, 4.0]) func `sampling agrees with the exact moments`(t: Double) {
  // 40 000 sweeps of nine spins: the standard error of either mean is below 0.005.
  let model = IsingModel(rows: 3, columns: 3)
  let exact = model.exactMoments(temperature: t)
  let sampled = model.sampledMoments(
    temperature: t, sweeps: 40_000, random: RandomNumbers(seed: 1))
  #expect(abs(exact.energyPerSite - sampled.energyPerSite) < 0.02)
  #expect(abs(exact.absoluteMagnetisation - sampled.absoluteMagnetisation) < 0.02)
}
