// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// What to generate after, how much, and in which form.
public struct GenerationOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Prompts as token text; the empty one when none.", valueName: "prompt"))
  public var operands: [String] = []

  @Option(help: ArgumentHelp("A prompt, like an operand.", valueName: "tokens"))
  public var prompt: [String] = []

  @Option(
    help: ArgumentHelp("Read prompts from a token stream, one a record.", valueName: "file"))
  public var prompts: String?

  @Option(
    help: ArgumentHelp(
      "Tokens to generate at most after a prompt.", valueName: "n"))
  public var maxTokens: Int?

  @Flag(help: "Print tokens, also where the model knows how they become text.")
  public var tokens = false

  @Flag(help: "Print the tokens' numbers in the model's vocabulary.")
  public var ids = false

  @Flag(name: [.customShort("z"), .long], help: "Records end in NUL instead of LF, in and out.")
  public var zeroTerminated = false

  public init() {}

  /// The byte that ends a record.
  public var terminator: UInt8 { zeroTerminated ? 0 : 0x0A }

  /// The prompts on the command line, in order.
  public var texts: [String] { operands + prompt }

  public func validate() throws {
    if tokens, ids { throw ValidationError("--tokens and --ids exclude each other") }
    if let maxTokens, maxTokens < 1 {
      throw ValidationError("--max-tokens \(maxTokens) is less than 1")
    }
  }
}
