// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// What is read, and what of it validates.
public struct TrainingDataOptions: ParsableArguments {
  @Flag(help: "Train on the stream as one run of text: the state goes on from record to record.")
  public var continuous = false

  @Option(
    help: ArgumentHelp("Validate on FILE, or on a share such as 0.1.", valueName: "file"))
  public var valid: String?

  @Option(
    help: ArgumentHelp("Pieces that come less often become <unk>.", valueName: "n"))
  public var minCount = 1

  public init() {}

  public func validate() throws {
    if minCount < 1 { throw ValidationError("--min-count \(minCount) is less than 1") }
    if let heldOutShare, !(0..<1).contains(heldOutShare) {
      throw ValidationError("--valid \(heldOutShare) is no share between 0 and 1")
    }
  }

  /// The share of the data that validates, when --valid is a number.
  public var heldOutShare: Double? { valid.flatMap(Double.init) }

  public var validationFile: String? { heldOutShare == nil ? valid : nil }
}
