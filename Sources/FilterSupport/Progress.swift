// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
internal import ByteStreams

/// When to show progress.
public enum ProgressWhen: String, ExpressibleByArgument, CaseIterable, Sendable {
  case auto, always, never
}

/// One line on standard error that says how far a stage is: at most four updates a second on a
/// terminal, where it is erased in the end; with `always` elsewhere, a plain line every ten seconds.
public final class Progress {
  private let stage: String
  private let isTerminal: Bool
  private let isShown: Bool
  private let start = Machine.seconds()
  private var last: Double
  private var hasLine = false

  init(_ stage: String, when: ProgressWhen) {
    self.stage = stage
    isTerminal = isatty(2) == 1
    isShown = when == .always || (when == .auto && isTerminal)
    last = start
  }

  /// Says how many bytes are done, of how many if that is known.
  public func update(byteCount: Int, of total: Int? = nil) {
    update {
      let seconds = max($0, 1e-3)
      let rate = Double(byteCount) / seconds / 1e6
      let share = total.map { $0 > 0 ? " of \(megabytes($0)) MB" : "" } ?? ""
      return "\(megabytes(byteCount)) MB\(share), \(Int(rate)) MB/s"
    }
  }

  /// Shows what `text` says, given the seconds since the start; called only when a line is due.
  public func update(_ text: (Double) -> String) {
    guard isShown else { return }
    let now = Machine.seconds()
    guard now - last >= (isTerminal ? 0.25 : 10) else { return }
    last = now
    let line = "\(Message.programName): \(stage): \(text(now - start))"
    if isTerminal {
      hasLine = true
      Message.write("\r\u{1B}[K\(line)")
    } else {
      Message.write(line + "\n")
    }
  }

  /// Erases the line.
  public func finish() {
    if hasLine { Message.write("\r\u{1B}[K") }
    hasLine = false
  }

  deinit { finish() }

  private func megabytes(_ byteCount: Int) -> Int { byteCount / 1_000_000 }
}
