// SPDX-License-Identifier: Apache-2.0

/// The general category of a code point, pinned to the Unicode version of `UnicodeTable`.
public enum UnicodeCategory: UInt8, CaseIterable, Sendable {
  case cn, cc, cf, co, cs, lu, ll, lt, lm, lo, mn, mc, me, nd, nl, no, pc, pd, ps, pe, pi, pf, po
  case sm, sc, sk, so, zs, zl, zp

  /// The version of Unicode that the tables hold.
  public static var unicodeVersion: String { UnicodeTable.version }

  @inline(__always) public init(of scalar: UInt32) {
    self = UnicodeCategory(rawValue: UnicodeCategory.number(of: scalar))!
  }

  /// The raw value of the category. Two loads: index, then block.
  @inline(__always) static func number(of scalar: UInt32) -> UInt8 {
    let index = UnicodeTable.index.utf8Start + 2 &* Int(scalar &>> UnicodeTable.blockShift)
    let block = Int(index[0] &- 0x30) &<< 6 | Int(index[1] &- 0x30)
    let place = Int(scalar & (1 &<< UnicodeTable.blockShift &- 1))
    return UnicodeTable.blocks.utf8Start[block &<< Int(UnicodeTable.blockShift) | place] &- 0x41
  }
}

/// Sets of categories as bit masks, with the bits that the split patterns ask for.
struct CategorySet: Sendable {
  let bits: UInt32

  init(_ categories: UnicodeCategory...) {
    bits = categories.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
  }

  @inline(__always) init(bits: UInt32) { self.bits = bits }

  @inline(__always) func contains(_ number: UInt8) -> Bool { bits &>> UInt32(number) & 1 != 0 }

  // The numbers are those of UnicodeCategory's cases, spelt out so that they fold into the code.
  /// `\p{L}`
  @inline(__always) static var letters: CategorySet { CategorySet(bits: 0x3E0) }
  /// `\p{M}`
  @inline(__always) static var marks: CategorySet { CategorySet(bits: 0x1C00) }
  /// `\p{N}`
  @inline(__always) static var numbers: CategorySet { CategorySet(bits: 0xE000) }
  /// `\p{P}`
  static let punctuation = CategorySet(.pc, .pd, .ps, .pe, .pi, .pf, .po)
  /// `[\p{Cc}\p{Cf}\p{Co}]`
  static let controls = CategorySet(.cc, .cf, .co)
  /// `\p{Z}`
  @inline(__always) static var separators: CategorySet { CategorySet(bits: 0x3800_0000) }
  /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
  @inline(__always) static var capitals: CategorySet { CategorySet(bits: 0x1FA0) }
  /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
  @inline(__always) static var smalls: CategorySet { CategorySet(bits: 0x1F40) }
}
