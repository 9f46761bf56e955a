// SPDX-License-Identifier: Apache-2.0

/// A set of code points as patterns write it: ranges, general categories, unions, complements.
indirect enum CharacterSet: Sendable {
  case ranges([ClosedRange<UInt32>])
  /// One bit a category, by the raw value of `UnicodeCategory`.
  case categories(UInt32)
  case union([CharacterSet])
  case intersection([CharacterSet])
  case complement(CharacterSet)

  /// `\s`: White_Space.
  static let whitespace = CharacterSet.ranges([
    0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A,
    0x2028...0x2029, 0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
  ])
  /// `\w` of Oniguruma: letters, marks, digits, letters that are numbers, connectors, circled letters,
  /// and of the other numbers those of Latin-1.
  static let word = CharacterSet.union([
    category("L")!, category("M")!, category("Nd")!, category("Nl")!, category("Pc")!,
    .ranges([
      0xB2...0xB3, 0xB9...0xB9, 0xBC...0xBE, 0x24B6...0x24E9, 0x1F130...0x1F149,
      0x1F150...0x1F169, 0x1F170...0x1F189,
    ]),
  ])
  static let digit = category("Nd")!
  /// `.`
  static let anyButNewline = CharacterSet.complement(.ranges([0x0A...0x0A]))

  /// A general category, or a group of them: `Lu`, `L`.
  static func category(_ name: String) -> CharacterSet? {
    let name = name.lowercased()
    if name == "any" { return .ranges([0...0x10FFFF]) }
    let bits = UnicodeCategory.allCases.reduce(UInt32(0)) { bits, category in
      "\(category)".hasPrefix(name) ? bits | 1 << UInt32(category.rawValue) : bits
    }
    return (1...2).contains(name.count) && bits != 0 ? .categories(bits) : nil
  }

  func contains(_ scalar: UInt32) -> Bool {
    switch self {
    case .ranges(let ranges): ranges.contains { $0.contains(scalar) }
    case .categories(let bits): bits >> UInt32(UnicodeCategory.number(of: scalar)) & 1 != 0
    case .union(let sets): sets.contains { $0.contains(scalar) }
    case .intersection(let sets): sets.allSatisfy { $0.contains(scalar) }
    case .complement(let set): !set.contains(scalar)
    }
  }

  /// The set with both cases of each letter; ſ counts as s and the Kelvin sign as k.
  func foldingCase() -> CharacterSet {
    switch self {
    case .ranges(let ranges):
      var all = ranges
      for range in ranges where range.count <= 0x1000 {
        for scalar in range {
          for other in UnicodeData.caseVariants(of: scalar) { all.append(other...other) }
        }
      }
      return .ranges(all)
    case .categories: return self
    case .union(let sets): return .union(sets.map { $0.foldingCase() })
    case .intersection(let sets): return .intersection(sets.map { $0.foldingCase() })
    case .complement(let set): return .complement(set.foldingCase())
    }
  }
}

/// A set with the answers for ASCII ready.
struct CompiledSet: Sendable {
  private let low: UInt64
  private let high: UInt64
  private let set: CharacterSet

  init(_ set: CharacterSet) {
    func bits(_ first: UInt32) -> UInt64 {
      (0..<64).reduce(UInt64(0)) { set.contains(first + $1) ? $0 | 1 << UInt64($1) : $0 }
    }
    low = bits(0)
    high = bits(64)
    self.set = set
  }

  @inline(__always) func contains(_ scalar: UInt32) -> Bool {
    if scalar < 64 { return low &>> UInt64(scalar) & 1 != 0 }
    if scalar < 128 { return high &>> UInt64(scalar &- 64) & 1 != 0 }
    return set.contains(scalar)
  }
}
