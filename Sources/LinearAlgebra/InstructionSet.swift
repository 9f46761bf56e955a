// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import CKernels

/// The vector instructions that the kernels are compiled for, in rising order.
///
/// The level is chosen once, when a program starts: the highest that the CPU has, or the one that
/// `CHAINRULE_ISA` names. Results differ in their last bits between levels (sums run over lanes, and
/// the baseline of x86-64 rounds a product before it adds), never within one.
public enum InstructionSet: Int, CaseIterable, Sendable {
  /// SSE2 on x86-64, NEON on arm64.
  case baseline
  /// AVX2 with FMA.
  case avx2
  /// AVX-512 F, BW, DQ and VL.
  case avx512

  /// As in `CHAINRULE_ISA`.
  public var name: String { "\(self)" }

  /// Those that this machine can run; the baseline is always among them.
  public static var available: [InstructionSet] {
    allCases.filter { kernels_at(CInt($0.rawValue)) != nil }
  }

  /// The highest level that this machine has, or the lower one that `CHAINRULE_ISA` asks for.
  ///
  /// - Throws: `StreamError` when the variable names no level, or one that the machine lacks.
  public static func chosen() throws(StreamError) -> InstructionSet {
    guard let value = getenv("CHAINRULE_ISA") else { return available.last! }
    return try named(String(cString: value))
  }

  /// The level of that name.
  ///
  /// - Throws: `StreamError` when there is none, or when the machine lacks it.
  public static func named(_ name: String) throws(StreamError) -> InstructionSet {
    guard let level = allCases.first(where: { $0.name == name }) else {
      throw StreamError(
        .none, "CHAINRULE_ISA is '\(name)', which is no instruction set",
        advice: "use one of \(allCases.map(\.name).joined(separator: ", "))")
    }
    guard available.contains(level) else {
      throw StreamError(
        .none, "CHAINRULE_ISA asks for \(name), which this machine lacks",
        advice: "use one of \(available.map(\.name).joined(separator: ", "))")
    }
    return level
  }

  /// The functions of this level.
  var kernels: UnsafePointer<kernel_table> { kernels_at(CInt(rawValue))! }
}
