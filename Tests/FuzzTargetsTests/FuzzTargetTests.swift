// SPDX-License-Identifier: Apache-2.0

import FuzzTargets
import TestSupport
import Testing

/// Changes some bytes as libFuzzer does: flips, numbers of note, cuts, copies, crossings.
private func mutated(
  _ seed: [UInt8], _ other: [UInt8], _ generator: inout SeededGenerator
) -> [UInt8] {
  var bytes = seed
  for _ in 0..<Int.random(in: 1...4, using: &generator) {
    let place = Int.random(in: 0...bytes.count, using: &generator)
    let end = min(bytes.count, place + Int.random(in: 0...8, using: &generator))
    switch Int.random(in: 0..<7, using: &generator) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(generator.next() & 7)
    case 1 where place < bytes.count:
      bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator)!
    case 2: bytes.insert(UInt8(truncatingIfNeeded: generator.next()), at: place)
    case 3: bytes.removeSubrange(place..<end)
    case 4: bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 5: bytes = Array(bytes[..<place]) + other.suffix(other.count - min(other.count, place))
    default: bytes.removeSubrange(place...)
    }
  }
  return bytes
}

@Test(arguments: FuzzTarget.all.indices) func `a thousand spoilt inputs do no harm`(index: Int)
  throws
{
  let target = FuzzTarget.all[index]
  let seeds = try target.seeds()
  // A well-formed input is accepted.
  for seed in seeds { try target.attack(seed) }
  var generator = SeededGenerator(seed: UInt64(index))
  for _ in 0..<1000 {
    let seed = seeds.randomElement(using: &generator)!
    target.run(mutated(seed, seeds.randomElement(using: &generator)!, &generator))
  }
}

@Test(arguments: FuzzTarget.all.indices) func `seeds cut at any byte do no harm`(index: Int) throws
{
  let target = FuzzTarget.all[index]
  for seed in try target.seeds() {
    for count in 0..<min(seed.count, 2000) { target.run(Array(seed[..<count])) }
  }
}
