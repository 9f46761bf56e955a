// SPDX-License-Identifier: Apache-2.0

import FuzzTargets
import Glibc

/// The target that $FUZZ_TARGET names.
private let target: FuzzTarget = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    fatalError("$FUZZ_TARGET is none of \(FuzzTarget.all.map(\.name))")
  }
  return target
}()

/// libFuzzer's entry.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// Writes the seeds of the target where $FUZZ_SEEDS says, as libFuzzer's first corpus.
@_cdecl("LLVMFuzzerInitialize")
public func prepare(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
  guard let folder = getenv("FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
  for (index, seed) in ((try? target.seeds()) ?? []).enumerated() {
    guard let file = fopen("\(folder)/seed-\(index)", "w") else { return 1 }
    fwrite(seed, 1, seed.count, file)
    fclose(file)
  }
  return 0
}
