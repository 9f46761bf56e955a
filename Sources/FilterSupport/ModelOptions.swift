// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// The model that a program opens.
public struct ModelOptions: ParsableArguments {
  @Option(
    name: [.customShort("m", allowingJoined: true), .customLong("model")],
    help: ArgumentHelp(
      "Model of any kind, recognised by its content; '-' is standard input.", valueName: "file"))
  public var path: String

  public init() {}

  /// Refuses to read the model and one of `files` both from standard input.
  public func validate(besides files: [String]) throws {
    if path == "-", files.contains("-") {
      throw ValidationError("standard input ('-') can be read only once; name the model's file")
    }
  }
}
