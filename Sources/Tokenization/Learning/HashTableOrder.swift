// SPDX-License-Identifier: Apache-2.0

/// The order in which GNU's C++ library goes through a hash table of strings: fastBPE numbers characters in
/// this order of their words.
///
/// All entries are one list. An entry goes before the others of its bucket, or before all where its
/// bucket is empty; a table that is full is filled anew, in the order of its list, with the next number
/// of buckets.
///
/// Reference: `std::unordered_map` of libstdc++ (hashtable.h, hash_bytes.cc), for which
/// `std::hash<std::string>` is MurmurHash64A.
struct HashTableOrder {
  /// By entry: its hash, and the entry behind it; `end` is none.
  private var hashes: [UInt64] = []
  private var following: [Int] = []
  private var first = HashTableOrder.end
  /// By bucket: the entry before its first one, or `end`; `unused` for an empty bucket.
  private var buckets: [Int] = [HashTableOrder.unused]
  private static let end = -1
  private static let unused = -2
  /// How many buckets a table has, one growth after the other.
  private static let sizes = [
    1, 13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172_933, 351_061,
    712_697, 1_447_153, 2_938_679, 5_967_347, 12_117_689, 24_607_243, 49_969_847, 101_473_717,
    206_062_531, 418_451_333, 849_749_479, 1_725_587_117, 3_504_151_727,
  ]
  private var growthCount = 0

  /// Adds the next entry, which is no other's equal.
  mutating func add(_ key: UnsafeBufferPointer<UInt8>) {
    if growthCount == 0 || hashes.count == buckets.count { grow() }
    hashes.append(HashTableOrder.hash(key))
    following.append(HashTableOrder.end)
    insert(hashes.count - 1)
  }

  /// The numbers of the entries, in the order of the list.
  var order: [Int] {
    var order: [Int] = []
    var entry = first
    while entry != HashTableOrder.end {
      order.append(entry)
      entry = following[entry]
    }
    return order
  }

  /// By entry: where it stands in the list.
  var ranks: [Int] {
    var ranks = hashes.indices.map { _ in 0 }
    for (rank, entry) in order.enumerated() { ranks[entry] = rank }
    return ranks
  }

  private func bucket(of entry: Int) -> Int { Int(hashes[entry] % UInt64(buckets.count)) }

  private mutating func insert(_ entry: Int) {
    let bucket = bucket(of: entry)
    let before = buckets[bucket]
    if before == HashTableOrder.unused {
      following[entry] = first
      if first != HashTableOrder.end { buckets[self.bucket(of: first)] = entry }
      first = entry
      buckets[bucket] = HashTableOrder.end
    } else if before == HashTableOrder.end {
      following[entry] = first
      first = entry
    } else {
      following[entry] = following[before]
      following[before] = entry
    }
  }

  private mutating func grow() {
    let entries = order
    growthCount += 1
    buckets = Array(
      repeating: HashTableOrder.unused, count: HashTableOrder.sizes[growthCount])
    first = HashTableOrder.end
    for entry in entries { insert(entry) }
  }

  private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let multiplier: UInt64 = 0xC6A4_A793_5BD1_E995
    func mixed(_ value: UInt64) -> UInt64 { value ^ value >> 47 }
    var hash = 0xC70F_6907 ^ UInt64(key.count) &* multiplier
    for start in stride(from: 0, to: key.count, by: 8) {
      let bytes = key[start..<min(start + 8, key.count)]
      let word = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
      let isWhole = bytes.count == 8
      hash = (hash ^ (isWhole ? mixed(word &* multiplier) &* multiplier : word)) &* multiplier
    }
    return mixed(mixed(hash) &* multiplier)
  }
}
