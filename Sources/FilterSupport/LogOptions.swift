// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import ByteStreams

/// Where a program that trains writes how it gets on.
public struct LogOptions: ParsableArguments {
  /// How a row is written.
  public enum Format: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// Values with TABs between, below a line of names.
    case tsv
    /// One JSON object a line; what is missing is null.
    case json
  }

  @Option(
    help: ArgumentHelp(
      "Write losses and rates to FILE, row by row while it runs.", valueName: "file"))
  public var log: String?

  @Option(help: "Rows of the log: tsv, with a line of names, or json, an object a line.")
  public var logFormat: Format?

  public init() {}

  public func validate() throws {
    if log == nil, logFormat != nil { throw ValidationError("--log-format needs --log") }
  }

  /// The log, if one is wanted.
  ///
  /// - isContinued: whether rows that are there are kept.
  public func open(isContinued: Bool = false) throws(StreamError) -> RowLog? {
    guard let log else { return nil }
    return RowLog(
      try LineLog(path: log, isContinued: isContinued), format: logFormat ?? .tsv)
  }
}

/// A log of rows that all have the same columns.
public final class RowLog {
  private let lines: LineLog
  private let format: LogOptions.Format
  private var needsNames: Bool

  init(_ lines: LineLog, format: LogOptions.Format) {
    self.lines = lines
    self.format = format
    needsNames = format == .tsv && lines.isEmpty
  }

  /// Writes a row at once.
  ///
  /// - row: names of the columns and numbers in decimal, empty where there is none.
  public func write(_ row: [(name: String, value: String)]) throws(StreamError) {
    if needsNames { try lines.write(line: row.map(\.name).joined(separator: "\t")) }
    needsNames = false
    switch format {
    case .tsv: try lines.write(line: row.map(\.value).joined(separator: "\t"))
    case .json:
      let members = row.map { "\"\($0.name)\": \($0.value.isEmpty ? "null" : $0.value)" }
      try lines.write(line: "{\(members.joined(separator: ", "))}")
    }
  }
}
